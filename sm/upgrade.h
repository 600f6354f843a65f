/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An upgrade in place of the sm parent: it executes the binary that is on the disk now, and keeps
 * its process number, its child, the lock and both listening sockets. */
#ifndef SM_UPGRADE_H
#define SM_UPGRADE_H

#include "sm/run_directory.h"

#include <sys/types.h>

void upgrade_note(void); /* at the start: which binary we are */
/* Returns when it cannot be done, with nothing changed. */
void upgrade(const struct run_directory *r, const struct conf *conf, pid_t child);
/* Takes over what such a predecessor left. False: there was none, or (`why` is set) what it named
 * is not there. */
bool upgrade_inherit(struct run_directory *r, const struct conf *conf, pid_t *child,
	struct buf *why);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The control socket: the running sm's side of the CLI. A request is one line of words
 * (commands.def, command.h), optionally followed by a secret line, ended by closing that direction;
 * the answer is text (report.h), ended by closing. Peers are judged by SO_PEERCRED and
 * SO_PEERGROUPS, so the socket itself may be open to all. */
#ifndef SM_CONTROL_H
#define SM_CONTROL_H

#include "sm/house.h"

struct control;

/* Serves clients on the listening socket `fd` (owned by the parent; this process's copy is closed
 * with it). NULL: `why`. */
MUST_CHECK struct control *control_new(struct house *h, int fd, struct buf *why);
/* Called at the end of each turn, after the turn is recorded: writes the answers that are
 * complete. */
void control_flush(struct control *c);
/* After a reload. */
void control_conf(struct control *c);
/* Its handles close when the loop runs once more. */
void control_free(struct control **c);

#endif

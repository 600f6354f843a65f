/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an sm parent holds while it lives: the run directory (made when absent), the lock on its pid
 * file, and two listening sockets. When it was started by root and the configuration names a user,
 * it becomes that user here, for life. */
#ifndef SM_RUN_DIRECTORY_H
#define SM_RUN_DIRECTORY_H

#include "common/conf.h"

struct run_directory {
	int pid_fd, c2s_fd, control_fd;
	const char *path; /* conf's */
};

/* False: `why`; another sm lives, or the system says no. */
MUST_CHECK bool run_directory_open(struct run_directory *r, const struct conf *conf,
	struct buf *why);
/* Lets the groups of this configuration knock at the control socket, from now on. */
void run_directory_admit(const struct conf *conf);
/* Removes the sockets and the pid file. */
void run_directory_close(struct run_directory *r);

#endif

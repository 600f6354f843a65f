/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one libseccomp user: what a worker may still ask of the kernel once it has warmed up. It may
 * serve the sockets that it has or is given, use memory and time; it may open nothing, connect to
 * nothing, start nothing. */
#ifndef C2S_CONFINE_H
#define C2S_CONFINE_H

#include "common/base.h"

enum confine_result {
	CONFINE_DONE,
	CONFINE_OFF,   /* not in this build: sanitizers and coverage need files of their own */
	CONFINE_FAILED /* errno says why */
};

/* For every thread of the process, for good. A call that is not allowed fails with EPERM; execve
 * kills the process. */
enum confine_result confine(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where log lines go. Standard error is always the descriptor that they are written to, also when
 * the log is a file: so what the C library says at a crash is in the file too, and children inherit
 * it. Syslog is a socket without a peer, opened before there are children and addressed anew with
 * each line: so a syslog daemon may come and go, and a confined worker needs no new socket. */
#ifndef COMMON_LOG_SINK_H
#define COMMON_LOG_SINK_H

#include "common/buf.h"

/* "stderr", "syslog", "syslog:SOCKET" or the absolute path of a file? */
bool log_sink_is_place(const char *where);
/* Lines go there from now on. A file is made when it is missing (mode 0640). False: `why`; they go
 * where they went. */
MUST_CHECK bool log_sink_open(const char *where, struct buf *why);
/* When the file was renamed or removed (as logrotate does), opens it anew in its place; looks at
 * most once a second. True: standard error is another file now. Children that may open files call
 * it themselves; a worker is sent the descriptor. */
bool log_sink_follow(void);
/* how long its caller may sleep that would sleep `ms` (-1: for ever) */
int log_sink_wait(int ms);
void log_sink_take(int fd); /* a worker: standard error is this file now; closes fd */

int log_sink_socket(void); /* of syslog, for children to keep; -1: there is none */

/* Of log.c. */
bool log_sink_is_syslog(void);
void log_sink_write(const char *line, size_t n); /* a line with its newline */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Telling whoever started us how we are (sd_notify(3)'s protocol): one datagram to the socket that
 * $NOTIFY_SOCKET names, as systemd, start-stop-daemon --notify-await and others set it. Without the
 * variable nothing is said. Only parents call this. */
#ifndef COMMON_NOTIFY_H
#define COMMON_NOTIFY_H

#include "common/base.h"

/* `status`: a line for people. False: nobody listens; that is no reason to do anything else. */
bool notify_ready(const char *status); /* READY=1, and our process id */
bool notify_reloading(void);           /* a reload begins; notify_ready ends it */
bool notify_stopping(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `sm serve`: the parent. It owns the run directory's lock and the two listening sockets, and keeps
 * one serving child (house.h) alive. */
#ifndef SM_SERVE_H
#define SM_SERVE_H

#include "common/conf.h"

/* Runs in the foreground until SIGTERM or SIGINT; returns the exit status. */
int serve(const struct conf *conf, const char *conf_path);

#endif

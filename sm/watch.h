/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an operator wants of c2s at run time, said to all of it, and to whoever joins later: a log
 * level, traces, and whom to refuse at the door; and what service discovery has to say. */
#ifndef SM_WATCH_H
#define SM_WATCH_H

#include "common/log.h"
#include "sm/link.h"
#include "sm/verify.h"

void watch_level(struct house *h, enum log_level level);
void watch_trace(struct house *h, uint32_t trace, struct str pattern); /* empty: it is over */
/* The guard of failed logins, whose bans go to the c2s parent; `verify`: where verdicts go. */
struct guard *watch_guard_new(struct house *h, const struct verify_out *verify);
void watch_caps(struct house *h);               /* to every worker, after a reload */
void watch_welcome(struct peer *p);             /* a worker has just been welcomed */
void watch_welcome_parent(struct peer_link *l); /* the c2s parent, the same */

#endif

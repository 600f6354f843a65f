/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What makes a process a service on this machine: descriptor limit, run directory, service user,
 * and the incarnation numbers that must never come twice. */
#ifndef C2S_SERVICE_H
#define C2S_SERVICE_H

#include "common/buf.h"
#include "common/conf.h"

#define SERVICE_WORKERS_MOST 64 /* as the settings `workers` and `max-workers` say */

struct service {
	int lock;      /* c2s.lock in the run directory, where `last` is kept; -1: not open */
	uint32_t last; /* incarnation given */
};

/* That we may run on; at least 1, at most what the setting `workers` may be. */
unsigned service_cores(void);
void service_raise_limits(void); /* the soft descriptor limit to the hard one; logged */
/* Makes the run directory when it is missing, and locks it against a second c2s. False: `why` says
 * why in one line. */
MUST_CHECK bool service_start(struct service *s, const struct conf *conf, struct buf *why);
/* The same with the lock that a predecessor in this very process held. */
MUST_CHECK bool service_resume(struct service *s, int lock, const struct conf *conf,
	struct buf *why);
void service_end(struct service *s);
/* From root to the setting `user`, for good; nothing when that is empty or we are not root. */
MUST_CHECK bool service_drop_root(const struct conf *conf, struct buf *why);
/* The next: grows with every call, and over restarts by the lock file, and by the clock should that
 * be lost. */
uint32_t service_incarnation(struct service *s);

#endif

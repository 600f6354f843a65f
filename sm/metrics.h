/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * metrics-listen: what sm and its workers count, in Prometheus' text format, by GET /metrics. One
 * request a connection; anything else is refused. metrics.c has the sockets, metrics_http.c judges
 * requests, metrics_text.c writes. Whoever may connect may read: no user's name is in it. */
#ifndef SM_METRICS_H
#define SM_METRICS_H

#include "sm/house.h"

#define METRICS_REQUEST_MOST 4096 /* bytes */

/* Does nothing when metrics-listen is empty. An address that cannot be listened on is logged and
 * tried again, because sm is there for other things. False: it is no address; `why`. */
MUST_CHECK bool metrics_start(struct house *h, struct buf *why);
void metrics_stop(struct house *h); /* its handles close when the loop runs once more */

/* The status of the answer; 0: the request is not complete. */
unsigned metrics_judge(struct str request);
void metrics_answer(struct buf *out, unsigned status, struct str body);
void metrics_text(struct house *h, struct buf *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the worker tells sm about itself (smlink.c says when): its live connections at each join
 * and in the census, and statistics. */
#ifndef C2S_SMLINK_TELL_H
#define C2S_SMLINK_TELL_H

#include "c2s/smlink.h"

#define SMLINK_TICK_MS 2000    /* between reports */
#define SMLINK_CENSUS_TICKS 15 /* between censuses */
/* The most connections whose queues a report names. sm takes all others for such as read, and gives
 * each a quarter of client-queue-bytes more: all that there is, for so many. */
#define SMLINK_QUEUES 1024

void smlink_join(struct smlink *l);
void smlink_census(struct smlink *l);
void smlink_report(struct smlink *l, bool leaving); /* leaving: it is the last one */

/* Of smlink.c, for these. */
struct worker *smlink_worker(const struct smlink *l);
struct channel *smlink_channel(struct smlink *l);

#endif

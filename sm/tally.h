/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Figures of all workers, for those who show them. */
#ifndef SM_TALLY_H
#define SM_TALLY_H

#include "common/log.h"
#include "sm/house.h"

#define TALLY_WORKERS_MOST 128

struct tally {
	size_t n;
	struct {
		const struct peer *peer;
		uint64_t sessions;
	} of[TALLY_WORKERS_MOST];
};

void tally_workers(struct house *h, struct tally *t);
/* Each event: of sm, of the workers, and of those that are gone. */
void tally_events(struct house *h, uint64_t sums[EVENT_TOP]);

#endif

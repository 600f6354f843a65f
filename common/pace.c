/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See pace.h. */
#include "common/pace.h"

#include <time.h>

#define NS 1000000000u

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

/* A signal ends a pause early, which is as well. */
static void pause_until(uint64_t ns)
{
	struct timespec t = {.tv_sec = (time_t)(ns / NS), .tv_nsec = (long)(ns % NS)};

	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

void pace_turn(struct pace *p)
{
	uint64_t now, end;

	if (!p->inputs)
		return;
	now = now_ns();
	end = p->since + PACE_US * 1000;
	if (now >= end) { /* this turn is the first in a new time */
		p->since = now;
		p->inputs = 1;
	} else if (p->inputs >= PACE_INPUTS) {
		pause_until(end);
		p->since = end;
		p->inputs = 0;
	}
}

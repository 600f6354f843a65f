/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A loop that many speak to does the same work for less when it takes more at a time: all that came
 * shares a turn's system calls and the wake-ups of other processes. So when several inputs have
 * come within PACE_US, the loop pauses for the rest of that time. Two who speak by turns never
 * wait, and turns that are as long by themselves have no pause between them. */
#ifndef COMMON_PACE_H
#define COMMON_PACE_H

#include "common/base.h"

#define PACE_US 100
#define PACE_INPUTS 4 /* within that time: several */

struct pace {
	uint64_t since;  /* ns; the time at hand began */
	unsigned inputs; /* in it; whoever takes one adds it */
};

/* Between a turn's end and the wait for the next: pauses, if that is due. */
void pace_turn(struct pace *p);

#endif

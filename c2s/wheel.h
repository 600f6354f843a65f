/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every timeout of a worker on one uv_timer_t: a hashed timer wheel, 128 slots of 250 ms, O(1) set
 * and cancel. Due times are met within one tick after them, never before. */
#ifndef C2S_WHEEL_H
#define C2S_WHEEL_H

#include <uv.h>
#include <stdbool.h>
#include <stdint.h>

struct timer {
	struct timer *next, **link; /* link NULL: not set */
	uint64_t due;               /* ms of the loop's clock */
	void (*ring)(struct timer *t);
};

struct wheel {
	uv_timer_t tick; /* runs only while something is set */
	struct timer *slot[128];
	uint64_t at; /* last tick that was run */
	unsigned set;
};

void wheel_start(struct wheel *w, uv_loop_t *loop);
void wheel_stop(struct wheel *w); /* closes the handle; what is set is forgotten */
void wheel_set(struct wheel *w, struct timer *t, uint64_t in_ms,
	void (*ring)(struct timer *t));              /* anew when set already */
void wheel_cancel(struct wheel *w, struct timer *t); /* harmless when not set */

#endif

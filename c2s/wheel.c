/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The timer wheel. A timer hangs in the slot of the first tick at or after its due time; one that
 * is more than a turn of the wheel away is simply met early and hung up again. The libuv timer is
 * armed for the next tick's boundary, so ticks do not drift away from due times. */
#include "c2s/wheel.h"

#include "common/base.h"

#define TICK_MS 250
#define SLOTS COUNT(((struct wheel *)NULL)->slot)

static void on_tick(uv_timer_t *tick);

static uint64_t now_ms(const struct wheel *w)
{
	return uv_now(w->tick.loop);
}

static void arm(struct wheel *w)
{
	int failed = uv_timer_start(&w->tick, on_tick, TICK_MS - now_ms(w) % TICK_MS, 0);

	CHECK(!failed);
}

static void link_into(struct timer **head, struct timer *t)
{
	t->next = *head;
	t->link = head;
	if (*head)
		(*head)->link = &t->next;
	*head = t;
}

static void unlink_from(struct timer *t)
{
	CHECK(t->link);
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	t->next = NULL;
	t->link = NULL;
}

static void hang_up(struct wheel *w, struct timer *t)
{
	uint64_t tick = (t->due + TICK_MS - 1) / TICK_MS;

	if (tick <= w->at)
		tick = w->at + 1; /* that slot has been run: the next one is the earliest */
	link_into(&w->slot[tick % SLOTS], t);
}

/* Rings what is due in the slot of tick w->at. The slot is emptied first, since a ring may set and
 * cancel any timer. */
static void run_slot(struct wheel *w)
{
	struct timer **slot = &w->slot[w->at % SLOTS];
	struct timer *list = *slot;

	*slot = NULL;
	if (list)
		list->link = &list;
	while (list) {
		struct timer *t = list;

		unlink_from(t);
		if (t->due > w->at * TICK_MS) {
			hang_up(w, t);
			continue;
		}
		w->set--;
		t->ring(t);
	}
}

static void on_tick(uv_timer_t *tick)
{
	struct wheel *w = tick->data;
	uint64_t last = now_ms(w) / TICK_MS;

	if (last - w->at > SLOTS)
		w->at = last - SLOTS; /* after a long stall one round meets every timer */
	while (w->at < last && w->set) {
		w->at++;
		run_slot(w);
	}
	if (w->set && !uv_is_closing((uv_handle_t *)&w->tick))
		arm(w);
}

void wheel_start(struct wheel *w, uv_loop_t *loop)
{
	int failed;

	*w = (struct wheel){0};
	failed = uv_timer_init(loop, &w->tick);
	CHECK(!failed);
	w->tick.data = w;
}

void wheel_stop(struct wheel *w)
{
	for (size_t i = 0; i < SLOTS; i++)
		while (w->slot[i])
			unlink_from(w->slot[i]);
	w->set = 0;
	if (!uv_is_closing((uv_handle_t *)&w->tick))
		uv_close((uv_handle_t *)&w->tick, NULL);
}

void wheel_set(struct wheel *w, struct timer *t, uint64_t in_ms, void (*ring)(struct timer *t))
{
	wheel_cancel(w, t);
	if (!w->set && !uv_is_active((uv_handle_t *)&w->tick)) {
		w->at = now_ms(w) / TICK_MS;
		if (!uv_is_closing((uv_handle_t *)&w->tick))
			arm(w);
	}
	t->due = now_ms(w) + in_ms;
	t->ring = ring;
	hang_up(w, t);
	w->set++;
}

void wheel_cancel(struct wheel *w, struct timer *t)
{
	if (!t->link)
		return;
	unlink_from(t);
	if (--w->set == 0)
		uv_timer_stop(&w->tick);
}

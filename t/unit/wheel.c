/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The timer wheel, on a real loop with short times: what rings, in which order, and never too
 * early. */
#include "c2s/wheel.h"
#include "common/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MANY 300

struct probe {
	struct timer timer; /* first */
	struct scene *scene;
	unsigned rings;
	uint64_t rang_at;
};

struct scene {
	uv_loop_t loop;
	struct wheel wheel;
	struct probe probes[MANY];
	unsigned rung, again;
};

static void start(struct scene *s)
{
	*s = (struct scene){0};
	assert_int_equal(uv_loop_init(&s->loop), 0);
	wheel_start(&s->wheel, &s->loop);
	for (int i = 0; i < MANY; i++)
		s->probes[i].scene = s;
}

static void end(struct scene *s)
{
	wheel_stop(&s->wheel);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&s->loop), 0);
}

static void ring(struct timer *t)
{
	struct probe *p = (struct probe *)t;

	assert_null(t->link);
	p->rings++;
	p->rang_at = uv_now(&p->scene->loop);
	p->scene->rung++;
}

static void set(struct scene *s, int i, uint64_t in_ms, void (*call)(struct timer *))
{
	wheel_set(&s->wheel, &s->probes[i].timer, in_ms, call);
}

static void never_early(void **state)
{
	struct scene *s = mem_new(sizeof *s);
	uint64_t due[20];

	(void)state;
	start(s);
	for (int i = 0; i < 20; i++) {
		set(s, i, (uint64_t)i * 37, ring);
		due[i] = s->probes[i].timer.due;
	}
	assert_int_equal(s->wheel.set, 20);
	uv_run(&s->loop, UV_RUN_DEFAULT); /* ends by itself: an empty wheel keeps no loop alive */
	assert_int_equal(s->rung, 20);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(s->probes[i].rings, 1);
		assert_true(s->probes[i].rang_at >= due[i]);
	}
	assert_false(uv_is_active((uv_handle_t *)&s->wheel.tick));
	end(s);
	mem_free(s);
}

static void cancel_and_set_anew(void **state)
{
	struct scene *s = mem_new(sizeof *s);
	uint64_t due;

	(void)state;
	start(s);
	set(s, 0, 10, ring);
	set(s, 1, 10, ring);
	set(s, 2, 10, ring);
	wheel_cancel(&s->wheel, &s->probes[1].timer);
	wheel_cancel(&s->wheel, &s->probes[1].timer);
	wheel_cancel(&s->wheel, &s->probes[3].timer);
	set(s, 2, 400, ring);
	due = s->probes[2].timer.due;
	assert_int_equal(s->wheel.set, 2);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	assert_int_equal(s->probes[0].rings, 1);
	assert_int_equal(s->probes[1].rings, 0);
	assert_int_equal(s->probes[2].rings, 1);
	assert_true(s->probes[2].rang_at >= due);
	end(s);
	mem_free(s);
}

/* Rings, cancels its neighbour and sets itself again, twice. */
static void ring_and_meddle(struct timer *t)
{
	struct probe *p = (struct probe *)t;
	struct scene *s = p->scene;

	ring(t);
	wheel_cancel(&s->wheel, &s->probes[1].timer);
	wheel_cancel(&s->wheel, &s->probes[2].timer);
	if (s->again++ < 2)
		wheel_set(&s->wheel, t, 0, ring_and_meddle);
}

static void meddling(void **state)
{
	struct scene *s = mem_new(sizeof *s);

	(void)state;
	start(s);
	set(s, 1, 5, ring); /* around probe 0 in the same slot */
	set(s, 0, 5, ring_and_meddle);
	set(s, 2, 5, ring);
	set(s, 3, 5, ring);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	assert_int_equal(s->probes[0].rings, 3);
	assert_true(s->probes[1].rings + s->probes[2].rings <=
		1); /* one may have come before probe 0 */
	assert_int_equal(s->probes[3].rings, 1);
	assert_int_equal(s->wheel.set, 0);
	end(s);
	mem_free(s);
}

/* Moves the wheel's past back instead of waiting: a timer of more than one turn must survive the
 * first meeting. */
static void far_away(void **state)
{
	struct scene *s = mem_new(sizeof *s);
	uint64_t due;

	(void)state;
	start(s);
	set(s, 0, 128 * 250 + 20, ring);
	set(s, 1, 20, ring);
	due = s->probes[0].timer.due;
	while (!s->probes[1].rings)
		uv_run(&s->loop, UV_RUN_ONCE);
	assert_int_equal(s->probes[0].rings, 0);
	assert_non_null(s->probes[0].timer.link);
	s->probes[0].timer.due = uv_now(&s->loop); /* as if that time had come */
	s->wheel.at -= 1000;                       /* and the process had been stopped meanwhile */
	uv_run(&s->loop, UV_RUN_DEFAULT);
	assert_int_equal(s->probes[0].rings, 1);
	assert_true(due > s->probes[0].rang_at);
	end(s);
	mem_free(s);
}

static void forgotten_at_stop(void **state)
{
	struct scene *s = mem_new(sizeof *s);

	(void)state;
	start(s);
	for (int i = 0; i < MANY; i++)
		set(s, i, (uint64_t)i * 1000, ring);
	end(s);
	assert_int_equal(s->rung, 0);
	for (int i = 0; i < MANY; i++)
		assert_null(s->probes[i].timer.link);
	mem_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"wheel: every timer rings once, and none before its time", never_early, NULL, NULL,
			NULL},
		{"wheel: what is cancelled does not ring, what is set anew rings later",
			cancel_and_set_anew, NULL, NULL, NULL},
		{"wheel: a ring may cancel its neighbours and set itself", meddling, NULL, NULL,
			NULL},
		{"wheel: more than a turn of the wheel away, and after a long stall", far_away,
			NULL, NULL, NULL},
		{"wheel: stopping forgets what is set", forgotten_at_stop, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

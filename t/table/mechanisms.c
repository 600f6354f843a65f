/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every mechanism with every twist, by the table of t/lib/sasl_cells.h; and every cut and changed bit of what an honest
 * client says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "c2s/client.h"
#include "sm/verify.h"
#include "t/lib/sasl_cells.h"

static void cut(const struct spoiling *s, struct buf *message)
{
	if (message->n > s->at)
		message->n = s->at;
}

static void change(const struct spoiling *s, struct buf *message)
{
	if (message->n > s->at)
		message->p[s->at] ^= 1;
}

static void play_cell(const struct row *r, enum twist twist)
{
	struct play p, first;
	const char *why;

	cell_play(&p, &first, r, twist, NULL);
	why = cell_check(&p, r, true);
	if (why)
		fail_msg("%s", why);
	cell_end(&p, &first);
}

static void every_cell(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned twist = 0; twist < TWIST_COUNT; twist++) {
			if (rows[i].outcome[twist])
				play_cell(&rows[i], (enum twist)twist);
		}
	}
}

/* The client's message of this step is spoilt at this byte: it is not alice's word any more. */
static void play_spoilt(const struct row *r, unsigned step, size_t at,
	void (*spoil)(const struct spoiling *, struct buf *))
{
	struct play p = {.spoiling = {.step = step, .spoil = spoil, .at = at}};

	play_once(&p, r->mech, r->player, TWIST_right);
	if (!r->player->takes_anything && client_is_proven(&p.attempt.world->client))
		fail_msg("%s: a message of step %u that was spoilt at byte %zu proves alice", r->mech, step, at);
	world_free(p.attempt.world);
	play_free(&p);
}

static size_t length_of(const struct row *r, unsigned step)
{
	struct play p = {0};
	size_t n;

	play_once(&p, r->mech, r->player, TWIST_right);
	n = p.said[step].n;
	world_free(p.attempt.world);
	play_free(&p);
	return n;
}

static void spoil_all(void (*spoil)(const struct spoiling *s, struct buf *message))
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (unsigned step = 1; step <= STEPS_MOST; step++) {
			size_t n = length_of(&rows[i], step);

			for (size_t at = 0; at < n; at++)
				play_spoilt(&rows[i], step, at, spoil);
		}
	}
}

static void every_cut(void **state)
{
	(void)state;
	spoil_all(cut);
}

static void every_change(void **state)
{
	(void)state;
	spoil_all(change);
}

static void every_mechanism_has_a_row(void **state)
{
	(void)state;
	for (size_t i = 0; sasl_list[i]; i++) {
		bool found = false;

		for (size_t k = 0; k < COUNT(rows); k++)
			found = found || !strcmp(rows[k].mech, sasl_list[i]->name);
		if (!found)
			fail_msg("%s has no row", sasl_list[i]->name);
	}
	for (size_t k = 0; k < COUNT(rows); k++)
		assert_non_null(sasl_find(str_of(rows[k].mech)));
}

#define TITLED(words, function) \
	{ \
		words, function, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("mechanisms: each that is built has a row", every_mechanism_has_a_row),
		TITLED("mechanisms: each twist of each has the outcome of the table, and the connection is where that says",
			every_cell),
		TITLED("mechanisms: a message that is cut anywhere proves nothing", every_cut),
		TITLED("mechanisms: a message of which a bit is changed proves nothing", every_change),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	house_start();
	failed = cmocka_run_group_tests_name("mechanisms", tests, NULL, NULL);
	house_end();
	return failed;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every mechanism with every twist, by the table below: an exchange as XML through c2s's login, judged by a real verify
 * over a real store. What comes of it is written down here, cell by cell, and afterwards the connection must be where
 * the outcome says: proven as alice, or free to try again, and then the right exchange must succeed on it.
 *
 * Another mechanism is a player in t/lib/sasl_player.h and a ROW here; a twist is a line of TWISTS there and a column
 * here. `__`: the twist makes no sense for the mechanism. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "c2s/client.h"
#include "sm/verify.h"
#include "t/lib/sasl_play.h"

#define __ NULL
#define OK "success"
#define NO "not-authorized"
#define BAD "malformed-request"
#define ZID "invalid-authzid"
#define OFF "account-disabled"
#define ABO "aborted"
#define INV "invalid-mechanism"

struct row {
	const char *mech;
	const struct player *player;
	const char *outcome[TWIST_COUNT];
};

/* clang-format off */
#define ROW(mech, player, ...) {mech, &player, {__VA_ARGS__}}

static const struct row rows[] = {
/*	right       unknown           own_authzid         wrong_nonce   aborted_1
 *	    asked       disabled          foreign_authzid     wrong_binding aborted_2
 *	        wrong_password  disabled_wrong     malformed_1        replayed  not_offered
 *	                                  bare          malformed_2 */
ROW("EXTERNAL", player_external,
	OK, OK, __, NO, OFF, __, __,     OK, ZID, ZID, __,   __, __, __,   ABO, __,  INV),
ROW("SCRAM-SHA-512-PLUS", player_scram,
	OK, OK, NO, NO, OFF, NO, NO,     OK, ZID, BAD, BAD,   NO, NO, NO,   ABO, ABO, INV),
ROW("SCRAM-SHA-256-PLUS", player_scram,
	OK, OK, NO, NO, OFF, NO, NO,     OK, ZID, BAD, BAD,   NO, NO, NO,   ABO, ABO, INV),
ROW("SCRAM-SHA-1-PLUS", player_scram,
	OK, OK, NO, NO, OFF, NO, NO,     OK, ZID, BAD, BAD,   NO, NO, NO,   ABO, ABO, INV),
ROW("SCRAM-SHA-512", player_scram,
	OK, OK, NO, NO, OFF, NO, NO,     OK, ZID, BAD, BAD,   NO, NO, NO,   ABO, ABO, INV),
ROW("SCRAM-SHA-256", player_scram,
	OK, OK, NO, NO, OFF, NO, NO,     OK, ZID, BAD, BAD,   NO, NO, NO,   ABO, ABO, INV),
ROW("SCRAM-SHA-1", player_scram,
	OK, OK, NO, NO, OFF, NO, NO,     OK, ZID, BAD, BAD,   NO, NO, NO,   ABO, ABO, INV),
ROW("DIGEST-MD5", player_digest,
	OK, OK, NO, NO, OFF, NO, NO,     OK, ZID, BAD, __,    NO, __, NO,   ABO, __,  INV),
ROW("CRAM-MD5", player_cram,
	OK, OK, NO, NO, OFF, NO, NO,     __, __,  BAD, __,    NO, __, NO,   ABO, __,  INV),
ROW("ANONYMOUS", player_anonymous,
	OK, OK, __, __, __,  __, __,     __, __,  OK,  __,    __, __, OK,   __,  __,  INV),
ROW("JIVE-SHAREDSECRET", player_shared_secret,
	OK, OK, NO, __, __,  __, __,     __, __,  BAD, __,    __, __, OK,   ABO, __,  INV),
ROW("PLAIN", player_plain,
	OK, OK, NO, NO, OFF, NO, NO,     OK, ZID, BAD, __,    __, __, OK,   ABO, __,  INV),
};
/* clang-format on */

static const char *const twist_names[] = {
#define TWIST(name) #name,
	TWISTS(TWIST)
#undef TWIST
};

static void garble(const struct spoiling *s, struct buf *message)
{
	(void)s;
	buf_clear(message);
	buf_puts(message, "garbage");
}

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

static const char *outcome_of(const struct play *p)
{
	return strcmp(p->heard.name, "failure") ? p->heard.name : p->heard.condition;
}

/* A right exchange where this one has failed. */
static void try_again(const struct play *failed, const struct row *r)
{
	struct play p = {.player = r->player};

	attempt_start(&p.attempt, failed->attempt.world, r->mech, TWIST_right);
	play_run(&p);
	if (strcmp(outcome_of(&p), OK))
		fail_msg("%s, tried again after %s: %s", r->mech, twist_names[failed->attempt.twist], outcome_of(&p));
	play_free(&p);
}

static void check_state(const struct play *p, const struct row *r)
{
	const struct client *c = &p->attempt.world->client;
	bool succeeds = !strcmp(outcome_of(p), OK);

	assert_int_equal(c->state, succeeds ? LOGIN_wait_for_stream : LOGIN_wait_for_feature_request);
	assert_int_equal(client_is_proven(c), succeeds);
	if (succeeds && !r->player->takes_anything)
		assert_true(str_is(buf_str(&c->jid), "alice@localhost"));
	if (succeeds && !p->again)
		assert_true(r->player->believes(&p->attempt, buf_str(&p->heard.data)));
}

static void play_cell(const struct row *r, enum twist twist)
{
	struct play p = {0}, first = {0};

	if (twist == TWIST_malformed_1 || twist == TWIST_malformed_2)
		p.spoiling = (struct spoiling){.step = twist == TWIST_malformed_1 ? 1 : 2, .spoil = garble};
	if (twist == TWIST_replayed) {
		play_once(&first, r->mech, r->player, TWIST_right);
		world_free(first.attempt.world);
		p.again = &first;
	}
	play_once(&p, r->mech, r->player, twist);
	if (strcmp(outcome_of(&p), r->outcome[twist]))
		fail_msg("%s, %s: %s, wanted %s", r->mech, twist_names[twist], outcome_of(&p), r->outcome[twist]);
	check_state(&p, r);
	if (strcmp(outcome_of(&p), OK) && twist != TWIST_not_offered)
		try_again(&p, r);
	world_free(p.attempt.world);
	play_free(&p);
	play_free(&first);
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

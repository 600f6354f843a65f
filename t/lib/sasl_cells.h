/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every mechanism with every twist, by the table below: an exchange as XML through c2s's login, judged by a real verify
 * over a real store. What comes of it is written down here, cell by cell, and afterwards the connection must be where
 * the outcome says: proven as alice, or free to try again, and then the right exchange must succeed on it.
 *
 * t/table/mechanisms.c plays each cell; t/fuzz/sasl.c plays the same cells with a fuzzer's edits.
 *
 * Another mechanism is a player in t/lib/sasl_player.h and a ROW here; a twist is a line of TWISTS there and a column
 * here. `__`: the twist makes no sense for the mechanism. */
#ifndef T_LIB_SASL_CELLS_H
#define T_LIB_SASL_CELLS_H

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

static const char *outcome_of(const struct play *p)
{
	return strcmp(p->heard.name, "failure") ? p->heard.name : p->heard.condition;
}

static bool succeeds(const struct play *p)
{
	return !strcmp(outcome_of(p), OK);
}

/* What is not as it must be, in words; NULL: nothing. */
static char cell_fault[200];

static const char *fault(const struct play *p, const char *what)
{
	snprintf(cell_fault, sizeof cell_fault, "%s, %s: %s; %s", p->attempt.mech, twist_names[p->attempt.twist],
		outcome_of(p), what);
	return cell_fault;
}

/* May this success be for that account? It had its password (older has the same), or its certificate. */
static bool may_be(const struct play *p, const struct row *r, struct str jid, bool as_written)
{
	struct str user;

	str_cut(jid, '@', &user, &jid);
	if (r->player->takes_anything)
		return user.n > 5;
	if (!strcmp(p->attempt.mech, "EXTERNAL"))
		return str_is(user, p->attempt.user) && strcmp(p->attempt.user, "dora1");
	return str_is(user, "alice") || (!as_written && str_is(user, "older"));
}

/* Who is there is whose password it was, whatever was said; or with what proves nothing, somebody new. */
static const char *cell_check_state(const struct play *p, const struct row *r, bool as_written)
{
	const struct client *c = &p->attempt.world->client;
	bool good = succeeds(p);

	if (client_is_proven(c) != good)
		return fault(p, good ? "nobody is there" : "somebody is there");
	if (c->state != (good ? LOGIN_wait_for_stream : LOGIN_wait_for_feature_request))
		return fault(p, "the connection is somewhere else");
	if (good && !may_be(p, r, buf_str(&c->jid), as_written))
		return fault(p, "it is somebody else");
	return NULL;
}

/* After a failure the right exchange succeeds. */
static const char *cell_check_again(const struct play *failed, const struct row *r)
{
	struct play p = {.player = r->player};
	const char *why = NULL;

	attempt_start(&p.attempt, failed->attempt.world, r->mech, TWIST_right);
	play_run(&p);
	if (!succeeds(&p))
		why = fault(failed, "and the right exchange fails afterwards");
	play_free(&p);
	return why;
}

/* What the table says of a cell that nobody has spoilt besides. */
static const char *cell_check_outcome(const struct play *p, const struct row *r)
{
	const char *wanted = r->outcome[p->attempt.twist];

	if (!wanted)
		return NULL;
	if (strcmp(outcome_of(p), wanted))
		return fault(p, wanted);
	if (succeeds(p) && !p->again && !r->player->believes(&p->attempt, buf_str(&p->heard.data)))
		return fault(p, "the client does not believe it");
	return NULL;
}

/* Plays a cell on a connection of its own; `first` is room for what is said again. `after` edits each message of the
 * client's once the twist has; NULL: nothing does. */
static void cell_play(struct play *p, struct play *first, const struct row *r, enum twist twist,
	void (*after)(const struct spoiling *s, struct buf *message))
{
	unsigned garbled = twist == TWIST_malformed_1 ? 1 : twist == TWIST_malformed_2 ? 2 : 0;

	*p = (struct play){.garbled = garbled, .spoiling = {.every = after, .spoil = after}};
	*first = (struct play){0};
	if (twist == TWIST_replayed) {
		play_once(first, r->mech, r->player, TWIST_right);
		world_free(first->attempt.world);
		p->again = first;
	}
	play_once(p, r->mech, r->player, twist);
}

static const char *cell_check(struct play *p, const struct row *r, bool as_written)
{
	const char *why = as_written ? cell_check_outcome(p, r) : NULL;

	if (!as_written && !strcmp(p->heard.name, "challenge")) /* and there it stands */
		play_say(p, "abort", NULL);

	if (!why)
		why = cell_check_state(p, r, as_written);
	if (!why && !succeeds(p) && p->attempt.twist != TWIST_not_offered)
		why = cell_check_again(p, r);
	return why;
}

static void cell_end(struct play *p, struct play *first)
{
	world_free(p->attempt.world);
	play_free(p);
	play_free(first);
}

#endif

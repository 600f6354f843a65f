/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Exactly once, in order, both ways: two ends that work in turns and record them, over a link
 * that is cut at every byte, in pieces of any size, with acks withheld, joins at any time, and
 * crashes of either end at each point of a turn, after which it goes on from its record. */
#include "proto/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LONGEST 140000
#define FOREVER SIZE_MAX

/* Where a message of the peer's must stand: its number and text follow from its place. */
static struct str text_of(uint64_t place, bool long_ones)
{
	static char text[LONGEST];
	size_t n = long_ones && place % 13 == 5 ? LONGEST - place % 7000 : place * 7 % 40;

	memset(text, (int)('a' + place % 26), n);
	return str_at(text, n);
}

/* What one end knows; all of it is in its record. */
struct state {
	uint64_t made, got;
};

struct end {
	struct channel c;
	struct state now, recorded;
	uint64_t sent, heard; /* recorded */
	struct buf frames;    /* recorded, and not acknowledged */
	struct buf wire;      /* written, and not arrived */
	size_t lives;         /* bytes that still arrive from here before the link is cut */
};

struct world {
	struct end worker, sm;
	unsigned random;
	bool long_ones;
	uint64_t goal;                 /* messages that each end makes */
	size_t passed[2];              /* bytes that arrived from the worker, and from sm */
	unsigned withhold, crash, cut; /* chances in 256 at each opportunity */
	size_t piece;                  /* bytes that arrive at once, at most */
	unsigned crashes, joins;
};

/* The end that is fed, for the handler. */
struct feeding {
	struct world *w;
	struct end *e;
};

static unsigned chance(struct world *w, unsigned of)
{
	w->random = w->random * 1103515245u + 12345u;
	return (w->random >> 16) % of;
}

static bool happens(struct world *w, unsigned in_256)
{
	return in_256 && chance(w, 256) < in_256;
}

static enum role role_of(struct world *w, struct end *e)
{
	return e == &w->worker ? ROLE_C2S : ROLE_SM;
}

static void start(struct world *w, struct end *e)
{
	enum role us = role_of(w, e);

	channel_start(&e->c, us, us == ROLE_SM ? ROLE_C2S : ROLE_SM, LONGEST + 100);
}

static void make(struct world *w, struct end *e)
{
	uint64_t place = ++e->now.made;
	struct str text = text_of(place, w->long_ones);
	struct message m = {.code = MSG_stanza, .as.stanza = {place, text}};

	if (e == &w->sm)
		m = (struct message){.code = MSG_deliver,
			.as.deliver = {.conns = list_of(&place, 1), .xml = text}};
	channel_send(&e->c, &m);
}

static void check_place(struct feeding *f, uint64_t place, struct str text)
{
	assert_int_equal(place, ++f->e->now.got);
	assert_true(str_eq(text, text_of(place, f->w->long_ones)));
}

/* What it says in a hello: what it heard, or, now and then, what it said last, so that copies
 * come. */
static uint64_t claim(struct world *w, const struct channel *c)
{
	return c->heard_told && chance(w, 2) ? c->heard_told : c->heard;
}

static bool handle(void *ctx, const struct message *m)
{
	struct feeding *f = ctx;
	struct channel *c = &f->e->c;
	struct message welcome = {.code = MSG_welcome, .as.welcome = {1, claim(f->w, c), 1000000}};

	switch (m->code) {
	case MSG_join:
		channel_send(c, &welcome);
		assert_true(channel_resume(c, m->as.join.heard));
		break;
	case MSG_welcome:
		assert_true(channel_resume(c, m->as.welcome.heard));
		break;
	case MSG_stanza:
		check_place(f, m->as.stanza.conn, m->as.stanza.xml);
		break;
	case MSG_deliver:
		check_place(f, list_at(m->as.deliver.conns, 0), m->as.deliver.xml);
		break;
	default:
		fail();
	}
	return true;
}

/* --- link and crash */

/* A new link: a fresh channel of sm's takes over the old one's numbers, now and then. */
static void link_up(struct world *w)
{
	struct message join = {.code = MSG_join};
	struct channel fresh;

	w->joins++;
	buf_clear(&w->worker.wire);
	buf_clear(&w->sm.wire);
	channel_cut(&w->worker.c);
	channel_cut(&w->sm.c);
	w->worker.lives = w->sm.lives = FOREVER;
	if (chance(w, 2)) {
		channel_start(&fresh, ROLE_SM, ROLE_C2S, w->sm.c.most);
		channel_take(&fresh, &w->sm.c);
		channel_end(&w->sm.c);
		w->sm.c = fresh;
	}
	join.as.join.heard = claim(w, &w->worker.c);
	channel_send(&w->worker.c, &join);
}

static void crash(struct world *w, struct end *e)
{
	w->crashes++;
	channel_end(&e->c);
	start(w, e);
	assert_true(channel_restore(&e->c, e->sent, e->heard, buf_str(&e->frames)));
	e->now = e->recorded;
	link_up(w);
}

static bool drop_one(void *ctx, const struct message *m)
{
	*(uint64_t *)ctx = m->seq;
	return false;
}

/* Frees from the record what the peer acknowledged, or leaves it there for now. */
static void free_record(struct world *w, struct end *e)
{
	uint64_t seq = 0;

	if (!happens(w, 128))
		return;
	while (e->frames.n && !channel_read_frames(buf_str(&e->frames), drop_one, &seq) &&
		seq <= e->c.acked) {
		size_t n = 0;
		uint64_t at = seq;

		while (n < e->frames.n && at == seq) {
			uint32_t payload;

			memcpy(&payload, e->frames.p + n, sizeof payload);
			n += FRAME_HEADER + payload;
			if (n < e->frames.n)
				memcpy(&at, e->frames.p + n + 8, sizeof at);
		}
		buf_drop(&e->frames, n);
	}
}

static void record(struct world *w, struct end *e, uint64_t mark)
{
	buf_put(&e->frames, channel_since(&e->c, mark));
	e->sent = e->c.sent;
	e->heard = e->c.heard;
	e->recorded = e->now;
	free_record(w, e);
}

/* --- a turn */

/* What arrives; false: the link is cut behind it. */
static bool arrive(struct world *w, struct end *from, struct end *to)
{
	struct feeding f = {w, to};
	size_t n = from->wire.n < from->lives ? from->wire.n : from->lives;
	char *exact;

	if (n > w->piece)
		n = 1 + chance(w, (unsigned)w->piece);
	exact = malloc(n ? n : 1);
	assert_non_null(exact);
	if (n)
		memcpy(exact, from->wire.p, n);
	if (!channel_feed(&to->c, str_at(exact, n), handle, &f))
		fail_msg("%s", to->c.fault);
	free(exact);
	buf_drop(&from->wire, n);
	w->passed[from == &w->sm] += n;
	if (from->lives != FOREVER)
		from->lives -= n;
	return from->lives > 0;
}

/* Takes what has arrived, makes up to `some` messages, records, writes. False: it was cut or it
 * crashed. */
static bool turn(struct world *w, struct end *e, unsigned some)
{
	struct end *peer = e == &w->sm ? &w->worker : &w->sm;
	uint64_t mark = channel_mark(&e->c);
	bool lives = arrive(w, peer, e);

	if (happens(w, w->crash)) {
		crash(w, e);
		return false;
	}
	for (; some && e->now.made < w->goal; some--)
		make(w, e);
	record(w, e, mark);
	if (happens(w, w->crash)) {
		crash(w, e);
		return false;
	}
	if (!happens(w, w->withhold))
		channel_ack(&e->c);
	buf_put(&e->wire, buf_str(&e->c.out));
	buf_clear(&e->c.out);
	return lives;
}

static bool at_rest(struct world *w)
{
	return w->worker.now.got == w->goal && w->sm.now.got == w->goal &&
		channel_unacked(&w->worker.c) == 0 && channel_unacked(&w->sm.c) == 0;
}

static void world_start(struct world *w, uint64_t goal)
{
	*w = (struct world){.goal = goal, .piece = FOREVER / 2, .random = 1};
	start(w, &w->worker);
	start(w, &w->sm);
	link_up(w);
}

/* Nothing goes wrong any more: it comes to rest, and nothing is left. */
static void world_end(struct world *w)
{
	w->withhold = w->crash = w->cut = 0;
	w->piece = FOREVER / 2;
	if (!w->worker.c.joined)
		link_up(w);
	for (unsigned i = 0; !at_rest(w); i++) {
		assert_true(i < 1000);
		if (!turn(w, &w->worker, 5) || !turn(w, &w->sm, 5))
			link_up(w);
	}
	assert_int_equal(w->worker.now.made, w->goal);
	assert_int_equal(w->sm.now.made, w->goal);
	for (int i = 0; i < 2; i++) {
		struct end *e = i ? &w->worker : &w->sm;

		channel_end(&e->c);
		buf_free(&e->frames);
		buf_free(&e->wire);
	}
}

/* --- every byte */

enum who_crashes { NOBODY, WORKER, SM, BOTH };

static void cut_once(struct world *w, enum who_crashes who)
{
	link_up(w);
	if (who == WORKER || who == BOTH)
		crash(w, &w->worker);
	if (who == SM || who == BOTH)
		crash(w, &w->sm);
}

/* A fixed little play; the link is cut when `lives` bytes have come through from one side. */
static void play(struct world *w, bool from_sm, size_t lives, enum who_crashes who)
{
	world_start(w, 12);
	*(from_sm ? &w->sm.lives : &w->worker.lives) = lives;
	for (int i = 0; i < 12; i++) {
		if (turn(w, &w->worker, 1 + (unsigned)i % 2) &&
			turn(w, &w->sm, 1 + (unsigned)i % 3))
			continue;
		cut_once(w, who);
	}
	world_end(w);
}

static void cut_at_every_byte(void **state)
{
	struct world w;
	size_t bytes[2];

	(void)state;
	play(&w, false, FOREVER, NOBODY);
	memcpy(bytes, w.passed, sizeof bytes);
	assert_true(bytes[0] > 500 && bytes[1] > 500);
	for (int side = 0; side < 2; side++)
		for (size_t at = 0; at < bytes[side]; at++)
			for (enum who_crashes who = NOBODY; who <= BOTH; who++)
				play(&w, side, at, who);
}

/* The same with a second cut at every byte of what is sent again after the first. */
static void cut_twice(void **state)
{
	struct world w;

	(void)state;
	for (size_t first = 3; first < 700; first += 41)
		for (size_t second = 0; second < 300; second += 3) {
			world_start(&w, 12);
			w.sm.lives = first;
			for (int i = 0; i < 12; i++) {
				if (turn(&w, &w.worker, 1) && turn(&w, &w.sm, 2))
					continue;
				link_up(&w);
				if (second) {
					w.sm.lives = w.worker.lives = second;
					i = 0;
				}
				if (w.joins > 8)
					w.sm.lives = w.worker.lives = FOREVER;
			}
			world_end(&w);
		}
}

/* --- anything */

static void chaos(unsigned seed, unsigned crash_chance, unsigned cut_chance, unsigned withhold,
	bool long_ones)
{
	static const size_t pieces[] = {1, 20, 500, 70000, FOREVER / 2};
	struct world w;

	world_start(&w, long_ones ? 60 : 200);
	w.random = seed;
	w.long_ones = long_ones;
	w.crash = crash_chance;
	w.cut = cut_chance;
	w.withhold = withhold;
	for (unsigned i = 0; i < 600 && !at_rest(&w); i++) {
		struct end *e = chance(&w, 2) ? &w.worker : &w.sm;

		w.piece = pieces[chance(&w, long_ones ? 5 : 3)];
		if (happens(&w, w.cut))
			e->lives = chance(&w, long_ones ? 100000 : 300);
		if (!turn(&w, e, chance(&w, 3)) && (w.worker.lives == 0 || w.sm.lives == 0))
			link_up(&w);
	}
	world_end(&w);
}

static void any_cut(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++)
		chaos(seed, 0, seed % 64, 0, false);
}

static void any_crash(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++)
		chaos(seed, 1 + seed % 40, seed % 32, seed % 5 * 40, false);
}

static void any_long_message(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++)
		chaos(seed, seed % 12, seed % 16, seed % 3 * 100, true);
}

static void acks_withheld(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 200; seed++)
		chaos(seed, seed % 8, 8, seed % 2 ? 256 : 250, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"channel: a link cut at any byte, and crashes with it, lose and double nothing",
			cut_at_every_byte, NULL, NULL, NULL},
		{"channel: a link cut again while it recovers loses and doubles nothing",
			cut_twice, NULL, NULL, NULL},
		{"channel: links cut at any time lose and double nothing", any_cut, NULL, NULL,
			NULL},
		{"channel: ends that crash at any time lose and double nothing", any_crash, NULL,
			NULL, NULL},
		{"channel: messages of several frames are neither lost nor doubled",
			any_long_message, NULL, NULL, NULL},
		{"channel: without acks, joins alone free what is kept", acks_withheld, NULL, NULL,
			NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bytes into one client, from accept on, without sockets, with a sham of TLS
 * (t/lib/c2s_world.h). Input: the first byte chooses direct TLS, allow-plaintext and the size of
 * the pieces; 0x01 to 0x08 in what follows are not the client's: they are answers of sm, and
 * other events, at that moment. Whatever comes, the client ends in order, says only what is XML
 * again, and speaks for nobody who was not proven. */
#include "t/lib/c2s_world.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void answer(struct world *w, bool yes)
{
	struct message m = world_question(w);
	if (m.code == MSG_sasl_start)
		m = world_salt(w);
	else if (m.code == MSG_sasl_prove)
		m = world_verdict(w, yes ? COND_none : SASL_not_authorized);
	else if (m.code == MSG_want_upgrade)
		m = world_upgrade(w, yes ? HASH_SHA256 : 0);
	else if (m.code == MSG_want_token)
		m = yes ? world_token(w) : (struct message){.code = MSG_token};
	else if (m.code == MSG_enrol_ask)
		m = world_ruling(w, yes ? COND_none : STANZA_conflict);
	else if (m.code == MSG_enrol)
		m = world_enrolled(w, yes ? COND_none : STANZA_conflict);
	else if (m.code == MSG_open_session && yes)
		m = world_opening(w);
	else
		m = (struct message){.code = MSG_refused, .as.refused.cond = STANZA_conflict};
	world_answer(w, m);
}

static void happen(struct world *w, uint8_t what)
{
	struct message m = {.code = MSG_deliver, .as.deliver.xml = STR("<message><body>hi</body></message>")};
	struct message end = {.code = MSG_end, .as.end = {.cond = STREAM_conflict, .text = STR("Replaced <&>")}};
	if (what <= 2)
		answer(w, what == 1);
	else if (what == 3 && w->client.state == LOGIN_wait_for_key)
		world_key(w);
	else if (what == 3 && w->enrols) /* a thread answers once */
		w->enrols--, world_made(w);
	else if (what == 4)
		world_answer(w, m);
	else if (what == 5)
		world_answer(w, end);
	else if (what == 6)
		w->no_credit = !w->no_credit;
	else if (what == 7)
		client_event(&w->client, ON_deadline, NULL);
	if (what == 6)
		client_go_on(&w->client);
}

/* What was never proven never had a session, and what parted or left said so once. */
static void check(const struct world *w)
{
	const struct client *c = &w->client;
	CHECK(w->left == (c->state == LOGIN_closing));
	CHECK(w->told[MSG_closed] + w->told[MSG_forget] <= w->left + w->parts);
	CHECK(!w->told[MSG_stanza] || w->opened == 1);
	CHECK(!w->opened || client_is_proven(c));
	CHECK(pipe_queued(&c->pipe) < 4 * 1024 * 1024);
}

/* Everything that we said scans, stream after stream. */
static void check_words(struct world *w)
{
	struct str said = world_hear(w);
	struct scan *scan = scan_new(&w->session_limits);
	while (said.n) {
		struct str declaration = STR("<?xml version='1.0'?>");
		size_t used;
		if (str_starts(said, declaration))
			scan_reset(scan);
		enum scan_event e = scan_feed(scan, said, &used);
		CHECK(e != SCAN_ERROR);
		said = str_skip(said, used);
	}
	scan_free(&scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str in = str_at(bytes, n);
	uint8_t mode = n ? bytes[0] : 0;
	struct world *w = world_new(mode & 1);
	size_t most = mode & 4 ? 1 : mode & 8 ? 7 : 65536;
	log_level_set(LOG_ERROR);
	w->conf.allow_plaintext = mode & 2 ? PLAINTEXT_YES : PLAINTEXT_NO;
	for (in = str_skip(in, 1); in.n;) {
		size_t piece = 0;
		while (piece < in.n && piece < most && (in.p[piece] < 1 || in.p[piece] > 8))
			piece++;
		if (!piece)
			happen(w, (uint8_t)in.p[0]);
		else if (client_reads(&w->client))
			client_bytes(&w->client, str_head(in, piece));
		in = str_skip(in, piece ? piece : 1);
		check(w);
	}
	client_event(&w->client, ON_hangup, NULL);
	check(w);
	check_words(w);
	world_free(w);
	return 0;
}

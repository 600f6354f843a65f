/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * RFC 6121's table of who gets a message (8.5.4, Table 1), row by row and with real sessions: alice has two, of which
 * each is connected only, or available at a priority; bob sends. Where the table leaves it open whether something
 * is silently ignored or answered (its S/E), it is answered (8.1). A message of no type or an unknown one is a
 * normal one (5.2.2). */
#include "t/lib/sm_scene.h"

#include "sm/turn_work.h"

#define CONNECTED INT8_MIN /* has sent no presence; no row has this priority */

static const char *const types[] = {"", " type=\"normal\"", " type=\"x\"", " type=\"chat\"", " type=\"groupchat\"",
	" type=\"headline\"", " type=\"error\""};

/* "a", "b", "ab": who gets it; "E": the sender hears service-unavailable; "O": it is held for the store; "": nothing */
struct row {
	const char *section;
	int a, b;
	const char *to;
	const char *normal, *chat, *groupchat, *headline, *error;
};

static const struct row rows[] = {
	/* The account does not exist: the store finds that out, then it is service-unavailable (t/e2e/offline.py). */
	{"8.5.1, bare", 0, 0, "nobody@d", "O", "O", "E", "", ""},
	{"8.5.1, full", 0, 0, "nobody@d/a", "E", "O", "E", "E", ""},

	/* The account exists, but has no active resources. */
	{"8.5.2.2.1, nobody available", CONNECTED, CONNECTED, "alice@d", "O", "O", "E", "", ""},
	{"8.5.3.1, a connected resource", CONNECTED, CONNECTED, "alice@d/a", "a", "a", "a", "a", "a"},
	{"8.5.3.2.1, nobody available", CONNECTED, CONNECTED, "alice@d/c", "E", "O", "E", "E", ""},

	/* Negative resources, but no non-negative ones. */
	{"8.5.2.2.1, one negative", -1, CONNECTED, "alice@d", "O", "O", "E", "", ""},
	{"8.5.2.2.1, all negative", -1, -128 + 1, "alice@d", "O", "O", "E", "", ""},
	{"8.5.3.1, a negative one", -1, -1, "alice@d/a", "a", "a", "a", "a", "a"},
	{"8.5.3.2.1, all negative", -1, -1, "alice@d/c", "E", "O", "E", "E", ""},

	/* One non-negative resource. */
	{"8.5.2.1.1, one", 0, CONNECTED, "alice@d", "a", "a", "E", "a", ""},
	{"8.5.2.1.1, one, and a negative one", -1, 0, "alice@d", "b", "b", "E", "b", ""},
	{"8.5.3.1, the one", -1, 0, "alice@d/b", "b", "b", "b", "b", "b"},
	{"8.5.3.1, a negative one beside it", -1, 0, "alice@d/a", "a", "a", "a", "a", "a"},
	{"8.5.3.2.1, one", -1, 0, "alice@d/c", "E", "b", "E", "E", ""},

	/* More than one: messages to the most available, headlines to all of them. */
	{"8.5.2.1.1, several", 1, 127, "alice@d", "b", "b", "E", "ab", ""},
	{"8.5.2.1.1, several that are alike", 5, 5, "alice@d", "ab", "ab", "E", "ab", ""},
	{"8.5.3.1, one of several", 1, 127, "alice@d/a", "a", "a", "a", "a", "a"},
	{"8.5.3.2.1, several", 1, 127, "alice@d/c", "E", "b", "E", "E", ""},
	{"8.5.3.2.1, several that are alike", 0, 0, "alice@d/c", "E", "ab", "E", "E", ""},
};

static const char *wanted_of(const struct row *r, size_t type)
{
	const char *const columns[] = {r->normal, r->normal, r->normal, r->chat, r->groupchat, r->headline, r->error};

	return columns[type];
}

static void be(struct scene *s, struct session *who, int priority)
{
	char xml[100];

	if (priority == CONNECTED)
		return;
	snprintf(xml, sizeof xml, "<presence><priority>%d</priority></presence>", priority);
	say(s, who, xml);
}

/* How many stanzas with this in them it was sent. */
static unsigned has(const struct session *s, const char *words)
{
	struct heard h = {.conn = s->row.conn};
	unsigned n = 0;

	assert_true(channel_read_frames(channel_since(&s->peer->channel, 0), hear, &h));
	for (const char *at = buf_cstr(&h.text); (at = strstr(at, words)); at++)
		n++;
	buf_free(&h.text);
	return n;
}

static void check(const struct row *r, size_t type)
{
	void *state = NULL;
	struct scene *s;
	char xml[200], found[8] = "", where[8] = "";

	start(&state);
	s = state;
	s->conf.turn_log_bytes = 1048576;
	s->h.turn = mem_new(sizeof *s->h.turn);
	be(s, s->a, r->a);
	be(s, s->b, r->b);
	again(s);
	snprintf(xml, sizeof xml, "<message%s to=\"%s\"><body>hi</body></message>", types[type], r->to);
	say(s, s->bob, xml);
	snprintf(where, sizeof where, "%s%s", has(s->a, "<body>hi") ? "a" : "", has(s->b, "<body>hi") ? "b" : "");
	snprintf(found, sizeof found, "%s%s%s", where, has(s->bob, "<service-unavailable") ? "E" : "",
		s->h.turn->items.n ? "O" : "");
	if (strcmp(found, wanted_of(r, type)) != 0)
		fail_msg("%s:%s to %s: \"%s\", not \"%s\"", r->section, types[type], r->to, found, wanted_of(r, type));
	assert_int_equal(has(s->a, "<message") + has(s->b, "<message") + has(s->bob, "<message"),
		strlen(found) - (s->h.turn->items.n > 0));
	buf_free(&s->h.turn->items);
	mem_free(s->h.turn);
	end(&state);
}

static void each_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t type = 0; type < COUNT(types); type++)
			check(&rows[i], type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"delivery: every row of RFC 6121 Table 1, for every type, with the sessions that it speaks of",
			each_row, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}

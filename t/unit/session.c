/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The session tables: who is found under what, and what is left when one goes. */
#include "sm/session.h"

#include "common/str.h"
#include "sm/house.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct session *add(struct sessions *t, uint64_t sid, uint64_t conn, const char *jid)
{
	struct session_row row = {.sid = sid,
		.conn = conn,
		.jid = str_of(jid),
		.address = STR("::1"),
		.presence = STR("<presence/>"),
		.directed = STR("a@b\n")};

	return session_add(t, &row, NULL);
}

static void found(void **state)
{
	struct sessions *t = sessions_new();
	struct session *s = add(t, 5, 7, "u@d/r");

	(void)state;
	assert_non_null(s);
	assert_ptr_equal(session_by_sid(t, 5), s);
	assert_ptr_equal(session_by_conn(t, 7), s);
	assert_ptr_equal(session_by_jid(t, STR("u@d/r")), s);
	assert_ptr_equal(account_by_jid(t, STR("u@d"))->newest, s);
	assert_true(str_is(s->row.address, "::1"));
	assert_true(str_is(s->row.presence, "<presence/>"));
	session_forget(t, s);
	assert_null(session_by_sid(t, 5));
	assert_null(session_by_conn(t, 7));
	assert_null(session_by_jid(t, STR("u@d/r")));
	assert_null(account_by_jid(t, STR("u@d")));
	sessions_free(&t);
}

static void taken(void **state)
{
	struct sessions *t = sessions_new();

	(void)state;
	assert_non_null(add(t, 1, 1, "u@d/r"));
	assert_null(add(t, 1, 2, "u@d/x"));
	assert_null(add(t, 2, 1, "u@d/x"));
	assert_null(add(t, 2, 2, "u@d/r"));
	assert_null(add(t, 2, 2, "u@d"));
	assert_null(add(t, 2, 2, ""));
	assert_int_equal(session_count(t), 1);
	assert_int_equal(account_by_jid(t, STR("u@d"))->count, 1);
	assert_non_null(session_by_conn(t, 1));
	assert_null(session_by_conn(t, 2));
	sessions_free(&t);
}

static void by_age(void **state)
{
	struct sessions *t = sessions_new();
	const struct account *a;

	(void)state;
	add(t, 20, 1, "u@d/b");
	add(t, 30, 2, "u@d/c");
	add(t, 10, 3, "u@d/a");
	add(t, 25, 4, "u@d/d");
	a = account_by_jid(t, STR("u@d"));
	assert_int_equal(a->oldest->row.sid, 10);
	assert_int_equal(a->oldest->next->row.sid, 20);
	assert_int_equal(a->newest->previous->row.sid, 25);
	session_forget(t, session_by_sid(t, 20));
	assert_int_equal(a->oldest->next->row.sid, 25);
	assert_int_equal(session_by_sid(t, 25)->previous->row.sid, 10);
	sessions_free(&t);
}

static void sids_grow(void **state)
{
	struct sessions *t = sessions_new();
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		uint64_t sid = session_new_sid(t);

		assert_true(sid > last);
		last = sid;
	}
	add(t, last + (UINT64_C(1) << 40), 1, "u@d/r"); /* recovered, from a clock that was ahead */
	assert_true(session_new_sid(t) > last + (UINT64_C(1) << 40));
	sessions_free(&t);
}

static void changed_once(void **state)
{
	struct house h = {.sessions = sessions_new()};
	struct session *a = add(h.sessions, 1, 1, "u@d/a"), *b = add(h.sessions, 2, 2, "u@d/b");

	(void)state;
	session_changed(&h, a);
	session_changed(&h, b);
	session_changed(&h, a);
	session_forget(h.sessions, b); /* gone before the turn ended */
	assert_ptr_equal(session_take_changed(h.sessions), a);
	assert_null(session_take_changed(h.sessions));
	session_changed(&h, a);
	assert_ptr_equal(session_take_changed(h.sessions), a);
	sessions_free(&h.sessions);
}

/* What a listing sees that takes a few places at a time. */
static unsigned seen(const struct sessions *t, const struct session *who, size_t from)
{
	unsigned n = 0;

	for (size_t place = from; place < session_places(t); place++)
		n += session_at(t, place) == who;
	return n;
}

static void places_are_for_life(void **state)
{
	enum { MANY = 1000 };
	struct sessions *t = sessions_new();
	struct session *s[MANY];

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		char jid[32];

		snprintf(jid, sizeof jid, "u@d/%u", i);
		s[i] = add(t, i + 1, i + 1, jid);
	}
	for (unsigned i = 1; i < MANY; i += 2)
		session_forget(t, s[i]);
	for (unsigned i = 0; i < MANY; i += 2) /* those that stay are where they were */
		assert_int_equal(seen(t, s[i], 0), 1);
	assert_null(session_at(t, session_places(t)));
	assert_int_equal(session_places(t), MANY);
	for (unsigned i = 1; i < MANY; i += 2) { /* free places are taken, each once */
		s[i] = add(t, MANY + i, MANY + i, i == 1 ? "u@d/x" : "u@d/y");
		assert_true((s[i] != NULL) == (i <= 3));
	}
	assert_int_equal(session_places(t), MANY);
	assert_int_equal(seen(t, s[1], 0) + seen(t, s[3], 0), 2);
	assert_int_equal(session_count(t), MANY / 2 + 2);
	for (unsigned i = 0; i < MANY; i += 2)
		assert_int_equal(seen(t, s[i], i), 1);
	sessions_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"session: found by sid, connection, full JID and account, and gone from all", found, NULL, NULL, NULL},
		{"session: what is taken is refused, and nothing of it stays", taken, NULL, NULL, NULL},
		{"session: an account's sessions are in order of age, however they came", by_age, NULL, NULL, NULL},
		{"session: sids only grow, whatever the clock does", sids_grow, NULL, NULL, NULL},
		{"session: a change is recorded once a turn", changed_once, NULL, NULL, NULL},
		{"session: each keeps its place while others come and go, and places are used again",
			places_are_for_life, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}

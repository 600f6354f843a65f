/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Answers read, and the page that is made of them. */
#include "sm/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char status[] =
	"= version:s state:s pid:n uptime:d since:t sessions:n routed:n ghosts:n\n"
	"+ 1.2.3 serving 7 90061 1 12 100 0\n"
	"* workers slot:n incarnation:n pid:n joined:b new_column:s connections:n negotiating:n sessions:n queued:z\n"
	"+ 0 1 11 1 x%20y 9 1 8 20480\n"
	"+ 1 2 12 0 z 4 0 4 0\n"
	"* databases name:i state:s refuses_since:t waiting:n wal:z\n"
	"+ store.db-writer disk%20full 5 3 4096\n";
static const char stats[] = "= uptime:d sessions:n routed:n ghosts:n proofs:n proofs_refused:n messages:n\n"
			    "+ 90061 12 100 0 20 2 50\n"
			    "% events\n"
			    "+ session_open 40\n"
			    "+ auth_failed 6\n"
			    "+ from_a_newer_sm 1\n";

static void reads(void **state)
{
	struct top_look l = {0};

	(void)state;
	assert_true(top_read(&l, str_of(status), str_of(stats)));
	assert_string_equal(l.version, "1.2.3");
	assert_int_equal(l.number[TOP_sessions], 12);
	assert_int_equal(l.number[TOP_messages], 50);
	assert_int_equal(l.number[TOP_proofs], 20);
	assert_int_equal(l.event[EVENT_session_open], 40);
	assert_int_equal(l.event[EVENT_auth_failed], 6);
	assert_int_equal(l.worker_n, 2);
	assert_int_equal(l.worker[0].queued, 20480);
	assert_int_equal(l.worker[1].joined, 0);
	assert_string_equal(l.database[0].state, "disk full");
}

static void survives(void **state)
{
	static const char *const bad[] = {"x", "+", "=\n", "no such line\n", "= a:n\n+ 1\n\n"};
	struct top_look l = {0};
	struct buf many = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(top_read(&l, str_of(bad[i]), STR_NONE));
	assert_true(top_read(&l, STR("+ 1 2\n= a\n+ \n+ 1 2 3\n* workers\n+ 1\n"), STR_NONE));
	buf_puts(&many, "* workers slot:n\n");
	for (int i = 0; i < 500; i++)
		buf_puts(&many, "+ 99999999999999999999999\n");
	buf_puts(&many, "* databases name:s state:s\n");
	for (int i = 0; i < 50; i++)
		buf_puts(&many, "+ a-name-that-is-much-longer-than-there-is-room-for %1b%ff\n");
	assert_true(top_read(&l, buf_str(&many), STR_NONE));
	assert_int_equal(l.worker_n, TOP_WORKERS);
	assert_string_equal(l.database[0].state, "??");
	buf_free(&many);
}

static void shows(void **state)
{
	struct top_look looks[TOP_LOOKS] = {{0}};
	struct buf page = {0};
	struct str rest, line;

	(void)state;
	assert_true(top_read(&looks[0], str_of(status), str_of(stats)));
	looks[1] = looks[0];
	looks[0].at = 3000;
	looks[1].at = 1000;
	looks[1].event[EVENT_session_open] = 30;
	looks[1].number[TOP_messages] = 1;
	looks[1].number[TOP_routed] = 1000; /* sm was restarted in between */
	looks[1].event[EVENT_auth_failed] = 4;
	top_page(&page, looks, 0, false);
	assert_non_null(strstr(buf_cstr(&page), "up 1d 01:01:01"));
	assert_non_null(strstr(buf_cstr(&page), "logins/s         5.0"));
	assert_non_null(strstr(buf_cstr(&page), "messages/s      24.5"));
	assert_non_null(strstr(buf_cstr(&page), "stanzas/s        0.0"));
	assert_non_null(strstr(buf_cstr(&page), "auth-failed          6        2"));
	assert_non_null(strstr(buf_cstr(&page), "DOWN"));
	assert_non_null(strstr(buf_cstr(&page), "20K"));
	rest = buf_str(&page);
	while (str_cut(rest, '\n', &line, &rest))
		assert_true(line.n <= 80);
	buf_free(&page);
}

static void no_rate_yet(void **state)
{
	struct top_look looks[TOP_LOOKS] = {{0}};
	struct buf page = {0};

	(void)state;
	assert_true(top_read(&looks[0], str_of(status), str_of(stats)));
	looks[0].at = 3000;
	top_page(&page, looks, 0, false);
	assert_non_null(strstr(buf_cstr(&page), "logins/s           -     sessions"));
	assert_null(strstr(buf_cstr(&page), "0.0"));
	buf_free(&page);
}

static void fits(void **state)
{
	struct top_look looks[TOP_LOOKS] = {{0}};
	struct buf page = {0};

	(void)state;
	assert_true(top_read(&looks[0], str_of(status), str_of(stats)));
	for (unsigned rows = 1; rows < 30; rows++) {
		unsigned lines = 1;

		buf_clear(&page);
		top_page(&page, looks, rows, true);
		for (size_t i = 0; i < page.n; i++)
			lines += page.p[i] == '\n';
		assert_true(lines <= rows);
	}
	buf_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"top: figures are found by the names of their columns", reads, NULL, NULL, NULL},
		{"top: what is malformed, too much or from another version does no harm", survives, NULL, NULL, NULL},
		{"top: rates are differences by time, in 80 columns", shows, NULL, NULL, NULL},
		{"top: before the first interval is over a rate is a dash, not nothing", no_rate_yet, NULL, NULL, NULL},
		{"top: a page never scrolls the terminal", fits, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

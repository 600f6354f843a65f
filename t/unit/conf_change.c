/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two configurations: what differs, when it takes effect, and what is carried over. */
#include "common/conf_change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct conf *parse(const char *text)
{
	struct buf why = {0};
	struct conf *c = conf_parse("a.conf", STR("/folder"), str_of(text), &why);

	if (!c)
		fail_msg("%s", buf_cstr(&why));
	buf_free(&why);
	return c;
}

static struct buf report;

static const char *difference(const char *now, const char *next)
{
	struct conf *a = parse(now), *b = parse(next);
	struct conf_change c = {0};

	buf_clear(&report);
	conf_change_find(&c, a, b);
	conf_change_report(&c, "x", &report);
	conf_change_end(&c);
	conf_free(&a);
	conf_free(&b);
	return buf_cstr(&report);
}

static void nothing(void **state)
{
	(void)state;
	assert_string_equal(difference("domain \"a\" {\n}\n", "\n# other words\ndomain \"a\" {\n}\n"),
		"x: nothing has changed\n");
	assert_string_equal(difference("domain \"a\" {\n}\n", "auth-attempts = 3\ndomain \"a\" {\n}\n"),
		"x: nothing has changed\n");
}

static void each_kind(void **state)
{
	(void)state;
	assert_string_equal(difference("domain \"a\" {\n}\n",
				    "log-level = \"debug\"\nlisten = {\"*:1\", \"*:2\"}\nstanza-bytes = 64K\n"
				    "certificate = \"c.pem\"\nworkers = 2\ndomain \"a\" {\n}\n"),
		"x: in effect: log-level\n"
		"x: in effect for new connections: certificate, stanza-bytes\n"
		"x: waits for a restart: listen, workers\n");
}

static void domains(void **state)
{
	(void)state;
	assert_string_equal(difference("domain \"a\" {\n}\ndomain \"b\" {\n}\n",
				    "domain \"c\" {\n}\ndomain \"b\" {\nsessions-per-account = 2\n"
				    "mechanisms = {\"PLAIN\"}\n}\n"),
		"x: in effect: domain \"b\": sessions-per-account\n"
		"x: in effect for new connections: domain \"c\" (new), domain \"b\": mechanisms, "
		"domain \"a\" (gone)\n");
}

static void carried_over(void **state)
{
	struct conf *now = parse("listen = {\"*:1\"}\nuser = \"one\"\nlog-level = \"warn\"\n"
				 "turn-log-bytes = 8M\ndomain \"a\" {\n}\n");
	struct conf *next = parse("listen = {\"*:2\", \"*:3\"}\nuser = \"two\"\nlog-level = \"debug\"\n"
				  "domain \"a\" {\n}\n");
	struct conf_change c = {0};

	(void)state;
	conf_inherit(next, now);
	conf_free(&now);
	assert_int_equal(next->listen.n, 1);
	assert_string_equal(next->listen.words[0], "*:1");
	assert_string_equal(next->user, "one");
	assert_int_equal(next->turn_log_bytes, 8 << 20);
	assert_int_equal(next->log_level, CHOICE_DEBUG);
	/* so that the next comparison says again what waits */
	now = parse("listen = {\"*:2\", \"*:3\"}\nuser = \"two\"\nlog-level = \"debug\"\n"
		    "domain \"a\" {\n}\n");
	conf_change_find(&c, next, now);
	assert_true(str_is(buf_str(&c.restart), "user, listen, turn-log-bytes"));
	conf_change_end(&c);
	conf_free(&now);
	conf_free(&next);
}

static void paths(void **state)
{
	struct conf *c = parse("certificate = \"c.pem\"\ndomain \"a\" {\n\nprivate-key = \"/k.pem\"\n}\n");
	struct buf why = {0};

	(void)state;
	assert_string_equal(c->certificate, "/folder/c.pem");
	assert_int_equal(c->domains[0].line.private_key, 4);
	assert_false(conf_check_files(c, &why));
	assert_string_equal(buf_cstr(&why), "a.conf:4: certificate and private-key need each other");
	buf_free(&why);
	conf_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"conf_change: the same settings, written otherwise, are no change", nothing, NULL, NULL, NULL},
		{"conf_change: each change is listed by when it takes effect", each_kind, NULL, NULL, NULL},
		{"conf_change: domains come, go and change", domains, NULL, NULL, NULL},
		{"conf_change: what waits for a restart is carried over, and told again", carried_over, NULL, NULL,
			NULL},
		{"conf: what is parsed from memory opens nothing, and knows its folder and lines", paths, NULL, NULL,
			NULL},
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("conf_change", tests, NULL, NULL);
	buf_free(&report);
	return failed;
}

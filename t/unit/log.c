/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Log lines, as they arrive at the other end of standard error. */
#include "common/log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char taken[PIPE_BUF + 1];
static int kept_stderr, reading;

/* From here to `take`, standard error is a pipe. */
static void divert(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	kept_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	reading = ends[0];
}

/* What one write brought; "" when there was none. */
static const char *take(void)
{
	ssize_t n = read(reading, taken, PIPE_BUF);

	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	close(reading);
	taken[n > 0 ? n : 0] = '\0';
	return taken;
}

/* The fields of a line that has one field `v` with this text. */
static const char *spelt(struct str value)
{
	const char *line, *found;

	divert();
	log_event(login, LOG_STR("v", value));
	line = take();
	found = strstr(line, " v=");
	assert_non_null(found);
	assert_int_equal(line[strlen(line) - 1], '\n');
	return found + 3;
}

static void whole_line(void **state)
{
	char expected[200], *after;
	const char *line;

	(void)state;
	divert();
	log_event(login, LOG_HEX("conn", 0xab12), LOG_TEXT("user", "juliet@example.com"), LOG_U64("n", UINT64_MAX),
		LOG_I64("d", -5), LOG_STR("none", STR_NONE));
	line = take();
	snprintf(expected, sizeof expected,
		" info c2s[%d] event=login conn=000000000000ab12 user=juliet@example.com n=18446744073709551615 d=-5 none=\"\"\n",
		(int)getpid());
	after = strchr(line, ' ');
	assert_non_null(after);
	assert_string_equal(after, expected);
}

static void stamp(void **state)
{
	time_t before = time(NULL), then;
	struct tm tm = {0};
	const char *end;
	int ms;

	(void)state;
	divert();
	log_event(login, LOG_U64("n", 1));
	end = strptime(take(), "%Y-%m-%dT%H:%M:%S", &tm);
	assert_non_null(end);
	assert_int_equal(sscanf(end, ".%3dZ", &ms), 1);
	assert_int_equal(end[4], 'Z');
	then = timegm(&tm);
	assert_true(then >= before && then <= time(NULL));
}

static void escapes(void **state)
{
	(void)state;
	assert_string_equal(spelt(STR("plain/-_.:@[]{}!~")), "plain/-_.:@[]{}!~\n");
	assert_string_equal(spelt(STR("a b")), "\"a b\"\n");
	assert_string_equal(spelt(STR("a=b")), "\"a=b\"\n");
	assert_string_equal(spelt(STR("a\"b")), "\"a\\\"b\"\n");
	assert_string_equal(spelt(STR("a\\b")), "\"a\\\\b\"\n");
	assert_string_equal(spelt(STR("a\nevent=login")), "\"a\\nevent=login\"\n");
	assert_string_equal(spelt(STR("a\r\tb")), "\"a\\r\\tb\"\n");
	assert_string_equal(spelt(STR("\x1b[31m")), "\"\\x1b[31m\"\n");
	assert_string_equal(spelt(STR("\xc3\xa4")), "\"\\xc3\\xa4\"\n");
	assert_string_equal(spelt(STR("a\0b\x7f")), "\"a\\x00b\\x7f\"\n");
	assert_string_equal(spelt(STR("")), "\"\"\n");
}

/* No byte but those of one printable line comes out, whatever goes in. */
static void every_byte(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char byte = (char)c;
		const char *v = spelt(str_at(&byte, 1));
		size_t n = strlen(v);

		for (size_t i = 0; i + 1 < n; i++)
			assert_true(v[i] >= ' ' && v[i] < 0x7f);
		assert_int_equal(v[n - 1], '\n');
	}
}

static void cut(void **state)
{
	static char text[5000];
	const char *v;

	(void)state;
	memset(text, 'a', sizeof text);
	assert_int_equal(strlen(spelt(str_at(text, 512))), 513);
	v = spelt(str_at(text, 513));
	assert_string_equal(v + strlen(v) - 6, "a\"...\n");
	assert_int_equal(strlen(v), 513);
	memset(text, '\n', sizeof text);
	v = spelt(str_at(text, sizeof text));
	assert_string_equal(v + strlen(v) - 7, "\\n\"...\n");
	assert_true(strlen(v) <= 513);
	assert_string_equal(spelt(STR("abc...")), "abc...\n"); /* the mark alone stands outside quotes */
}

static void full_line(void **state)
{
	static char text[600];
	struct log_field fields[20] = {0};
	const char *line;

	(void)state;
	memset(text, '"', sizeof text);
	for (size_t i = 0; i < COUNT(fields) - 1; i++)
		fields[i] = LOG_STR("key", str_at(text, sizeof text));
	divert();
	log_write(EVENT_login, fields);
	line = take();
	assert_true(strlen(line) <= PIPE_BUF);
	assert_string_equal(line + strlen(line) - 5, " ...\n");
	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < COUNT(fields) - 1; i++)
		fields[i] = LOG_STR("key", str_at(text, 481));
	divert();
	log_write(EVENT_login, fields);
	assert_string_equal(take() + strlen(taken) - 5, " ...\n");
}

static void levels(void **state)
{
	enum log_level level = LOG_WARN;

	(void)state;
	assert_true(log_level_parse(STR("debug"), &level) && level == LOG_DEBUG);
	assert_true(log_level_parse(STR("error"), &level) && level == LOG_ERROR);
	assert_false(log_level_parse(STR("loud"), &level));
	assert_false(log_level_parse(STR(""), &level));
	log_level_set(LOG_NOTICE);
	assert_true(log_wants(EVENT_internal) && log_wants(EVENT_command));
	assert_false(log_wants(EVENT_login) || log_wants(EVENT_stanza));
	divert();
	log_event(login, LOG_U64("n", 1));
	assert_string_equal(take(), "");
	log_level_set(LOG_INFO);
}

static void *count_many(void *unused)
{
	(void)unused;
	for (int i = 0; i < 10000; i++)
		log_event(stanza, LOG_U64("n", 1));
	return NULL;
}

static void counts(void **state)
{
	uint64_t before = log_count(EVENT_stanza);
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(log_count(EVENT_stanza) - before, 40000);
	assert_int_equal(log_count((enum event)127), 0);
	assert_string_equal(event_name(EVENT_login), "login");
	assert_null(event_name((enum event)127));
	assert_null(event_name((enum event)0));
	assert_null(event_name((enum event)100000));
}

/* A process whose standard error is gone, or full, goes on. */
static void nobody_listens(void **state)
{
	int ends[2], kept = dup(STDERR_FILENO);
	char filling[PIPE_BUF] = {0};

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(ends[1], filling, sizeof filling) > 0)
		continue;
	dup2(ends[1], STDERR_FILENO);
	log_event(login, LOG_U64("n", 1));
	close(STDERR_FILENO);
	log_event(login, LOG_U64("n", 1));
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"log: a line is time, level, program, pid, event and fields", whole_line, NULL, NULL, NULL},
		{"log: the time is that of the wall clock in UTC", stamp, NULL, NULL, NULL},
		{"log: what is not plain is quoted with C escapes", escapes, NULL, NULL, NULL},
		{"log: no byte of a value can end or forge a line", every_byte, NULL, NULL, NULL},
		{"log: a long value is cut and marked outside its quotes", cut, NULL, NULL, NULL},
		{"log: a line stays within PIPE_BUF and shows that fields are missing", full_line, NULL, NULL, NULL},
		{"log: levels have names and filter", levels, NULL, NULL, NULL},
		{"log: every event counts, printed or not, on every thread", counts, NULL, NULL, NULL},
		{"log: a standard error that takes nothing is no reason to stop", nobody_listens, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	log_start("c2s", LOG_INFO);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

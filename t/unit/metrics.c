/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which requests are answered, and how the answer begins. */
#include "sm/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void gives_the_page(void **state)
{
	static const char *const good[] = {
		"GET /metrics HTTP/1.1\r\nHost: localhost:9222\r\n\r\n",
		"GET /metrics HTTP/1.0\r\n\r\n",
		"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nhOST:x\r\nAccept: a/b,\tc/d;q=0.5\r\nX-Empty:\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(metrics_judge(str_of(good[i])), 200);
		for (size_t n = 0; n < strlen(good[i]); n++)
			assert_int_equal(metrics_judge(str_at(good[i], n)), 0);
	}
}

static void refuses(void **state)
{
	static const struct {
		unsigned status;
		const char *request;
	} rows[] = {
		{404, "GET / HTTP/1.0\r\n\r\n"},
		{404, "GET /metrics/ HTTP/1.0\r\n\r\n"},
		{404, "GET /metrics?name=x HTTP/1.0\r\n\r\n"},
		{404, "GET http://localhost/metrics HTTP/1.0\r\n\r\n"},
		{405, "POST /metrics HTTP/1.0\r\n\r\n"},
		{405, "HEAD /metrics HTTP/1.0\r\n\r\n"},
		{405, "get /metrics HTTP/1.0\r\n\r\n"},
		{505, "GET /metrics HTTP/2.0\r\n\r\n"},
		{505, "GET /metrics HTTP/1.10\r\n\r\n"},
		{400, "GET /metrics HTTP/1.1\r\n\r\n"},
		{400, "GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
		{400, "GET /metrics HTTP/1.0\r\nContent-Length: 0\r\n\r\n"},
		{400, "GET /metrics HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n"},
		{400, "GET /metrics HTTP/1.0\r\nHost : x\r\n\r\n"},
		{400, "GET /metrics HTTP/1.0\r\n folded: x\r\n\r\n"},
		{400, "GET /metrics HTTP/1.0\r\nNo colon\r\n\r\n"},
		{400, "GET /metrics HTTP/1.0\r\n: x\r\n\r\n"},
		{400, "GET /metrics HTTP/1.0\nHost: x\r\n\r\n"},
		{400, "GET /metrics HTTP/1.0\r\nA: b\rc\r\n\r\n"},
		{400, "GET  /metrics HTTP/1.0\r\n\r\n"},
		{400, "GET /metrics  HTTP/1.0\r\n\r\n"},
		{400, "GET /metrics HTTP/1.0 \r\n\r\n"},
		{400, " GET /metrics HTTP/1.0\r\n\r\n"},
		{400, "GET /metrics\r\n\r\n"},
		{400, "GET /metrics ICY/1.0\r\n\r\n"},
		{400, "G(T /metrics HTTP/1.0\r\n\r\n"},
		{400, "\r\n\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (metrics_judge(str_of(rows[i].request)) != rows[i].status)
			fail_msg("row %zu is not %u", i, rows[i].status);
	}
	assert_int_equal(metrics_judge(str_at("GET /metrics HTTP/1.0\r\nA: \0\r\n\r\n", 31)), 400);
}

static void bounds(void **state)
{
	char long_one[METRICS_REQUEST_MOST];

	(void)state;
	memset(long_one, 'x', sizeof long_one);
	assert_int_equal(metrics_judge(str_at(long_one, sizeof long_one - 1)), 0);
	assert_int_equal(metrics_judge(str_at(long_one, sizeof long_one)), 431);
}

static void answers(void **state)
{
	struct buf out = {0};

	(void)state;
	metrics_answer(&out, 200, STR("x 1\n"));
	assert_true(str_starts(buf_str(&out), STR("HTTP/1.1 200 OK\r\n")));
	assert_non_null(strstr(buf_cstr(&out), "\r\nContent-Length: 4\r\n"));
	assert_true(str_ends(buf_str(&out), STR("\r\n\r\nx 1\n")));
	buf_clear(&out);
	metrics_answer(&out, 405, STR_NONE);
	assert_non_null(strstr(buf_cstr(&out), "\r\nAllow: GET\r\n"));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"metrics: GET /metrics by HTTP/1.0 and 1.1 is answered as soon as it is whole", gives_the_page, NULL,
			NULL, NULL},
		{"metrics: other paths, methods, versions, bodies and bad form are refused, each in HTTP's terms",
			refuses, NULL, NULL, NULL},
		{"metrics: a request has a longest length", bounds, NULL, NULL, NULL},
		{"metrics: an answer says its length, and what is allowed", answers, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

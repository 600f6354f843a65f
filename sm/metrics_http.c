/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * As much of HTTP as is needed to give out one page (RFC 9112), and strictly: what is malformed,
 * or has a body, is refused rather than understood. */
#include "sm/metrics.h"

#include <string.h>

#define BAD 400

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');

		if (!plain && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return s.n > 0;
}

static bool is_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool is_named(struct str field, const char *name)
{
	if (field.n != strlen(name))
		return false;
	for (size_t i = 0; i < field.n; i++) {
		if ((field.p[i] | 0x20) != name[i])
			return false;
	}
	return true;
}

/* Takes a line off the front, without its CR LF. False: it has no end, or no good one. */
static bool take_line(struct str *rest, struct str *line)
{
	if (!str_cut(*rest, '\n', line, rest) || !str_ends(*line, STR("\r")))
		return false;
	line->n--;
	return is_line(*line);
}

/* 0: it is well-formed, and ours. */
static unsigned judge_first(struct str line, bool *is_newer)
{
	struct str method, target, version, rest;

	if (!str_cut(line, ' ', &method, &rest) || !str_cut(rest, ' ', &target, &version) ||
		!is_token(method) || target.n == 0 || str_find(target, '\t') < target.n ||
		!str_starts(version, STR("HTTP/")) || str_find(version, ' ') < version.n)
		return BAD;
	*is_newer = str_is(version, "HTTP/1.1");
	if (!*is_newer && !str_is(version, "HTTP/1.0"))
		return 505;
	if (!str_is(target, "/metrics"))
		return 404;
	return str_is(method, "GET") ? 0 : 405;
}

/* The fields, of which there is one Host where there must be, and nothing that announces a body. */
static unsigned judge_fields(struct str rest, bool is_newer)
{
	unsigned hosts = 0;
	struct str line, name, value;

	for (;;) {
		if (!take_line(&rest, &line))
			return BAD;
		if (line.n == 0)
			break;
		if (!str_cut(line, ':', &name, &value) || !is_token(name) ||
			is_named(name, "content-length") || is_named(name, "transfer-encoding"))
			return BAD;
		hosts += is_named(name, "host");
	}
	return hosts > 1 || (is_newer && hosts == 0) ? BAD : 0;
}

static bool is_whole(struct str request)
{
	return request.n >= 4 && memmem(request.p, request.n, "\r\n\r\n", 4);
}

unsigned metrics_judge(struct str request)
{
	bool is_newer = false;
	struct str line, rest = request;
	unsigned first, fields;

	if (!is_whole(request))
		return request.n >= METRICS_REQUEST_MOST ? 431 : 0;
	first = take_line(&rest, &line) ? judge_first(line, &is_newer) : BAD;
	if (first == BAD || first == 505)
		return first;
	fields = judge_fields(rest, is_newer);
	if (fields)
		return fields;
	return first ? first : 200;
}

static const char *reason(unsigned status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 431:
		return "Request Header Fields Too Large";
	case 505:
		return "HTTP Version Not Supported";
	default:
		return "Bad Request";
	}
}

void metrics_answer(struct buf *out, unsigned status, struct str body)
{
	struct buf words = {0};

	if (status != 200) {
		buf_printf(&words, "%u %s; there is GET /metrics\n", status, reason(status));
		body = buf_str(&words);
	}
	buf_printf(out, "HTTP/1.1 %u %s\r\n", status, reason(status));
	if (status == 405)
		buf_puts(out, "Allow: GET\r\n");
	buf_printf(out,
		"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n",
		body.n);
	buf_put(out, body);
	buf_free(&words);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For the tests of the gate: what it makes of some bytes, as text. The bytes are fed in one
 * piece, byte by byte, and cut once at every place; the answer must be the same each time. */
#ifndef T_UNIT_SCAN_TRY_H
#define T_UNIT_SCAN_TRY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/scan.h"

#define HEADER \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " \
	"to='localhost' version='1.0'>"

static const struct scan_limits try_limits = {
	.bytes = 2000, .elements = 50, .depth = 10, .attributes = 10, .name_bytes = 60};

/* Each element as its canonical bytes, "</>" for the end of the stream, "!condition" for an
 * error; nothing for the header. */
static inline void try_feed(struct scan *s, struct str bytes, size_t piece, struct buf *told)
{
	while (bytes.n) {
		struct str head = str_head(bytes, piece);
		size_t used = 0;

		switch (scan_feed(s, head, &used)) {
		case SCAN_MORE:
			assert_int_equal(used, head.n);
			break;
		case SCAN_STREAM:
			assert_int_equal(head.p[used - 1], '>');
			break;
		case SCAN_ELEMENT:
			assert_int_equal(head.p[used - 1], '>');
			buf_put(told, scan_element(s)->bytes);
			assert_true(scan_is_canonical(scan_element(s)->bytes, &try_limits));
			break;
		case SCAN_CLOSE:
			buf_puts(told, "</>");
			break;
		case SCAN_ERROR:
			buf_putc(told, '!');
			buf_put(told, cond_element(scan_why(s)));
			assert_true(strlen(scan_why_text(s)) > 5);
			assert_int_equal(scan_feed(s, STR("<a/>"), &used), SCAN_ERROR);
			return;
		}
		bytes = str_skip(bytes, used);
	}
}

static inline bool try_has_failed(const struct buf *told)
{
	return str_find(buf_str(told), '!') < told->n;
}

static inline void try_pieces(
	struct str first, struct str second, size_t piece, const char *expected)
{
	struct scan *s = scan_new(&try_limits);
	struct buf told = {0};

	try_feed(s, first, piece, &told);
	if (!try_has_failed(&told))
		try_feed(s, second, piece, &told);
	if (strcmp(buf_cstr(&told), expected) != 0)
		fail_msg("\"%.*s|%.*s\" in pieces of %zu gave \"%s\", not \"%s\"", STR_ARG(first),
			STR_ARG(second), piece, buf_cstr(&told), expected);
	buf_free(&told);
	scan_free(&s);
}

static inline void try_bytes(struct str bytes, const char *expected)
{
	try_pieces(bytes, STR_NONE, SIZE_MAX, expected);
	try_pieces(bytes, STR_NONE, 1, expected);
	for (size_t cut = 1; bytes.n < 400 && cut < bytes.n; cut++)
		try_pieces(str_head(bytes, cut), str_skip(bytes, cut), SIZE_MAX, expected);
}

/* `inside` within a stream. */
static inline void try_stream(struct str inside, const char *expected)
{
	struct buf bytes = {0};

	buf_puts(&bytes, HEADER);
	buf_put(&bytes, inside);
	try_bytes(buf_str(&bytes), expected);
	buf_free(&bytes);
}

/* Literals may hold NUL, so their size counts. */
#define GIVES(inside, expected) try_stream(STR(inside), expected)
#define WHOLE(bytes, expected) try_bytes(STR(bytes), expected)

#define NWF "!not-well-formed"
#define RESTRICTED "!restricted-xml"
#define FORMAT "!bad-format"
#define PREFIX "!bad-namespace-prefix"
#define POLICY "!policy-violation"

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A slice: bytes that somebody else owns. Never NUL-terminated by promise; p may be NULL when n is
 * 0. */
#ifndef COMMON_STR_H
#define COMMON_STR_H

#include <string.h>

#include "common/base.h"

struct str {
	const char *p;
	size_t n; /* bytes */
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_NONE ((struct str){0})
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).n, (s).n ? (s).p : ""

/* Borrows; NULL gives the empty slice. */
static inline struct str str_of(const char *c_string)
{
	return c_string ? (struct str){c_string, strlen(c_string)} : STR_NONE;
}

static inline struct str str_at(const void *bytes, size_t n)
{
	return (struct str){(const char *)bytes, n};
}

/* Here, so that a comparison with a literal is one of a few words. */
static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *c_string)
{
	return str_eq(a, str_of(c_string));
}

/* Without the first n bytes (or empty). */
static inline struct str str_skip(struct str s, size_t n)
{
	size_t skipped = n < s.n ? n : s.n;

	return (struct str){skipped ? s.p + skipped : s.p, s.n - skipped};
}

/* The first n bytes (or all). */
static inline struct str str_head(struct str s, size_t n)
{
	return (struct str){s.p, n < s.n ? n : s.n};
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_head(s, prefix.n), prefix);
}

int str_cmp(struct str a, struct str b); /* bytewise, shorter first: i;octet */
bool str_ends(struct str s, struct str suffix);
size_t str_find(struct str s, char byte); /* index of the first such byte, s.n when there is none */
/* Cuts at the first `byte`: head before it, tail after it. False (head = s, tail empty) when there
 * is none. */
bool str_cut(struct str s, char byte, struct str *head, struct str *tail);
/* A decimal number without sign, blank or leading '+'; false on anything else or overflow. */
MUST_CHECK bool str_u64(struct str s, uint64_t *out);
/* Is it well-formed UTF-8 by RFC 3629 (no surrogates, no overlong form, at most U+10FFFF)? NUL
 * counts as well-formed. */
bool str_utf8(struct str s);
bool str_ascii(struct str s);

#endif

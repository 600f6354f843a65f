/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate's step through an XML declaration (XML 1.0 [23]), which may stand at the very start
 * of a stream (RFC 6120 11.5). */
#include "common/scan_work.h"

#include <strings.h>

#define DECLARATION_MOST 128 /* bytes behind "<?xml" */

static bool is_blank(char c)
{
	return chars_class[(uint8_t)c] & CHARS_BLANK;
}

static struct str skip_blanks(struct str s)
{
	while (s.n && is_blank(*s.p))
		s = str_skip(s, 1);
	return s;
}

/* Takes ` name = "value"` off the front. False: there is none of that name, and nothing is
 * taken. */
static bool take_pseudo_attr(struct str *from, const char *name, struct str *value)
{
	struct str s = skip_blanks(*from);
	size_t close;
	char quote;

	if (s.n == from->n || !str_starts(s, str_of(name)))
		return false;
	s = skip_blanks(str_skip(s, strlen(name)));
	if (s.n == 0 || *s.p != '=')
		return false;
	s = skip_blanks(str_skip(s, 1));
	if (s.n == 0 || (*s.p != '"' && *s.p != '\''))
		return false;
	quote = *s.p;
	s = str_skip(s, 1);
	close = str_find(s, quote);
	if (close == s.n)
		return false;
	*value = str_head(s, close);
	*from = str_skip(s, close + 1);
	return true;
}

/* An encoding that is well-formed by XML 1.0 [81]. */
static bool is_encoding_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool later = (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';

		if (!letter && !(i > 0 && later))
			return false;
	}
	return s.n > 0;
}

static const char *judge(struct scan *s, struct str rest, const char *p)
{
	struct str version, encoding = STR("UTF-8"), standalone = STR("no");
	bool whole = take_pseudo_attr(&rest, "version", &version);

	if (whole) {
		take_pseudo_attr(&rest, "encoding", &encoding);
		take_pseudo_attr(&rest, "standalone", &standalone);
	}
	if (!whole || skip_blanks(rest).n || !is_encoding_name(encoding) ||
		!(str_is(standalone, "yes") || str_is(standalone, "no")))
		return scan_fault(s, STREAM_not_well_formed, "an XML declaration that is none");
	if (!str_is(version, "1.0"))
		return scan_fault(s, STREAM_bad_format, "another version of XML than 1.0");
	if (encoding.n != 5 || strncasecmp(encoding.p, "UTF-8", 5) != 0)
		return scan_fault(s, STREAM_unsupported_encoding, "another encoding than UTF-8");
	s->state = SCAN_AT_DECLARED;
	return p;
}

/* The bytes behind "<?": "xml" and a blank, or it is a processing instruction, whose target may
 * begin with "xml" too. */
static const char *target_byte(struct scan *s, const char *p)
{
	struct scan_work *w = s->work;

	if (w->matched < 3 ? *p != "xml"[w->matched] : !is_blank(*p))
		return scan_fault(s, STREAM_restricted_xml, "a processing instruction");
	w->matched++;
	return p + 1;
}

const char *scan_declaration(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;
	struct buf *raw = &w->raw;

	(void)end;
	if (w->matched < 3)
		return target_byte(s, p);
	if (w->matched == 3 && !target_byte(s, p))
		return NULL;
	if ((uint8_t)*p >= 0x80 || !(chars_class[(uint8_t)*p] & CHARS_PRINT))
		return scan_bad_byte(s, *p, STREAM_not_well_formed,
			"an XML declaration that is none");
	if (*p == '>' && raw->n && raw->p[raw->n - 1] == '?')
		return judge(s, str_head(buf_str(raw), raw->n - 1), p + 1);
	if (raw->n == DECLARATION_MOST)
		return scan_fault(s, STREAM_policy_violation,
			"an XML declaration that is too long");
	if (raw->cap == raw->n && !scan_grow(s, raw, 1, DECLARATION_MOST))
		return NULL;
	raw->p[raw->n++] = *p;
	return p + 1;
}

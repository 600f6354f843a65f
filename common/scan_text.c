/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate's steps through character data: text, CDATA, attribute values and references. Runs of
 * plain bytes are copied at once; everything else goes through a switch. Line ends become LF
 * (XML 1.0 2.11), blanks in values become U+0020 (3.3.3). */
#include "common/scan_work.h"

static bool put_str(struct scan *s, struct str bytes)
{
	return scan_put(s, bytes.p, bytes.n);
}

/* One byte of a character beyond ASCII. */
static const char *take_char(struct scan *s, const char *p)
{
	struct chars_partial *c = &s->work->partial;
	enum chars_step step = chars_take(c, *p);

	if (step == CHARS_NOT_UTF8)
		return scan_fault(s, STREAM_bad_format, "not UTF-8");
	if (step == CHARS_MORE)
		return p + 1;
	c->have = 0;
	if (!chars_is_char(chars_code_point(c->bytes, c->need)))
		return scan_fault(s, STREAM_not_well_formed, "a character that XML does not have");
	return scan_put(s, c->bytes, c->need) ? p + 1 : NULL;
}

/* Copies the run of plain bytes at p, and the odd character beyond ASCII that is cut by the end;
 * stops at the first byte of ASCII that needs a decision. */
static const char *plain(struct scan *s, const char *p, const char *end, uint8_t class)
{
	struct scan_work *w = s->work;

	while (p && p < end) {
		const char *from;

		if (w->partial.have == 0) {
			if (w->after_cr) {
				w->after_cr = false;
				if (*p == '\n') {
					p++;
					continue;
				}
			}
			from = p = scan_copy(s, p, end, class);
			if (!p || p == end || (uint8_t)*p < 0x80)
				return p;
			p = chars_run(p, end, class);
			if (p > from && !scan_put(s, from, (size_t)(p - from)))
				return NULL;
			if (p == end || (uint8_t)*p < 0x80)
				return p;
		}
		p = take_char(s, p);
	}
	return p;
}

static const char *begin_reference(struct scan *s, const char *p, bool in_value)
{
	struct scan_work *w = s->work;

	w->in_value = in_value;
	w->ref_n = 0;
	w->number = 0;
	w->digits = false;
	s->state = SCAN_AT_REFERENCE;
	return p;
}

static bool end_value(struct scan *s)
{
	struct scan_work *w = s->work;
	struct scan_attr *a = &w->attrs[w->attr_n++];

	a->value_n = (uint32_t)w->out.n - a->value;
	s->state = SCAN_AT_VALUE_END;
	return scan_put(s, "\"", 1);
}

/* A byte in a value that does not stand for itself. */
static bool value_byte(struct scan *s, char c)
{
	if (c == s->work->quote)
		return end_value(s);
	switch (c) {
	case '"':
		return put_str(s, STR("&quot;"));
	case '\'':
		return put_str(s, STR("'"));
	case '>':
		return put_str(s, STR("&gt;"));
	case '\r':
		s->work->after_cr = true;
		return put_str(s, STR(" "));
	case '\t':
	case '\n':
		return put_str(s, STR(" "));
	case '<':
		scan_fault(s, STREAM_not_well_formed, "'<' in an attribute value");
		return false;
	}
	scan_bad_byte(s, c, STREAM_not_well_formed, "a character that XML does not have");
	return false;
}

const char *scan_value(struct scan *s, const char *p, const char *end)
{
	while (s->state == SCAN_AT_VALUE) {
		p = plain(s, p, end, CHARS_VALUE);
		if (!p || p == end)
			return p;
		if (*p == '&')
			return begin_reference(s, p + 1, true);
		if (!value_byte(s, *p++))
			return NULL;
	}
	return p;
}

/* A byte in text that does not stand for itself; not '<', '&' and ']'. */
static bool text_byte(struct scan *s, char c)
{
	switch (c) {
	case '>':
		if (s->work->brackets < 2)
			return put_str(s, STR("&gt;"));
		scan_fault(s, STREAM_not_well_formed, "\"]]>\" in text");
		return false;
	case '\r':
		s->work->after_cr = true;
		return put_str(s, STR("\n"));
	}
	scan_bad_byte(s, c, STREAM_not_well_formed, "a character that XML does not have");
	return false;
}

const char *scan_text(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;

	while (p < end) {
		const char *from = p;

		p = plain(s, p, end, CHARS_TEXT);
		if (!p)
			return NULL;
		if (p > from)
			w->brackets = 0;
		if (p == end)
			return p;
		if (*p == '<') {
			s->state = SCAN_AT_LESS;
			return p + 1;
		}
		if (*p == '&')
			return begin_reference(s, p + 1, false);
		if (*p != ']') {
			if (!text_byte(s, *p++))
				return NULL;
			w->brackets = 0;
			continue;
		}
		if (!scan_put(s, p++, 1))
			return NULL;
		w->brackets += w->brackets < 2;
	}
	return p;
}

/* "<!" in content: CDATA, or something that XMPP forbids (RFC 6120 11.1). */
const char *scan_bang(struct scan *s, const char *p, const char *end)
{
	static const char rest[] = "[CDATA[";
	struct scan_work *w = s->work;

	for (; p < end && rest[w->matched]; p++)
		if (*p != rest[w->matched++])
			return scan_fault(s, STREAM_restricted_xml, "a comment or a DTD");
	if (!rest[w->matched]) {
		w->brackets = 0;
		s->state = SCAN_AT_CDATA;
	}
	return p;
}

/* A byte of CDATA that does not stand for itself in text, outside of "]]>"; not ']'. */
static bool cdata_byte(struct scan *s, char c)
{
	switch (c) {
	case '&':
		return put_str(s, STR("&amp;"));
	case '<':
		return put_str(s, STR("&lt;"));
	}
	return text_byte(s, c);
}

/* Brackets wait until it is known that they are not the end of the section. */
const char *scan_cdata(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;

	while (p < end) {
		if (*p == ']' && !w->partial.have) {
			w->after_cr = false;
			if (w->brackets == 2 && !scan_put(s, "]", 1))
				return NULL;
			w->brackets += w->brackets < 2;
			p++;
			continue;
		}
		if (*p == '>' && w->brackets == 2) {
			w->brackets = 0;
			s->state = SCAN_AT_TEXT;
			return p + 1;
		}
		if (w->brackets && !scan_put(s, "]]", w->brackets))
			return NULL;
		w->brackets = 0;
		p = plain(s, p, end, CHARS_TEXT);
		if (!p || p == end)
			return p;
		if (*p != ']' && !cdata_byte(s, *p++))
			return NULL;
	}
	return p;
}

/* The character that a reference names, as canonical bytes. */
static bool put_referred(struct scan *s, uint32_t code)
{
	bool in_value = s->work->in_value;
	char bytes[4];
	unsigned n;

	switch (code) {
	case '&':
		return put_str(s, STR("&amp;"));
	case '<':
		return put_str(s, STR("&lt;"));
	case '>':
		return put_str(s, STR("&gt;"));
	case '\r':
		return put_str(s, STR("&#13;"));
	case '"':
		return put_str(s, in_value ? STR("&quot;") : STR("\""));
	case '\t':
		return put_str(s, in_value ? STR("&#9;") : STR("\t"));
	case '\n':
		return put_str(s, in_value ? STR("&#10;") : STR("\n"));
	}
	if (!chars_is_char(code)) {
		scan_fault(s, STREAM_not_well_formed,
			"a reference to a character that XML does not have");
		return false;
	}
	n = chars_encode(code, bytes);
	return scan_put(s, bytes, n);
}

static bool end_reference(struct scan *s, uint32_t code)
{
	s->work->brackets = 0;
	s->state = s->work->in_value ? SCAN_AT_VALUE : SCAN_AT_TEXT;
	return put_referred(s, code);
}

/* The value of a digit, or 99. */
static unsigned digit(char c, bool hex)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (hex && c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (hex && c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 99;
}

/* Behind "&#". The number is refused as soon as it is too large, so it cannot wrap. */
static bool number_byte(struct scan *s, char c)
{
	struct scan_work *w = s->work;
	bool hex = w->ref_n == 2;
	unsigned value = digit(c, hex);

	if (c == 'x' && !hex && !w->digits) {
		w->ref_n = 2;
		return true;
	}
	if (c == ';' && w->digits)
		return end_reference(s, w->number);
	if (value == 99) {
		scan_bad_byte(s, c, STREAM_not_well_formed,
			"a character reference that is no number");
		return false;
	}
	w->digits = true;
	w->number = w->number * (hex ? 16 : 10) + value;
	if (w->number <= 0x10FFFF)
		return true;
	scan_fault(s, STREAM_not_well_formed, "a reference to a character that XML does not have");
	return false;
}

static bool end_named(struct scan *s)
{
	static const struct {
		char name[5];
		char code;
	} entities[] = {
		{"amp", '&'},
		{"lt", '<'},
		{"gt", '>'},
		{"quot", '"'},
		{"apos", '\''},
	};
	struct scan_work *w = s->work;

	for (size_t i = 0; i < COUNT(entities); i++)
		if (strlen(entities[i].name) == w->ref_n &&
			memcmp(entities[i].name, w->ref, w->ref_n) == 0)
			return end_reference(s, (uint8_t)entities[i].code);
	scan_fault(s, STREAM_restricted_xml, "a reference to an entity that is not predefined");
	return false;
}

/* A byte of an entity's name. One that grows longer than the five predefined is another entity
 * (RFC 6120 11.1). */
static bool named_byte(struct scan *s, char c)
{
	struct scan_work *w = s->work;
	bool name_byte = chars_class[(uint8_t)c] & (w->ref_n ? CHARS_NAME : CHARS_NAME_START);

	if (c == ';' && w->ref_n)
		return end_named(s);
	if (!name_byte) {
		scan_bad_byte(s, c, STREAM_not_well_formed, "'&' that begins no reference");
		return false;
	}
	if (w->ref_n == sizeof w->ref) {
		scan_fault(s, STREAM_restricted_xml,
			"a reference to an entity that is not predefined");
		return false;
	}
	w->ref[w->ref_n++] = c;
	return true;
}

const char *scan_reference(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;

	while (p < end && s->state == SCAN_AT_REFERENCE) {
		char c = *p++;

		if (w->ref_n == 0 && c == '#') {
			w->ref[0] = '#';
			w->ref_n = 1;
		} else if (w->ref_n && w->ref[0] == '#') {
			if (!number_byte(s, c))
				return NULL;
		} else if (!named_byte(s, c)) {
			return NULL;
		}
	}
	return p;
}

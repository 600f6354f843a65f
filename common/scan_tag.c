/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate's steps through tags. A start tag is written into the canonical bytes as it comes (in
 * their shape, but with prefixes and in the client's order), and put right by scan_ns.c when it
 * is complete. */
#include "common/scan_work.h"

static bool is_blank(char c)
{
	return chars_class[(uint8_t)c] & CHARS_BLANK;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

/* How many bytes more the name that begins at `at` in out may have. */
static size_t name_left(const struct scan *s, uint32_t at)
{
	return s->limits->name_bytes - (s->work->out.n - at);
}

/* Is the next character the first one of the name, or of its local part? */
static bool at_name_start(const struct scan_work *w, uint32_t at)
{
	return w->out.n == at || w->out.n == (size_t)w->colon + 1;
}

/* One byte of a character beyond ASCII in a name. */
static bool name_char(struct scan *s, uint32_t at, char byte)
{
	struct chars_partial *c = &s->work->partial;
	enum chars_step step = chars_take(c, byte);
	uint32_t code;

	if (step == CHARS_MORE)
		return true;
	if (step == CHARS_NOT_UTF8) {
		scan_fault(s, STREAM_bad_format, "not UTF-8");
		return false;
	}
	c->have = 0;
	code = chars_code_point(c->bytes, c->need);
	if (at_name_start(s->work, at) ? !chars_is_name_start(code) : !chars_is_name(code)) {
		scan_fault(s, STREAM_not_well_formed, "a character that a name cannot have");
		return false;
	}
	if (name_left(s, at) < c->need) {
		scan_fault(s, STREAM_policy_violation, "a name is too long");
		return false;
	}
	return scan_put(s, c->bytes, c->need);
}

static bool name_colon(struct scan *s, uint32_t at)
{
	struct scan_work *w = s->work;

	if (w->colon || w->out.n == at) {
		scan_fault(s, STREAM_not_well_formed, "a name with a misplaced colon");
		return false;
	}
	if (name_left(s, at) == 0) {
		scan_fault(s, STREAM_policy_violation, "a name is too long");
		return false;
	}
	w->colon = (uint32_t)w->out.n;
	return scan_put(s, ":", 1);
}

/* Takes bytes of the QName (Namespaces in XML 1.0) that begins at `at` in out. When it stops
 * before the end, the name is complete. */
static const char *name_bytes(struct scan *s, uint32_t at, const char *p, const char *end)
{
	struct scan_work *w = s->work;

	while (p && p < end) {
		size_t left = name_left(s, at);
		uint8_t class = chars_class[(uint8_t)*p];

		if (w->partial.have || (uint8_t)*p >= 0x80) {
			p = name_char(s, at, *p) ? p + 1 : NULL;
			continue;
		}
		if (*p == ':') {
			p = name_colon(s, at) ? p + 1 : NULL;
			continue;
		}
		if (at_name_start(w, at) && !(class & CHARS_NAME_START))
			return scan_bad_byte(s, *p, STREAM_not_well_formed,
				"a name that does not begin as one");
		if (!(class & CHARS_NAME))
			return p;
		if (left == 0)
			return scan_fault(s, STREAM_policy_violation, "a name is too long");
		p = scan_copy(s, p, (size_t)(end - p) < left ? end : p + left, CHARS_NAME);
	}
	return p;
}

/* The length of the prefix of the name that is complete now. */
static uint32_t take_prefix(struct scan_work *w, uint32_t at)
{
	uint32_t n = w->colon ? w->colon - at : 0;

	w->colon = 0;
	return n;
}

static const char *begin_tag(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;

	if (++w->elements > s->limits->elements)
		return scan_fault(s, STREAM_policy_violation, "too many elements");
	if (w->depth >= s->limits->depth)
		return scan_fault(s, STREAM_policy_violation, "elements nested too deeply");
	w->tag = (uint32_t)w->out.n;
	w->attr_n = 0;
	w->declaring = w->prefixed = false;
	s->state = SCAN_AT_TAG_NAME;
	return scan_put(s, "<", 1) ? scan_tag_name(s, p, end) : NULL;
}

const char *scan_less(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;

	w->matched = 0;
	if ((uint8_t)*p >= 0x80 || chars_class[(uint8_t)*p] & CHARS_NAME_START)
		return begin_tag(s, p, end);
	switch (*p) {
	case '/':
		if (w->in_header || (w->depth == 0 && !s->root))
			return scan_fault(s, STREAM_not_well_formed,
				"an end tag without a start tag");
		s->state = SCAN_AT_END_NAME;
		return p + 1;
	case '!':
		if (w->depth == 0)
			return scan_fault(s, STREAM_restricted_xml,
				"a comment, DTD or CDATA outside of an element");
		s->state = SCAN_AT_BANG;
		return p + 1;
	case '?':
		if (!w->first_byte)
			return scan_fault(s, STREAM_restricted_xml, "a processing instruction");
		s->state = SCAN_AT_DECLARATION;
		return p + 1;
	}
	return scan_bad_byte(s, *p, STREAM_not_well_formed, "'<' without a name");
}

static void complete_element(struct scan *s)
{
	struct scan_work *w = s->work;
	const struct scan_open *top = &w->open[0];
	uint32_t skip = top->prefix_n ? top->prefix_n + 1 : 0;

	w->element.bytes = buf_str(&w->out);
	w->element.name = str_at(w->out.p + 1, top->name_n - skip);
	w->element.ns_uri = scan_uri_text(s, top->uri);
	w->element.ns = top->uri < NS_COUNT ? (enum ns)top->uri : NS_other;
	s->event = SCAN_ELEMENT;
	s->state = SCAN_AT_BETWEEN;
}

static void leave_element(struct scan *s)
{
	struct scan_work *w = s->work;

	scan_close_element(w);
	w->brackets = 0;
	s->state = SCAN_AT_TEXT;
	if (w->depth == 0)
		complete_element(s);
}

/* The '>' of a start tag. */
static bool finish_tag(struct scan *s, bool empty)
{
	struct scan_work *w = s->work;

	if (w->in_header) {
		if (empty) {
			scan_fault(s, STREAM_bad_format, "an empty root element is no stream");
			return false;
		}
		if (!scan_open_stream(s))
			return false;
		s->event = SCAN_STREAM;
		s->state = SCAN_AT_BETWEEN;
		return true;
	}
	if (!scan_open_element(s) || !scan_put(s, empty ? "/>" : ">", empty ? 2 : 1))
		return false;
	if (empty) {
		leave_element(s);
		return true;
	}
	w->open[w->depth - 1].content = (uint32_t)w->out.n;
	w->brackets = 0;
	s->state = SCAN_AT_TEXT;
	return true;
}

/* The byte behind a name or a value in a start tag. */
static const char *behind_part(struct scan *s, const char *p, const char *fault)
{
	if (is_blank(*p))
		s->state = SCAN_AT_GAP;
	else if (*p == '/')
		s->state = SCAN_AT_EMPTY_TAG;
	else if (*p == '>')
		return finish_tag(s, false) ? p + 1 : NULL;
	else
		return scan_bad_byte(s, *p, STREAM_not_well_formed, fault);
	return p + 1;
}

const char *scan_tag_name(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;
	uint32_t at = w->tag + 1;

	p = name_bytes(s, at, p, end);
	if (!p || p == end)
		return p;
	w->name_n = (uint32_t)w->out.n - at;
	w->prefix_n = take_prefix(w, at);
	return behind_part(s, p, "a byte that a tag cannot have behind its name");
}

const char *scan_gap(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;

	p = skip_blanks(p, end);
	if (p == end)
		return p;
	if ((uint8_t)*p < 0x80 && !(chars_class[(uint8_t)*p] & CHARS_NAME_START))
		return behind_part(s, p, "a byte that cannot begin an attribute");
	if (w->attr_n >= s->limits->attributes)
		return scan_fault(s, STREAM_policy_violation, "too many attributes");
	if (!scan_room_for_attr(s) || !scan_put(s, " ", 1))
		return NULL;
	w->attrs[w->attr_n] = (struct scan_attr){.name = (uint32_t)w->out.n};
	s->state = SCAN_AT_ATTR_NAME;
	return scan_attr_name(s, p, end);
}

/* A complete attribute name: its prefix, what it is for, and that it comes once (XML 1.0, Unique
 * Att Spec). */
static bool take_attr_name(struct scan *s, struct scan_attr *a)
{
	struct scan_work *w = s->work;
	const char *name = w->out.p + a->name;

	a->name_n = (uint32_t)w->out.n - a->name;
	a->prefix_n = take_prefix(w, a->name);
	for (unsigned i = 0; i < w->attr_n; i++) {
		const struct scan_attr *b = &w->attrs[i];

		if (b->name_n == a->name_n && w->out.p[b->name] == *name &&
			memcmp(w->out.p + b->name, name, a->name_n) == 0) {
			scan_fault(s, STREAM_not_well_formed, "an attribute twice");
			return false;
		}
	}
	a->declares = (a->prefix_n == 5 || (a->prefix_n == 0 && a->name_n == 5)) &&
		memcmp(name, "xmlns", 5) == 0;
	if (a->declares)
		w->declaring = true;
	else if (a->prefix_n && !(a->prefix_n == 3 && memcmp(name, "xml", 3) == 0))
		w->prefixed = true;
	return true;
}

const char *scan_attr_name(struct scan *s, const char *p, const char *end)
{
	struct scan_attr *a = &s->work->attrs[s->work->attr_n];

	p = name_bytes(s, a->name, p, end);
	if (!p || p == end)
		return p;
	if (!take_attr_name(s, a))
		return NULL;
	s->state = SCAN_AT_EQUALS;
	return scan_equals(s, p, end);
}

const char *scan_equals(struct scan *s, const char *p, const char *end)
{
	p = skip_blanks(p, end);
	if (p == end)
		return p;
	if (*p != '=')
		return scan_bad_byte(s, *p, STREAM_not_well_formed, "an attribute without '='");
	s->state = SCAN_AT_QUOTE;
	if (!scan_put(s, "=\"", 2))
		return NULL;
	return ++p < end ? scan_quote(s, p, end) : p;
}

const char *scan_quote(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;

	p = skip_blanks(p, end);
	if (p == end)
		return p;
	if (*p != '"' && *p != '\'')
		return scan_bad_byte(s, *p, STREAM_not_well_formed,
			"an attribute value without quotes");
	w->quote = *p;
	w->attrs[w->attr_n].value = (uint32_t)w->out.n;
	s->state = SCAN_AT_VALUE;
	return ++p < end ? scan_value(s, p, end) : p;
}

const char *scan_value_end(struct scan *s, const char *p, const char *end)
{
	(void)end;
	return behind_part(s, p, "no blank between attributes");
}

const char *scan_empty_tag(struct scan *s, const char *p, const char *end)
{
	(void)end;
	if (*p != '>')
		return scan_bad_byte(s, *p, STREAM_not_well_formed, "'/' without '>'");
	return finish_tag(s, true) ? p + 1 : NULL;
}

/* The '>' of an end tag that has matched its start tag. */
static bool finish_end_tag(struct scan *s)
{
	struct scan_work *w = s->work;
	const struct scan_open *o;
	uint32_t skip;

	if (w->depth == 0) {
		s->event = SCAN_CLOSE;
		s->state = SCAN_AT_CLOSED;
		return true;
	}
	o = &w->open[w->depth - 1];
	skip = o->prefix_n ? o->prefix_n + 1 : 0;
	if (w->out.n == o->content) {
		w->out.p[w->out.n - 1] = '/';
	} else {
		if (!scan_put(s, "</", 2) ||
			!scan_put(s, w->text.p + o->text + skip, o->name_n - skip))
			return false;
	}
	if (!scan_put(s, ">", 1))
		return false;
	leave_element(s);
	return true;
}

/* What an end tag here has to name. */
static struct str open_name(const struct scan *s)
{
	const struct scan_work *w = s->work;
	const struct scan_open *o;

	if (w->depth == 0)
		return str_at(s->root->text, s->root->name_n);
	o = &w->open[w->depth - 1];
	return str_at(w->text.p + o->text, o->name_n);
}

const char *scan_end_name(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;
	struct str left = str_skip(open_name(s), w->matched);
	size_t n = (size_t)(end - p) < left.n ? (size_t)(end - p) : left.n;

	if (memcmp(p, left.p, n) != 0)
		return scan_fault(s, STREAM_not_well_formed,
			"an end tag that is not the open element's");
	w->matched += (uint32_t)n;
	p += n;
	if (p == end)
		return p;
	if (is_blank(*p)) {
		s->state = SCAN_AT_END_GAP;
		return p + 1;
	}
	if (*p != '>')
		return scan_bad_byte(s, *p, STREAM_not_well_formed,
			"an end tag that is not the open element's");
	return finish_end_tag(s) ? p + 1 : NULL;
}

const char *scan_end_gap(struct scan *s, const char *p, const char *end)
{
	p = skip_blanks(p, end);
	if (p == end)
		return p;
	if (*p != '>')
		return scan_bad_byte(s, *p, STREAM_not_well_formed,
			"an end tag with more than a name");
	return finish_end_tag(s) ? p + 1 : NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading and splicing stanzas in canonical form (common/scan.h). That form makes it cheap: '<'
 * and '>' are always markup, values stand in double quotes behind one blank, and a namespace
 * other than the parent's is the first attribute. */
#include "common/stanza.h"

#include <string.h>

#include "common/emit.h"
#include "common/scan_chars.h"

/* Which words are a type of which kind (RFC 6121 4.7.1 and 5.2.2, RFC 6120 8.2.3). */
static const struct {
	struct str word;
	uint8_t kinds; /* bits of enum stanza_kind */
} types[] = {
#define ROW(type, literal, kinds) [type] = {{literal, sizeof(literal) - 1}, kinds}
#define MESSAGE (1 << STANZA_MESSAGE)
#define PRESENCE (1 << STANZA_PRESENCE)
#define IQ (1 << STANZA_IQ)
	[TYPE_NONE] = {{NULL, 0}, 0},
	[TYPE_UNKNOWN] = {{NULL, 0}, 0},
	ROW(TYPE_ERROR, "error", MESSAGE | PRESENCE | IQ),
	ROW(TYPE_CHAT, "chat", MESSAGE),
	ROW(TYPE_GROUPCHAT, "groupchat", MESSAGE),
	ROW(TYPE_HEADLINE, "headline", MESSAGE),
	ROW(TYPE_NORMAL, "normal", MESSAGE),
	ROW(TYPE_GET, "get", IQ),
	ROW(TYPE_SET, "set", IQ),
	ROW(TYPE_RESULT, "result", IQ),
	ROW(TYPE_PROBE, "probe", PRESENCE),
	ROW(TYPE_SUBSCRIBE, "subscribe", PRESENCE),
	ROW(TYPE_SUBSCRIBED, "subscribed", PRESENCE),
	ROW(TYPE_UNAVAILABLE, "unavailable", PRESENCE),
	ROW(TYPE_UNSUBSCRIBE, "unsubscribe", PRESENCE),
	ROW(TYPE_UNSUBSCRIBED, "unsubscribed", PRESENCE),
};

const char *stanza_type_word(enum stanza_type t)
{
	return (size_t)t < COUNT(types) && types[t].word.n ? types[t].word.p : "";
}

static enum stanza_kind kind_of(struct str name)
{
	if (str_eq(name, STR("message")))
		return STANZA_MESSAGE;
	if (str_eq(name, STR("presence")))
		return STANZA_PRESENCE;
	return str_eq(name, STR("iq")) ? STANZA_IQ : STANZA_OTHER;
}

static enum stanza_type type_of(enum stanza_kind kind, const struct stanza_attr *attr)
{
	if (attr->whole.n == 0)
		return TYPE_NONE;
	for (size_t t = TYPE_ERROR; t < COUNT(types); t++)
		if (types[t].kinds & (1 << kind) && str_eq(types[t].word, attr->value))
			return (enum stanza_type)t;
	return TYPE_UNKNOWN;
}

struct tag {
	struct str whole; /* '<' to '>' */
	struct str name;
	struct str attrs; /* what is between the name and the end */
	bool end, empty;  /* </a>, <a/> */
};

/* Reads the tag at the front of s. */
static bool read_tag(struct str s, struct tag *t)
{
	const char *close = s.n ? memchr(s.p, '>', s.n) : NULL;
	size_t n = 0;

	*t = (struct tag){0};
	if (!close || *s.p != '<')
		return false;
	t->whole = str_at(s.p, (size_t)(close - s.p) + 1);
	t->attrs = str_at(s.p + 1, t->whole.n - 2);
	t->end = t->attrs.n && t->attrs.p[0] == '/';
	if (t->end)
		t->attrs = str_skip(t->attrs, 1);
	t->empty = t->attrs.n && t->attrs.p[t->attrs.n - 1] == '/';
	t->attrs.n -= t->empty;
	while (n < t->attrs.n && t->attrs.p[n] != ' ')
		n++;
	t->name = str_head(t->attrs, n);
	t->attrs = str_skip(t->attrs, n);
	return n > 0 && !(t->end && (t->empty || t->attrs.n));
}

/* Takes ` name="value"` off the front; the value begins n bytes from there. */
static bool take_from(struct str *attrs, size_t n, struct stanza_attr *out)
{
	const char *value = attrs->p + n;
	const char *close = memchr(value, '"', attrs->n - n);

	if (!close)
		return false;
	out->value = str_at(value, (size_t)(close - value));
	out->whole = str_at(attrs->p, n + out->value.n + 1);
	*attrs = str_at(close + 1, attrs->n - out->whole.n);
	return true;
}

static bool take_attr(struct str *attrs, struct str *name, struct stanza_attr *out)
{
	const char *p = attrs->p;
	size_t n = 1;

	if (*p != ' ')
		return false;
	while (n < attrs->n && p[n] != '=' && p[n] != ' ')
		n++;
	*name = str_at(p + 1, n - 1);
	return name->n && attrs->n - n >= 3 && p[n] == '=' && p[n + 1] == '"' &&
		take_from(attrs, n + 2, out);
}

/* Where an attribute of the top element goes, and where its value begins; NULL: nowhere. In
 * front of an attribute its name is told by a comparison or two. */
static struct stanza_attr *field_for(struct str attrs, struct stanza *s, size_t *n)
{
#define IS(start) (*n = strlen(start), str_starts(attrs, STR(start)))
	return IS(" to=\"")          ? &s->to
		: IS(" from=\"")     ? &s->from
		: IS(" id=\"")       ? &s->id
		: IS(" type=\"")     ? &s->type_attr
		: IS(" xml:lang=\"") ? &s->lang
		: IS(" xmlns=\"")    ? &s->xmlns
				     : NULL;
#undef IS
}

/* The attributes of the top element. */
static bool read_top(const struct tag *t, struct stanza *s)
{
	struct str rest = t->attrs;
	struct str name;
	struct stanza_attr other;

	while (rest.n) {
		size_t n;
		struct stanza_attr *field = field_for(rest, s, &n);

		if (field ? !take_from(&rest, n, field) : !take_attr(&rest, &name, &other))
			return false;
	}
	return true;
}

/* A first-level child begins; its `whole` is known when it ends. */
static bool begin_child(struct stanza *s, const struct tag *t)
{
	struct stanza_attr attr = s->xmlns;
	struct str rest = t->attrs;
	struct str name;

	if (s->child_count >= STANZA_CHILDREN)
		return true;
	if (str_starts(rest, STR(" xmlns=")) && !take_attr(&rest, &name, &attr))
		return false;
	s->child[s->child_count] = (struct stanza_child){.name = t->name,
		.ns_uri = attr.value,
		.whole = t->whole,
		.ns = attr.whole.n ? ns_of(attr.value) : NS_client};
	return true;
}

static void end_child(struct stanza *s, const char *end)
{
	if (s->child_count < STANZA_CHILDREN) {
		struct str *whole = &s->child[s->child_count].whole;

		whole->n = (size_t)(end - whole->p);
	}
	s->child_count++;
}

/* Walks the content for the first-level children, up to the end tag, which must be the last
 * thing. */
static bool read_content(struct stanza *s)
{
	struct str rest = str_skip(s->bytes, s->start.n);
	unsigned depth = 0;
	struct tag t;

	for (;;) {
		rest = str_skip(rest, str_find(rest, '<'));
		if (!read_tag(rest, &t))
			return false;
		rest = str_skip(rest, t.whole.n);
		if (t.end && depth == 0)
			break;
		if (!t.end && depth == 0 && !begin_child(s, &t))
			return false;
		if (t.end)
			depth--;
		else if (!t.empty)
			depth++;
		if (depth == 0)
			end_child(s, rest.p);
	}
	s->inner = str_at(s->start.p + s->start.n, (size_t)(t.whole.p - (s->start.p + s->start.n)));
	return rest.n == 0 && str_eq(t.name, s->name);
}

bool stanza_take_child(const struct stanza *s, struct str *rest, struct stanza_child *out)
{
	struct stanza one = {.xmlns = s->xmlns};
	struct str left = str_skip(*rest, str_find(*rest, '<'));
	unsigned depth = 0;
	struct tag t;

	do {
		left = str_skip(left, str_find(left, '<'));
		if (!read_tag(left, &t) || (depth == 0 && (t.end || !begin_child(&one, &t))))
			return false;
		left = str_skip(left, t.whole.n);
		depth += t.end ? -1U : t.empty ? 0 : 1;
	} while (depth);
	end_child(&one, left.p);
	*out = one.child[0];
	*rest = left;
	return true;
}

/* The start tag, and what it says. */
static bool read_start(struct str bytes, struct stanza *out, struct tag *t)
{
	memset(out, 0, offsetof(struct stanza, child)); /* there are none: no more is looked at */
	out->bytes = bytes;
	if (!read_tag(bytes, t) || t->end)
		return false;
	out->name = t->name;
	out->start = t->whole;
	if (!read_top(t, out))
		return false;
	if (out->xmlns.whole.n == 0)
		out->kind = kind_of(t->name);
	out->type = type_of(out->kind, &out->type_attr);
	return true;
}

bool stanza_view(struct str bytes, struct stanza *out)
{
	struct tag t;

	if (!read_start(bytes, out, &t))
		return false;
	return t.empty ? t.whole.n == bytes.n : read_content(out);
}

bool stanza_view_start(struct str bytes, struct stanza *out)
{
	struct tag t;

	return read_start(bytes, out, &t);
}

const struct stanza_child *stanza_child(const struct stanza *s, enum ns ns, const char *name)
{
	unsigned known = s->child_count < STANZA_CHILDREN ? s->child_count : STANZA_CHILDREN;

	for (unsigned i = 0; i < known; i++)
		if (s->child[i].ns == ns && (!name || str_is(s->child[i].name, name)))
			return &s->child[i];
	return NULL;
}

/* The number between "&#" and ";"; 0 for what is none. */
static uint32_t number_of(struct str digits)
{
	bool hex = digits.n && *digits.p == 'x';
	uint32_t number = 0;

	for (size_t i = hex; i < digits.n; i++) {
		const char *all = "0123456789abcdef";
		char c = digits.p[i];
		const char *at = memchr(all, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c,
			hex ? 16 : 10);

		if (!at || number > 0x10FFFF)
			return 0;
		number = number * (hex ? 16 : 10) + (uint32_t)(at - all);
	}
	return number;
}

/* The code point that a reference (without & and ;) stands for; 0: none. */
static uint32_t referred(struct str ref)
{
	static const struct {
		struct str name;
		char c;
	} predefined[] = {
		{{"amp", 3}, '&'},
		{{"lt", 2}, '<'},
		{{"gt", 2}, '>'},
		{{"quot", 4}, '"'},
		{{"apos", 4}, '\''},
	};
	uint32_t number;

	if (ref.n && *ref.p == '#') {
		number = number_of(str_skip(ref, 1));
		return chars_is_char(number) ? number : 0;
	}
	for (size_t i = 0; i < COUNT(predefined); i++)
		if (str_eq(ref, predefined[i].name))
			return (uint8_t)predefined[i].c;
	return 0;
}

void stanza_value(struct buf *out, struct str escaped)
{
	while (escaped.n) {
		size_t plain = str_find(escaped, '&');
		struct str ref;
		size_t n;
		uint32_t c;
		char bytes[4];

		buf_put(out, str_head(escaped, plain));
		escaped = str_skip(escaped, plain);
		if (escaped.n == 0)
			return;
		n = str_find(str_head(escaped, 12), ';');
		ref = str_head(str_skip(escaped, 1), n - 1);
		c = n < escaped.n && escaped.p[n] == ';' ? referred(ref) : 0;
		if (c)
			buf_add(out, bytes, chars_encode(c, bytes));
		else
			buf_putc(out, '&'); /* no reference: it stands for itself */
		escaped = str_skip(escaped, c ? n + 1 : 1);
	}
}

static void put_attr(struct buf *out, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_putc(out, ' ');
	buf_puts(out, name);
	buf_put(out, STR("=\""));
	emit_escape_value(out, value);
	buf_putc(out, '"');
}

void stanza_stamp(struct buf *out, const struct stanza *s, struct str from, struct str to)
{
	bool from_first = s->from.whole.n &&
		(s->to.whole.n == 0 || s->from.whole.p < s->to.whole.p);
	struct str cuts[2] = {
		from_first ? s->from.whole : s->to.whole, from_first ? s->to.whole : s->from.whole};
	const char *p = s->start.p;
	size_t tail = s->start.n >= 2 && s->start.p[s->start.n - 2] == '/' ? 2 : 1;
	const char *tag_end = s->start.p + s->start.n - tail;

	for (size_t i = 0; i < COUNT(cuts); i++) {
		if (cuts[i].n == 0)
			continue;
		buf_add(out, p, (size_t)(cuts[i].p - p));
		p = cuts[i].p + cuts[i].n;
	}
	buf_add(out, p, (size_t)(tag_end - p));
	put_attr(out, "from", from);
	put_attr(out, "to", to);
	buf_add(out, tag_end, s->bytes.n - (size_t)(tag_end - s->bytes.p));
}

void stanza_edit(struct buf *out, const struct stanza *s,
	bool (*cut)(void *ctx, const struct stanza_child *c), void *ctx, struct str more)
{
	bool empty = s->start.n == s->bytes.n;
	const char *kept = s->bytes.p;
	const char *end = empty ? s->start.p + s->start.n - 2 : s->inner.p + s->inner.n;
	struct str rest = s->inner;
	struct stanza_child c;

	while (stanza_take_child(s, &rest, &c)) {
		if (!cut(ctx, &c))
			continue;
		buf_add(out, kept, (size_t)(c.whole.p - kept));
		kept = c.whole.p + c.whole.n;
	}
	buf_add(out, kept, (size_t)(end - kept));
	if (empty)
		buf_putc(out, '>');
	buf_put(out, more);
	buf_put(out, STR("</"));
	buf_put(out, s->name);
	buf_putc(out, '>');
}

void stanza_error_more(struct buf *out, const struct stanza *s, struct str from, struct str to,
	enum cond why, struct str text, struct str more)
{
	struct str condition = cond_element(why);
	struct emit e;

	CHECK(cond_group(why) == COND_OF_STANZA);
	if (s->kind == STANZA_OTHER || s->type == TYPE_ERROR ||
		(s->kind == STANZA_IQ && s->type == TYPE_RESULT))
		return;
	buf_putc(out, '<');
	buf_put(out, s->name);
	put_attr(out, "type", STR("error"));
	buf_put(out, s->id.whole);
	put_attr(out, "from", from);
	put_attr(out, "to", to);
	buf_putc(out, '>');
	if (s->kind == STANZA_IQ)
		buf_put(out, s->inner);
	e = emit_to(out);
	emit_start(&e, "error");
	emit_attr(&e, "type", cond_error_type(why));
	emit_start_ns(&e, condition.p, NS_stanza_errors);
	emit_end(&e);
	if (text.n) {
		emit_start_ns(&e, "text", NS_stanza_errors);
		emit_text(&e, text);
		emit_end(&e);
	}
	emit_raw(&e, more);
	emit_end(&e);
	buf_put(out, STR("</"));
	buf_put(out, s->name);
	buf_putc(out, '>');
}

void stanza_error(struct buf *out, const struct stanza *s, struct str from, struct str to,
	enum cond why, struct str text)
{
	stanza_error_more(out, s, from, to, why, text, STR_NONE);
}

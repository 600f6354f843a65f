/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate for what is usually said: an element that has come whole, and is canonical (scan.h) or
 * nearly. A few loops look, and what is canonical already is copied as it is, in long runs. What
 * clients write otherwise is put right here where that is little: the other quotes, blanks, where
 * xmlns stands and whether it is needed, &apos;, the pair of tags around nothing, the language of
 * the stream. All else (prefixes, CDATA, names beyond ASCII, very deep or very many of anything),
 * and every no, is left to the whole gate: this says yes to nothing to which that would not, with
 * the same bytes. Without a place to write (scan_canonical_quick: the house asks this of every
 * stanza) it is canonical as it came, or no. */
#include "common/scan_work.h"

#define DEPTH_MOST 16
#define ATTRIBUTES_MOST 8

/* ` name="value"` with the quotes that it came in. */
struct quick_attr {
	struct str name, value;
	bool spelt; /* the value has &apos; */
};

struct quick_tag {
	struct str name;
	unsigned n;
	const struct quick_attr *xmlns; /* NULL: none */
	bool declares;                  /* and it is needed */
	bool odd;                       /* it is not written as it came */
	bool has_lang;
	struct quick_attr attrs[ATTRIBUTES_MOST];
};

struct quick {
	const char *p, *end; /* the last byte is a '>': nothing but that ends an element */
	const char *run;     /* from here to p it is written as it came, but not yet */
	struct buf *out;     /* NULL: there is nothing to be written */
	const struct scan_limits *limits;
	struct str lang; /* that the top element inherits */
	unsigned depth, elements, depth_most, attributes_most;
	struct quick_open {
		struct str name, ns;
	} open[DEPTH_MOST];
};

/* --- writing --------------------------------------------------------------------------------- */

/* Where n bytes more may be written; NULL: nowhere. */
static char *room(struct quick *q, size_t n)
{
	struct buf *out = q->out;

	if (!out || n > q->limits->bytes - out->n)
		return NULL;
	if (n > out->cap - out->n && scan_try_grow(out, n, q->limits->bytes) != COND_none)
		return NULL;
	return out->p + out->n;
}

static char *lay(char *to, struct str s)
{
	memcpy(to, s.p, s.n);
	return to + s.n;
}

static bool put(struct quick *q, struct str s)
{
	char *to = room(q, s.n);

	if (!to)
		return false;
	lay(to, s);
	q->out->n += s.n;
	return true;
}

/* Everything before `at`. What comes from `on` on is another run. */
static bool write_run(struct quick *q, const char *at, const char *on)
{
	struct str run = str_at(q->run, (size_t)(at - q->run));

	q->run = on;
	return put(q, run);
}

/* `with` stands for the n bytes at `at`. */
static bool change(struct quick *q, const char *at, size_t n, struct str with)
{
	return write_run(q, at, at + n) && put(q, with);
}

/* --- looking --------------------------------------------------------------------------------- */

static bool take(struct quick *q, struct str word)
{
	if ((size_t)(q->end - q->p) < word.n || memcmp(q->p, word.p, word.n) != 0)
		return false;
	q->p += word.n;
	return true;
}

/* Those that canonical bytes have. */
static bool take_reference(struct quick *q, bool in_value)
{
	return take(q, STR("&lt;")) || take(q, STR("&gt;")) || take(q, STR("&amp;")) ||
		take(q, STR("&#13;")) ||
		(in_value &&
			(take(q, STR("&quot;")) || take(q, STR("&#9;")) || take(q, STR("&#10;"))));
}

/* Up to the closing quote, which is taken too. */
static bool take_value(struct quick *q, char quote, struct quick_attr *a)
{
	const char *from = q->p;

	a->spelt = false;
	for (;;) {
		q->p = chars_value(q->p, q->end);
		if (*q->p == quote)
			break;
		if (*q->p == '\'')
			q->p++;
		else if (take(q, STR("&apos;")))
			a->spelt = true;
		else if (!take_reference(q, true))
			return false;
	}
	a->value = str_at(from, (size_t)(q->p++ - from));
	return true;
}

static bool take_name(struct quick *q, struct str *name)
{
	const char *p = q->p;

	if (!(chars_class[(uint8_t)*p] & CHARS_NAME_START))
		return false;
	do
		p++;
	while (chars_class[(uint8_t)*p] & CHARS_NAME);
	*name = str_at(q->p, (size_t)(p - q->p));
	q->p = p;
	return name->n <= q->limits->name_bytes;
}

/* --- tags ------------------------------------------------------------------------------------ */

static bool is_named_before(const struct quick_tag *t, const struct quick_attr *a)
{
	for (const struct quick_attr *b = t->attrs; b < a; b++)
		if (b->name.n == a->name.n && *b->name.p == *a->name.p && str_eq(b->name, a->name))
			return true;
	return false;
}

/* Behind the name: `="`, or with the other quote; and the value. */
static bool take_quoted(struct quick *q, struct quick_tag *t, struct quick_attr *a)
{
	const char *p = q->p;
	char quote;

	if (*p != '=')
		return false;
	quote = p[1];
	if (quote == '\'')
		t->odd = true;
	else if (quote != '"')
		return false;
	q->p = p + 2;
	if (!take_value(q, quote, a))
		return false;
	t->odd |= a->spelt;
	return true;
}

static bool take_attribute(struct quick *q, struct quick_tag *t)
{
	struct quick_attr *a = &t->attrs[t->n];

	if (t->n == q->attributes_most || !take_name(q, &a->name))
		return false;
	if (*q->p == ':') {
		if (!str_is(a->name, "xml") || !take(q, STR(":lang")))
			return false;
		a->name.n = strlen("xml:lang");
		t->has_lang = true;
		if (a->name.n > q->limits->name_bytes)
			return false;
	}
	if (is_named_before(t, a) || !take_quoted(q, t, a))
		return false;
	if (str_is(a->name, "xmlns"))
		t->xmlns = a;
	t->n++;
	return true;
}

/* All of them, up to what ends the tag. */
static bool take_attributes(struct quick *q, struct quick_tag *t)
{
	for (;;) {
		const char *p = q->p;

		if (!(chars_class[(uint8_t)*p] & CHARS_BLANK))
			return true;
		if (*p != ' ' || !(chars_class[(uint8_t)p[1]] & CHARS_NAME_START))
			t->odd = true;
		do
			p++;
		while (chars_class[(uint8_t)*p] & CHARS_BLANK);
		q->p = p;
		if (*p == '/' || *p == '>')
			return true;
		if (!take_attribute(q, t))
			return false;
	}
}

/* The namespace of the element, which is the one around until it says otherwise. What says the same
 * again goes; else it stands before all other attributes. */
static bool settle_namespace(const struct quick *q, struct quick_tag *t, struct str *ns)
{
	const struct quick_attr *a = t->xmlns;

	if (!a)
		return true;
	if (a->spelt || !a->value.n || a->value.n > q->limits->name_bytes ||
		str_eq(a->value, ns_uri(NS_xml)) || str_eq(a->value, ns_uri(NS_xmlns)))
		return false;
	t->declares = !str_eq(a->value, *ns);
	t->odd |= a != t->attrs || !t->declares;
	*ns = a->value;
	return true;
}

static char *lay_spelt(char *to, struct str value)
{
	while (value.n) {
		bool apostrophe = str_starts(value, STR("&apos;"));

		*to++ = apostrophe ? '\'' : *value.p;
		value = str_skip(value, apostrophe ? strlen("&apos;") : 1);
	}
	return to;
}

static char *lay_attribute(char *to, const struct quick_attr *a)
{
	char *name = to + 1, *value = name + a->name.n + strlen("=\"");

	if (a->spelt) {
		lay(name, a->name);
		to = lay_spelt(value, a->value);
	} else {
		to = lay(name, str_at(a->name.p, (size_t)(a->value.p + a->value.n - a->name.p)));
	}
	name[-1] = ' ';
	value[-2] = '=';
	value[-1] = *to = '"';
	return to + 1;
}

/* The tag up to its end, from behind its name: it is never longer than it came. */
static bool write_tag(struct quick *q, const struct quick_tag *t)
{
	const char *from = t->name.p + t->name.n;
	char *to;

	if (!write_run(q, from, q->p))
		return false;
	to = room(q, (size_t)(q->p - from));
	if (!to)
		return false;
	if (t->declares)
		to = lay_attribute(to, t->xmlns);
	for (const struct quick_attr *a = t->attrs; a < t->attrs + t->n; a++)
		if (a != t->xmlns)
			to = lay_attribute(to, a);
	q->out->n = (size_t)(to - q->out->p);
	return true;
}

static bool write_lang(struct quick *q)
{
	return change(q, q->p, 0, STR(" xml:lang=\"")) && put(q, q->lang) && put(q, STR("\""));
}

/* An end tag, behind its "</". */
static bool take_end(struct quick *q, struct str name)
{
	if ((size_t)(q->end - q->p) <= name.n || memcmp(q->p, name.p, name.n) != 0 ||
		q->p[name.n] != '>')
		return false;
	q->p += name.n + 1;
	return true;
}

/* <a></a>, behind the '>' of its start tag: <a/>. */
static bool take_nothing(struct quick *q, struct str name)
{
	const char *from = q->p - 1;

	q->p += strlen("</");
	return take_end(q, name) && change(q, from, (size_t)(q->p - from), STR("/>"));
}

/* A start tag, behind its '<', or the whole of an element without content. */
static bool take_start(struct quick *q)
{
	struct quick_open *o = &q->open[q->depth];
	struct quick_tag t;
	bool lang;

	t.n = 0; /* attrs[] need no value before they have one */
	t.xmlns = NULL;
	t.declares = t.odd = t.has_lang = false;
	if (q->depth == q->depth_most || ++q->elements > q->limits->elements ||
		!take_name(q, &t.name))
		return false;
	o->name = t.name;
	o->ns = q->depth ? o[-1].ns : ns_uri(NS_client);
	if (!take_attributes(q, &t) || !settle_namespace(q, &t, &o->ns))
		return false;
	lang = !q->depth && q->lang.n && !t.has_lang;
	if (t.n - (t.xmlns && !t.declares) + lang > q->limits->attributes ||
		(t.odd && !write_tag(q, &t)) || (lang && !write_lang(q)))
		return false;
	if (*q->p == '/')
		return take(q, STR("/>"));
	if (*q->p++ != '>' || q->p == q->end)
		return false;
	if (q->p[0] == '<' && q->p[1] == '/')
		return take_nothing(q, t.name);
	q->depth++;
	return true;
}

/* --- elements -------------------------------------------------------------------------------- */

static bool take_text_reference(struct quick *q)
{
	const char *at = q->p;

	if (take_reference(q, false))
		return true;
	if (take(q, STR("&apos;")))
		return change(q, at, strlen("&apos;"), STR("'"));
	return take(q, STR("&quot;")) && change(q, at, strlen("&quot;"), STR("\""));
}

static bool take_text(struct quick *q)
{
	for (;;) {
		q->p = chars_text(q->p, q->end);
		if (*q->p == '<')
			return true;
		if (*q->p == ']')
			q->p++; /* "]]>" cannot follow: '>' stands for itself nowhere */
		else if (!take_text_reference(q))
			return false;
	}
}

static bool take_element(struct quick *q)
{
	if (*q->p++ != '<' || q->p == q->end || !take_start(q))
		return false;
	while (q->depth) {
		if (q->p == q->end || !take_text(q))
			return false;
		if (*++q->p == '/') {
			q->p++;
			if (!take_end(q, q->open[--q->depth].name))
				return false;
		} else if (!take_start(q)) {
			return false;
		}
	}
	return true;
}

/* The bytes are none of them yet. */
static void begin(struct quick *q, const char *p, const char *end, const struct scan_limits *limits)
{
	q->p = q->run = p; /* open[] needs no value before it has one */
	q->end = end;
	q->out = NULL;
	q->limits = limits;
	q->lang = STR_NONE;
	q->depth = q->elements = 0;
	q->depth_most = limits->depth < DEPTH_MOST ? limits->depth : DEPTH_MOST;
	q->attributes_most = limits->attributes < ATTRIBUTES_MOST ? limits->attributes
								  : ATTRIBUTES_MOST;
}

bool scan_canonical_quick(struct str bytes, const struct scan_limits *limits)
{
	struct quick q;

	if (!bytes.n || bytes.n > limits->bytes || bytes.p[bytes.n - 1] != '>')
		return false;
	begin(&q, bytes.p, bytes.p + bytes.n, limits);
	return take_element(&q) && q.p == q.end;
}

static void describe(struct scan_work *w, const struct quick_open *top)
{
	struct scan_element *e = &w->element;

	e->bytes = buf_str(&w->out);
	e->name = str_at(w->out.p + 1, top->name.n);
	e->ns = str_eq(top->ns, ns_uri(NS_client)) ? NS_client : ns_of(top->ns);
	e->ns_uri = e->ns == NS_other
		? str_at(e->name.p + top->name.n + strlen(" xmlns=\""), top->ns.n)
		: ns_uri(e->ns);
}

const char *scan_quick(struct scan *s, const char *p, const char *end)
{
	struct scan_work *w = s->work;
	const struct scan_root *root = s->root;
	const char *last = memrchr(p, '>', (size_t)(end - p));
	struct quick q;

	/* elsewhere names mean something else; and each level may bring a namespace more */
	if (!last || !root || root->default_uri != NS_client ||
		root->uri_n > SCAN_NAMESPACES - DEPTH_MOST)
		return NULL;
	begin(&q, p, last + 1, s->limits);
	q.out = &w->out;
	q.lang = str_at(root->text + root->lang, root->lang_n);
	if (!take_element(&q) || (size_t)(q.p - p) > s->limits->bytes || !write_run(&q, q.p, q.p)) {
		mem_wipe(w->out.p, w->out.n);
		w->out.n = 0;
		return NULL;
	}
	describe(w, &q.open[0]);
	s->event = SCAN_ELEMENT;
	s->state = SCAN_AT_BETWEEN;
	return q.p;
}

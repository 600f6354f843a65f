/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Is this canonical? The form (scan.h) is narrow enough for a few loops that only look, and the
 * house asks of every stanza. What is seldom said (attributes in namespaces, names beyond ASCII,
 * very deep or very many of anything) is left to the whole gate, and so is every no: this says yes
 * to nothing to which that would not. */
#include <endian.h>

#include "common/scan_work.h"

#define DEPTH_MOST 16
#define ATTRIBUTES_MOST 8

struct quick {
	const char *p, *end;
	const struct scan_limits *limits;
	unsigned depth, elements;
	struct quick_open {
		struct str name, ns;
	} open[DEPTH_MOST];
};

/* Sixteen bytes at a time; every compiler makes of this what the processor has. */
typedef signed char sixteen __attribute__((vector_size(16)));
typedef uint64_t two __attribute__((vector_size(16)));
#define EACH(c) ((sixteen){c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c})

/* Which of the bytes of a word in memory is the first that is not zero; one is not. */
static size_t first_byte(uint64_t word)
{
	return (size_t)__builtin_ctzll(htole64(word)) / 8;
}

/* Skips bytes of the class, and whole characters beyond ASCII. Wide steps over what is neither
 * markup, quote, control character nor beyond ASCII, which is in both classes (but ']', see
 * text). */
static const char *skip_plain(const char *p, const char *end, uint8_t class)
{
	for (; (size_t)(end - p) >= sizeof(sixteen); p += sizeof(sixteen)) {
		sixteen v;
		two odd;

		memcpy(&v, p, sizeof v);
		odd = (two)((v < EACH(' ')) | (v == EACH('<')) | (v == EACH('>')) |
			(v == EACH('&')) | (v == EACH('"')) | (v == EACH(']')));
		if (odd[0] | odd[1]) { /* the bytes before the first odd one are plain */
			p += odd[0] ? first_byte(odd[0]) : 8 + first_byte(odd[1]);
			break;
		}
	}
	return chars_run(p, end, class);
}

static bool take(struct quick *q, struct str word)
{
	if ((size_t)(q->end - q->p) < word.n || memcmp(q->p, word.p, word.n) != 0)
		return false;
	q->p += word.n;
	return true;
}

static bool take_reference(struct quick *q, bool in_value)
{
	return take(q, STR("&lt;")) || take(q, STR("&gt;")) || take(q, STR("&amp;")) ||
		take(q, STR("&#13;")) ||
		(in_value &&
			(take(q, STR("&quot;")) || take(q, STR("&#9;")) || take(q, STR("&#10;"))));
}

/* Up to the closing quote, which is taken too. */
static bool take_value(struct quick *q, struct str *value)
{
	const char *from = q->p;

	for (;;) {
		q->p = skip_plain(q->p, q->end, CHARS_VALUE);
		if (q->p == q->end)
			return false;
		if (*q->p == '"')
			break;
		if (*q->p == '\'')
			q->p++;
		else if (!take_reference(q, true))
			return false;
	}
	*value = str_at(from, (size_t)(q->p++ - from));
	return true;
}

static bool take_name(struct quick *q, struct str *name)
{
	const char *p = q->p, *end = q->end;

	if (p == end || !(chars_class[(uint8_t)*p] & CHARS_NAME_START))
		return false;
	while (p < end && chars_class[(uint8_t)*p] & CHARS_NAME)
		p++;
	*name = str_at(q->p, (size_t)(p - q->p));
	q->p = p;
	return name->n <= q->limits->name_bytes;
}

static bool same(struct str a, struct str b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The first attribute: a namespace that is not the one around. */
static bool take_namespace(struct quick *q, struct quick_open *o)
{
	struct str around = o->ns;

	return take_value(q, &o->ns) && o->ns.n && o->ns.n <= q->limits->name_bytes &&
		!same(o->ns, around) && !same(o->ns, ns_uri(NS_xml)) &&
		!same(o->ns, ns_uri(NS_xmlns));
}

/* Attributes but for xmlns, up to what ends the tag; `n` were there before. */
static bool take_attributes(struct quick *q, unsigned n)
{
	struct str names[ATTRIBUTES_MOST], value;

	for (unsigned own = 0; take(q, STR(" ")); own++) {
		if (own == ATTRIBUTES_MOST || ++n > q->limits->attributes)
			return false;
		if (q->limits->name_bytes >= strlen("xml:lang") && take(q, STR("xml:lang")))
			names[own] = STR("xml:lang");
		else if (!take_name(q, &names[own]) || same(names[own], STR("xmlns")))
			return false;
		for (unsigned i = 0; i < own; i++)
			if (same(names[i], names[own]))
				return false;
		if (!take(q, STR("=\"")) || !take_value(q, &value))
			return false;
	}
	return true;
}

/* A start tag, behind its '<', or the whole of an element without content. */
static bool take_start(struct quick *q)
{
	struct quick_open *o = &q->open[q->depth];
	unsigned n = 0;

	if (q->depth == DEPTH_MOST || q->depth >= q->limits->depth ||
		++q->elements > q->limits->elements || !take_name(q, &o->name))
		return false;
	o->ns = q->depth ? o[-1].ns : ns_uri(NS_client);
	if (take(q, STR(" xmlns=\""))) {
		if (++n > q->limits->attributes || !take_namespace(q, o))
			return false;
	}
	if (!take_attributes(q, n))
		return false;
	if (take(q, STR("/>")))
		return true;
	q->depth++;
	/* without content it would be an empty tag */
	return take(q, STR(">")) && q->end - q->p >= 2 && !(q->p[0] == '<' && q->p[1] == '/');
}

/* An end tag, behind its "</". */
static bool take_end(struct quick *q)
{
	return take(q, q->open[--q->depth].name) && take(q, STR(">"));
}

static bool take_text(struct quick *q)
{
	for (;;) {
		q->p = skip_plain(q->p, q->end, CHARS_TEXT);
		if (q->p == q->end)
			return false;
		if (*q->p == '<')
			return true;
		if (*q->p == ']')
			q->p++; /* "]]>" cannot follow: '>' stands for itself nowhere */
		else if (!take_reference(q, false))
			return false;
	}
}

bool scan_canonical_quick(struct str bytes, const struct scan_limits *limits)
{
	struct quick q;

	if (!bytes.n || bytes.n > limits->bytes)
		return false;
	q.p = bytes.p; /* open[] needs no value before it has one */
	q.end = bytes.p + bytes.n;
	q.limits = limits;
	q.depth = q.elements = 0;
	if (!take(&q, STR("<")) || !take_start(&q))
		return false;
	while (q.depth) {
		if (!take_text(&q))
			return false;
		if (take(&q, STR("</")) ? !take_end(&q) : !(take(&q, STR("<")) && take_start(&q)))
			return false;
	}
	return q.p == q.end;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The writer. What it writes is canonical (common/scan.h) when attributes of namespaces are left
 * to emit_start_ns. */
#include "common/emit.h"

#include "common/scan_chars.h"

struct emit emit_to(struct buf *out)
{
	return (struct emit){.out = out};
}

static void close_start_tag(struct emit *e)
{
	if (e->in_tag)
		buf_putc(e->out, '>');
	e->in_tag = false;
}

static enum ns ns_around(const struct emit *e)
{
	return e->depth ? e->ns[e->depth - 1] : NS_client;
}

static void open_element(struct emit *e, const char *name, enum ns ns)
{
	CHECK(e->depth < EMIT_DEPTH);
	close_start_tag(e);
	buf_putc(e->out, '<');
	buf_puts(e->out, name);
	e->open[e->depth] = name;
	e->ns[e->depth++] = ns;
	e->in_tag = true;
}

void emit_start(struct emit *e, const char *name)
{
	open_element(e, name, ns_around(e));
}

void emit_start_ns(struct emit *e, const char *name, enum ns ns)
{
	enum ns around = ns_around(e);

	open_element(e, name, ns);
	if (ns != around)
		emit_attr(e, "xmlns", ns_uri(ns));
}

void emit_attr(struct emit *e, const char *name, struct str value)
{
	CHECK(e->in_tag);
	buf_putc(e->out, ' ');
	buf_puts(e->out, name);
	buf_put(e->out, STR("=\""));
	emit_escape_value(e->out, value);
	buf_putc(e->out, '"');
}

void emit_attr_opt(struct emit *e, const char *name, struct str value)
{
	if (value.n)
		emit_attr(e, name, value);
}

void emit_text(struct emit *e, struct str text)
{
	size_t before = e->out->n;
	size_t content;

	CHECK(e->depth > 0);
	if (e->in_tag)
		buf_putc(e->out, '>');
	content = e->out->n;
	emit_escape_text(e->out, text);
	if (e->out->n == content) /* nothing to say: it stays <a/> */
		e->out->n = before;
	else
		e->in_tag = false;
}

void emit_raw(struct emit *e, struct str canonical)
{
	if (canonical.n == 0)
		return;
	close_start_tag(e);
	buf_put(e->out, canonical);
}

void emit_end(struct emit *e)
{
	CHECK(e->depth > 0);
	e->depth--;
	if (e->in_tag) {
		buf_put(e->out, STR("/>"));
		e->in_tag = false;
		return;
	}
	buf_put(e->out, STR("</"));
	buf_puts(e->out, e->open[e->depth]);
	buf_putc(e->out, '>');
}

void emit_leaf(struct emit *e, const char *name, struct str text)
{
	emit_start(e, name);
	emit_text(e, text);
	emit_end(e);
}

/* The reference for a byte that cannot stand for itself; empty: the byte is dropped. */
static struct str reference_for(char c, bool in_value)
{
	switch (c) {
	case '&':
		return STR("&amp;");
	case '<':
		return STR("&lt;");
	case '>':
		return STR("&gt;");
	case '\r':
		return STR("&#13;");
	case ']':
		return STR("]");
	case '\'':
		return STR("'");
	case '"':
		return in_value ? STR("&quot;") : STR("\"");
	case '\t':
		return in_value ? STR("&#9;") : STR("\t");
	case '\n':
		return in_value ? STR("&#10;") : STR("\n");
	default:
		return STR_NONE;
	}
}

static void escape(struct buf *out, struct str s, bool in_value)
{
	const char *p = s.p;
	const char *end = s.n ? s.p + s.n : s.p;

	while (p < end) {
		const char *run = p;

		p = in_value ? chars_value(p, end) : chars_text(p, end);
		buf_add(out, run, (size_t)(p - run));
		if (p < end)
			buf_put(out, reference_for(*p++, in_value));
	}
}

void emit_escape_text(struct buf *out, struct str text)
{
	escape(out, text, false);
}

void emit_escape_value(struct buf *out, struct str value)
{
	escape(out, value, true);
}

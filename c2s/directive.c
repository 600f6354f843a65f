/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See directive.h. */
#include "c2s/directive.h"

#include <string.h>

static const char *const words[] = {
#define ROW(name, word) word,
	DIRECTIVES(ROW)
#undef ROW
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* RFC 2831 7.1: token = 1*<any CHAR except CTLs or separators> */
static bool is_token(char c)
{
	return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?={}", c);
}

/* A quoted value's character; any byte of another character set is one. */
static bool is_text(char c)
{
	return (unsigned char)c >= ' ' && c != 0x7f;
}

static void skip_blanks(struct str *s)
{
	while (s->n && is_blank(s->p[0]))
		*s = str_skip(*s, 1);
}

static struct str take_token(struct str *s)
{
	struct str all = *s;

	while (s->n && is_token(s->p[0]))
		*s = str_skip(*s, 1);
	return str_head(all, all.n - s->n);
}

/* The rest of "..."; the store never moves: it has room for the whole text. */
static bool take_quoted(struct str *s, struct buf *store, struct str *value)
{
	size_t from = store->n;

	while (s->n && s->p[0] != '"') {
		if (s->p[0] == '\\')
			*s = str_skip(*s, 1);
		if (!s->n || !is_text(s->p[0]))
			return false;
		buf_putc(store, s->p[0]);
		*s = str_skip(*s, 1);
	}
	*value = str_skip(buf_str(store), from);
	if (!s->n)
		return false;
	*s = str_skip(*s, 1);
	return true;
}

/* digest-uri has slashes in it, so what is not quoted ends at the next comma or blank. */
static struct str take_bare(struct str *s)
{
	struct str all = *s;

	while (s->n && (is_token(s->p[0]) || s->p[0] == '/' || s->p[0] == '@' || s->p[0] == ':'))
		*s = str_skip(*s, 1);
	return str_head(all, all.n - s->n);
}

static bool take_value(struct str *s, struct buf *store, struct str *value)
{
	if (s->n && s->p[0] == '"') {
		*s = str_skip(*s, 1);
		return take_quoted(s, store, value);
	}
	*value = take_bare(s);
	return value->n > 0;
}

static bool note(struct directives *d, struct str name, struct str value)
{
	for (size_t i = 0; i < DIRECTIVE_COUNT; i++) {
		if (!str_is(name, words[i]))
			continue;
		if (d->has[i])
			return false;
		d->has[i] = true;
		d->value[i] = value;
		return true;
	}
	return true;
}

static bool take_one(struct directives *d, struct str *s)
{
	struct str name = take_token(s), value;

	if (!name.n || !s->n || s->p[0] != '=')
		return false;
	*s = str_skip(*s, 1);
	return take_value(s, &d->store, &value) && note(d, name, value);
}

/* 1#( name "=" value ): empty elements between commas are allowed. */
bool directives_read(struct directives *d, struct str text)
{
	buf_room(&d->store, text.n);
	for (;;) {
		skip_blanks(&text);
		if (text.n && text.p[0] != ',' && !take_one(d, &text))
			return false;
		skip_blanks(&text);
		if (!text.n)
			return true;
		if (text.p[0] != ',')
			return false;
		text = str_skip(text, 1);
	}
}

void directives_free(struct directives *d)
{
	buf_free(&d->store);
}

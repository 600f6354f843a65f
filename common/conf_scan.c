/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lexical shape of a configuration file: words, strings, comments and the seven signs.
 * Structure beyond the depth of braces is libconfuse's to judge. */
#include "common/conf_scan.h"

#include <string.h>

struct scan {
	struct str rest;
	int line;
	struct str word; /* the last one, which is a key when '=' follows */
	bool after_equals, in_list, in_section;
	struct conf_lines *out;
	struct arena *memory;
	size_t room; /* of out->domains */
	struct buf *why;
};

static bool refuse(struct scan *s, const char *what)
{
	buf_puts(s->why, what);
	return false;
}

static char peek(const struct scan *s, size_t at)
{
	return at < s->rest.n ? s->rest.p[at] : '\0';
}

static void skip(struct scan *s, size_t n)
{
	struct str skipped = str_head(s->rest, n);

	for (size_t i = 0; i < skipped.n; i++)
		s->line += skipped.p[i] == '\n';
	s->rest = str_skip(s->rest, n);
}

static bool is_word(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 0x80 || (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') ||
		(u >= 'A' && u <= 'Z') || (u && strchr("-_.:/@", c));
}

static bool comment(struct scan *s)
{
	void *end;

	if (peek(s, 0) == '#' || peek(s, 1) == '/') {
		skip(s, str_find(s->rest, '\n'));
		return true;
	}
	end = memmem(s->rest.p + 2, s->rest.n - 2, "*/", 2);
	if (!end)
		return refuse(s, "this comment is not closed");
	skip(s, (size_t)((char *)end - s->rest.p) + 2);
	return true;
}

static bool string(struct scan *s, char quote)
{
	size_t i = 1;

	for (; peek(s, i) != quote; i++) {
		if (i >= s->rest.n || peek(s, i) == '\n' || peek(s, i) == '\0')
			return refuse(s, "this string is not closed on its line");
		if (quote == '"' && peek(s, i) == '$' && peek(s, i + 1) == '{')
			return refuse(s, "${...} is not expanded here; write the value itself");
		if (peek(s, i) != '\\')
			continue;
		i++;
		if (peek(s, i) != '\\' && peek(s, i) != quote)
			return refuse(s, "a backslash must stand before a quote or a backslash");
	}
	skip(s, i + 1);
	s->after_equals = false;
	return true;
}

static bool word(struct scan *s)
{
	size_t n = 0;

	while (n < s->rest.n && is_word(s->rest.p[n])) {
		if (peek(s, n) == '/' && (peek(s, n + 1) == '/' || peek(s, n + 1) == '*'))
			return refuse(s, "this value must be put in quotes");
		n++;
	}
	s->word = str_head(s->rest, n);
	s->after_equals = false;
	skip(s, n);
	return true;
}

static struct conf_domain_lines *open_section(struct scan *s)
{
	struct conf_lines *o = s->out;

	if (o->domain_count == s->room) {
		struct conf_domain_lines *grown;

		s->room = s->room ? 2 * s->room : 4;
		grown = arena_new(s->memory, s->room * sizeof *grown);
		if (o->domain_count)
			memcpy(grown, o->domains, o->domain_count * sizeof *grown);
		o->domains = grown;
	}
	return &o->domains[o->domain_count++];
}

/* '=' after a key: notes its line. Keys that nobody knows are left for libconfuse to refuse. */
static bool assignment(struct scan *s)
{
	const struct setting *rows = s->in_section ? setting_domain : setting_global;
	size_t row = setting_find(rows, s->word);
	int *line = &s->out->global[row];

	if (s->in_section)
		line = &s->out->domains[s->out->domain_count - 1].row[row];
	if (rows[row].name && *line) {
		buf_printf(s->why, "%.*s is set for the second time; the first is on line %d",
			STR_ARG(s->word), *line);
		return false;
	}
	*line = s->line;
	s->word = STR_NONE;
	s->after_equals = true;
	skip(s, 1);
	return true;
}

static bool brace(struct scan *s, char c)
{
	if (c == '}') {
		if (s->in_list)
			s->in_list = false;
		else
			s->in_section = false;
	} else if (s->after_equals) {
		s->in_list = true;
	} else if (s->in_section) {
		return refuse(s, "a section cannot stand inside another");
	} else {
		s->in_section = true;
		open_section(s)->title = s->line;
	}
	s->after_equals = false;
	skip(s, 1);
	return true;
}

static bool token(struct scan *s)
{
	char c = peek(s, 0);

	switch (c) {
	case ' ':
	case '\t':
	case '\n':
	case '\r':
	case ',':
		skip(s, 1);
		return true;
	case '"':
	case '\'':
		return string(s, c);
	case '{':
	case '}':
		return brace(s, c);
	case '=':
		return assignment(s);
	case '+':
		return refuse(s, "there is no +=; write the whole list");
	}
	if (c == '#' || (c == '/' && (peek(s, 1) == '/' || peek(s, 1) == '*')))
		return comment(s);
	if (is_word(c))
		return word(s);
	return refuse(s, "this value must be put in quotes");
}

bool conf_scan(struct str text, struct arena *memory, struct conf_lines *out, int *line,
	struct buf *why)
{
	struct scan s = {.rest = text, .line = 1, .out = out, .memory = memory, .why = why};
	bool good = true;

	*out = (struct conf_lines){0};
	while (good && s.rest.n > 0)
		good = token(&s);
	if (good && (s.in_section || s.in_list)) /* libconfuse does not mind */
		good = refuse(&s, "the file ends before a closing brace");
	*line = s.line;
	return good;
}

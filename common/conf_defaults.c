/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The file that --defaults prints: every setting with what it does, what it may be and when a
 * change takes effect, the default behind a '#'. It is a complete configuration as it stands, and
 * also with those marks taken away. */
#include "common/setting.h"

#include <string.h>

#define WIDTH 100 /* columns */

static const char *const type_names[] = {
	[SETTING_number] = "number",
	[SETTING_size] = "size",
	[SETTING_time] = "time",
	[SETTING_flag] = "yes or no",
	[SETTING_text] = "text",
	[SETTING_path] = "path",
	[SETTING_list] = "list",
	[SETTING_choice] = "one of",
};

/* Words of `text` in comment lines of at most WIDTH columns. */
static void put_comment(struct buf *out, const char *indent, struct str text)
{
	size_t column = 0;
	struct str word;

	while (text.n > 0) {
		str_cut(text, ' ', &word, &text);
		if (column > 0 && column + 1 + word.n > WIDTH) {
			buf_putc(out, '\n');
			column = 0;
		}
		if (column == 0) {
			buf_printf(out, "%s#", indent);
			column = strlen(indent) * 8 + 1; /* tabs */
		}
		buf_putc(out, ' ');
		buf_put(out, word);
		column += 1 + word.n;
	}
	buf_putc(out, '\n');
}

static void put_bounds(struct buf *out, const struct setting *s)
{
	switch (s->type) {
	case SETTING_number:
	case SETTING_size:
	case SETTING_time:
		buf_printf(out, " from %lld to %lld", (long long)s->low, (long long)s->high);
		if (s->type == SETTING_size)
			buf_puts(out, " bytes (also 64K, 1M, 1G)");
		if (s->type == SETTING_time)
			buf_puts(out, " seconds (also 5s, 10m, 2h, 1d)");
		break;
	case SETTING_choice:
		for (int i = 0; s->words[i]; i++)
			buf_printf(out, "%s %s", i ? "," : "", s->words[i]);
		break;
	case SETTING_path:
		buf_puts(out, " (relative: in the folder of this file)");
		break;
	default:
		break;
	}
}

static const char *effect(const char *when)
{
	if (strcmp(when, "live") == 0)
		return "a change takes effect at reload";
	if (strcmp(when, "fresh") == 0)
		return "a change takes effect for new connections after a reload";
	return "a change takes effect at restart";
}

/* `column`: where it begins. Its lines are as good as its first one when their marks are taken
 * away. */
static void put_list(struct buf *out, const char *indent, size_t column, struct str words)
{
	struct str word;

	buf_putc(out, '{');
	for (size_t i = 0; words.n > 0; i++) {
		str_cut(words, ',', &word, &words);
		while (str_starts(words, STR(" ")))
			words = str_skip(words, 1);
		column += word.n + 4;
		if (column > WIDTH) {
			buf_printf(out, ",\n%s#\t\"%.*s\"", indent, STR_ARG(word));
			column = 8 * (strlen(indent) + 2) + word.n + 4;
			continue;
		}
		buf_printf(out, "%s\"%.*s\"", i ? ", " : "", STR_ARG(word));
	}
	buf_putc(out, '}');
}

static void put_setting(struct buf *out, const char *indent, const struct setting *s)
{
	bool bare = s->type != SETTING_text && s->type != SETTING_path;
	struct buf line = {0};

	put_comment(out, indent, str_of(s->help));
	buf_printf(&line, "(%s", type_names[s->type]);
	put_bounds(&line, s);
	buf_printf(&line, "; %s)", effect(s->when));
	put_comment(out, indent, buf_str(&line));
	buf_free(&line);
	buf_printf(out, "%s#", indent);
	setting_key(s, out);
	buf_puts(out, " = ");
	if (s->type == SETTING_list)
		put_list(out, indent, 8 * strlen(indent) + strlen(s->name) + 5, str_of(s->initial));
	else
		buf_printf(out, "%s%s%s", bare ? "" : "\"", s->initial, bare ? "" : "\"");
	buf_puts(out, "\n\n");
}

void conf_defaults(struct buf *out)
{
	put_comment(out, "",
		STR("gatehouse: the settings of c2s and sm, which read the same file. "
		    "What stands behind a # without a blank is the default; take the "
		    "# away to change it. Text in double quotes may have \\\" and "
		    "\\\\, and is never expanded."));
	buf_putc(out, '\n');
	for (const struct setting *s = setting_global; s->name; s++)
		put_setting(out, "", s);
	put_comment(out, "", STR("The domains that are served: one section each, at least one."));
	buf_puts(out, "domain \"localhost\" {\n");
	for (const struct setting *s = setting_domain; s->name; s++)
		put_setting(out, "\t", s);
	out->n--; /* the empty line before the brace */
	buf_puts(out, "}\n");
}

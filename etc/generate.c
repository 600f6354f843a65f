/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * generate TEMPLATE: writes the manual page or the completion that is made of it. Lines @settings@, @commands@ and so on are replaced by
 * the rows of the tables (*.def), @version@ and @conf@ inside a line by those: so what an operator reads is what was built. */
#include "common/condition.h"
#include "common/setting.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


/* --- words in mdoc(7) ------------------------------------------------------------------------------------------- */

#define FILL 66 /* columns, after which a line is broken at the next blank */

static const char *escape(char c)
{
	switch (c) {
	case '\\':
		return "\\e";
	case '`':
		return "\\(ga";
	case '\'':
		return "\\(aq";
	case '^':
		return "\\(ha";
	case '~':
		return "\\(ti";
	default:
		return NULL;
	}
}

/* Text lines: nothing in them is taken for a request or an escape. */
static void put_text(struct str text)
{
	size_t column = 0;

	for (size_t i = 0; i < text.n; i++, column++) {
		bool over = text.p[i] == ' ' && column >= FILL;

		if (column == 0 && text.p[i] == '.')
			fputs("\\&", stdout);
		if (escape(text.p[i]))
			fputs(escape(text.p[i]), stdout);
		else
			putchar(over ? '\n' : text.p[i]);
		if (over)
			column = (size_t)-1;
	}
}

/* A word that keeps its spelling at the beginning of a sentence. */
static bool is_name(struct str text)
{
	struct str word, rest;

	str_cut(text, ' ', &word, &rest);
	return str_is(word, "sm") || str_is(word, "c2s") || str_find(word, '=') < word.n;
}

/* The help of a row, which begins small and has no full stop, as sentences with a line each. */
static void put_sentences(const char *help)
{
	struct str rest = str_of(help);

	while (rest.n > 0) {
		size_t n = 0;
		bool small = !is_name(rest);

		while (n < rest.n && !(rest.p[n] == '.' && n + 1 < rest.n && rest.p[n + 1] == ' '))
			n++;
		if (small)
			putchar(toupper((unsigned char)rest.p[0]));
		put_text(small ? str_head(str_skip(rest, 1), n - 1) : str_head(rest, n));
		puts(n && rest.p[n - 1] == '.' ? "" : ".");
		rest = str_skip(rest, n + 2);
	}
}

static void put_key(const struct setting *s)
{
	struct buf key = {0};

	setting_key(s, &key);
	printf(".It Ic %s\n", buf_cstr(&key));
	buf_free(&key);
}

/* --- settings.def ----------------------------------------------------------------------------------------------- */

static const char *const type_names[] = {
	[SETTING_number] = "Number", [SETTING_size] = "Size",	       [SETTING_time] = "Time",
	[SETTING_flag] = "Yes or no", [SETTING_text] = "Text",	       [SETTING_path] = "Path",
	[SETTING_list] = "List",      [SETTING_choice] = "One of",
};

static void put_bounds(const struct setting *s)
{
	if (s->type == SETTING_number || s->type == SETTING_size)
		printf(" from %lld to %lld", (long long)s->low, (long long)s->high);
	else if (s->type == SETTING_time)
		printf(" from %lld to %lld seconds", (long long)s->low, (long long)s->high);
	for (size_t i = 0; s->type == SETTING_choice && s->words[i]; i++)
		printf("%s%s", i == 0 ? " " : s->words[i + 1] ? ", " : " and ", s->words[i]);
}

static const char *effect(const char *when)
{
	if (strcmp(when, "live") == 0)
		return "at a reload";
	return strcmp(when, "fresh") == 0 ? "for new connections after a reload" : "at a restart";
}

/* In lines that mandoc does not find too long. */
static void put_default(struct str text)
{
	size_t column = 0;
	struct str word;

	fputs("; the default is\n", stdout);
	while (text.n) {
		str_cut(text, ' ', &word, &text);
		if (column)
			putchar(column + word.n > 70 ? '\n' : ' ');
		column = column + word.n > 70 ? 0 : column;
		put_text(word);
		column += word.n + 1;
	}
}

static void put_settings_of(const struct setting *rows)
{
	puts(".Bl -tag -width Ds");
	for (const struct setting *s = rows; s->name; s++) {
		put_key(s);
		put_sentences(s->help);
		fputs(type_names[s->type], stdout);
		put_bounds(s);
		if (*s->initial) {
			put_default(str_of(s->initial));
		} else {
			fputs("; there is no default", stdout);
		}
		printf(".\nA change takes effect %s.\n", effect(s->when));
	}
	puts(".El");
}

static void put_settings(void)
{
	put_settings_of(setting_global);
}

static void put_domain_settings(void)
{
	put_settings_of(setting_domain);
}

/* --- event.def -------------------------------------------------------------------------------------------------- */

static void put_event(int code, const char *name, const char *level, const char *meaning)
{
	printf(".It Sy %s Pq %d, ", name, code);
	for (; *level; level++)
		putchar(tolower((unsigned char)*level));
	putchar('\n');
	put_sentences(meaning);
}

static void put_events(void)
{
	puts(".Bl -tag -width Ds");
#define EVENT(code, name, level, meaning) put_event(code, #name, #level, meaning);
#include "common/event.def"
#undef EVENT
	puts(".El");
}

/* --- messages.def and condition.def ----------------------------------------------------------------------------- */

static void put_field(const char *type, const char *name)
{
	printf(".It\n.Va %s Pq %s\n", name, type);
}

static void put_message(int code, const char *name, const char *from, const char *delivery)
{
	printf(".It Sy %s Pq %d\n", name, code);
	if (strcmp(from, "PARENT") == 0)
		fputs("From the parent of c2s", stdout);
	else
		fputs(strcmp(from, "C2S") == 0 ? "From a worker" : strcmp(from, "SM") == 0 ? "From sm" : "Both ways", stdout);
	printf("; %s.\n", strcmp(delivery, "NUMBERED") == 0 ? "numbered" : "unnumbered");
}

static void put_messages(void)
{
	puts(".Bl -tag -width Ds");
#define MSG(code, name, from, delivery, fields, meaning) \
	put_message(code, #name, #from, #delivery); \
	put_sentences(meaning); \
	puts(".Bl -bullet -compact -offset indent"); \
	fields puts(".El");
#define FIELD(type, name) put_field(#type, #name);
#include "proto/messages.def"
#undef FIELD
#undef MSG
	puts(".El");
}

static void put_condition(enum cond c, const char *group)
{
	printf(".It %d Ta %s Ta %.*s\n", (int)c, group, STR_ARG(cond_element(c)));
}

static void put_conditions(void)
{
	puts(".Bl -column \"Value\" \"stanza\" \"unsupported-stanza-type\"");
	puts(".It Sy Value Ta Sy Group Ta Sy Element");
#define STREAM_CONDITION(name, element) put_condition(STREAM_##name, "stream");
#define STANZA_CONDITION(name, element, type) put_condition(STANZA_##name, "stanza");
#define SASL_CONDITION(name, element) put_condition(SASL_##name, "SASL");
#include "common/condition.def"
#undef STREAM_CONDITION
#undef STANZA_CONDITION
#undef SASL_CONDITION
	puts(".El");
}

/* --- commands.def ----------------------------------------------------------------------------------------------- */

/* Words as macros: "[--user USER] [--json]", "JID", "[COMMAND]". */
static void put_usage(struct str words)
{
	struct str word;

	while (words.n > 0) {
		bool optional = words.p[0] == '[';

		str_cut(optional ? str_skip(words, 1) : words, optional ? ']' : ' ', &word, &words);
		if (optional && str_starts(words, STR(" ")))
			words = str_skip(words, 1);
		fputs(optional ? " Oo" : "", stdout);
		if (str_starts(word, STR("--"))) {
			struct str value, name;

			str_cut(str_skip(word, 1), ' ', &name, &value);
			printf(" Fl %.*s", STR_ARG(name));
			word = value;
		}
		if (word.n)
			printf(" Ar %.*s", STR_ARG(word));
		fputs(optional ? " Oc" : "", stdout);
	}
}

static void put_rights(const char *rights)
{
	if (strcmp(rights, "read") == 0)
		puts("Members of admin-group and admin-group-read may use it.");
	else if (strcmp(rights, "change") == 0)
		puts("Members of admin-group may use it; its use is a log event.");
}

static void put_commands(void)
{
	puts(".Bl -tag -width Ds");
#define CMD(words, arguments, options, rights, here, there, help) \
	fputs(".It Ic " words, stdout); \
	put_usage(STR(arguments)); \
	put_usage(STR(options)); \
	putchar('\n'); \
	put_sentences(help); \
	put_rights(#rights);
#include "sm/commands.def"
#undef CMD
	puts(".El");
}

/* For the completion: WORDS|ARGUMENTS|OPTIONS, where alternatives are divided by a slash. */
static void put_completion(void)
{
	static const char *const rows[] = {
#define CMD(words, arguments, options, rights, here, there, help) words "\0" arguments "\0" options,
#include "sm/commands.def"
#undef CMD
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *arguments = rows[i] + strlen(rows[i]) + 1;
		const char *options = arguments + strlen(arguments) + 1;

		printf("\t'%s|", rows[i]);
		for (; *arguments; arguments++)
			putchar(*arguments == '|' ? '/' : *arguments);
		printf("|%s'\n", options);
	}
}

/* --- the template ----------------------------------------------------------------------------------------------- */

static const struct {
	const char *mark;
	void (*put)(void);
} parts[] = {
	{"@settings@", put_settings}, {"@domain-settings@", put_domain_settings}, {"@events@", put_events},
	{"@messages@", put_messages}, {"@conditions@", put_conditions},		  {"@commands@", put_commands},
	{"@completion@", put_completion},
};

static const struct {
	struct str mark;
	const char *text;
} words[] = {
	{{"@version@", 9}, GATEHOUSE_VERSION},
	{{"@conf@", 6}, GATEHOUSE_CONF},
};

static void put_words(struct str line)
{
	for (size_t i = 0; line.n > 0; i = 0) {
		while (i < COUNT(words) && !str_starts(line, words[i].mark))
			i++;
		if (i < COUNT(words))
			fputs(words[i].text, stdout);
		else
			putchar(line.p[0]);
		line = str_skip(line, i < COUNT(words) ? words[i].mark.n : 1);
	}
}

static bool put_line(struct str line)
{
	for (size_t i = 0; i < COUNT(parts); i++) {
		if (!str_is(line, parts[i].mark))
			continue;
		parts[i].put();
		return true;
	}
	put_words(line);
	putchar('\n');
	return line.n < 2 || line.p[0] != '@' || line.p[line.n - 1] != '@';
}

int main(int count, char **argv)
{
	FILE *in = count == 2 ? fopen(argv[1], "r") : NULL;
	char line[1024];
	bool good = in != NULL;

	while (good && fgets(line, sizeof line, in)) {
		good = put_line(str_at(line, strcspn(line, "\n")));
		if (!good)
			fprintf(stderr, "generate: %s: no part is called %s", argv[1], line);
	}
	if (!in)
		fprintf(stderr, "usage: generate TEMPLATE, which must be readable\n");
	else
		good = !ferror(in) && fclose(in) == 0 && good;
	return good && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

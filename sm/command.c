/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests: read from words by the rows of commands.def, and carried over the socket as one
 * line. */
#include "sm/command.h"

#include <string.h>

/* A command of two words, each option in two, "--", and the arguments. */
#define LINE_WORDS_MOST (2 + 2 * REQUEST_OPTIONS_MOST + 1 + REQUEST_WORDS_MOST)

const struct command commands[] = {
#define CMD(words, arguments, options, rights, here, there, help) \
	{words, arguments, options, help, RIGHTS_##rights},
#include "sm/commands.def"
#undef CMD
};

void command_usage(struct buf *out, const struct command *c)
{
	buf_puts(out, c->words);
	if (*c->arguments)
		buf_printf(out, " %s", c->arguments);
	if (*c->options)
		buf_printf(out, " %s", c->options);
}

static struct str next_word(struct str *s)
{
	struct str head;

	str_cut(*s, ' ', &head, s);
	return head;
}

/* How many of the words are the command's own; 0: it is another one. */
static size_t match(const struct command *c, const struct str *words, size_t n)
{
	struct str rest = str_of(c->words);
	size_t i = 0;

	for (; rest.n; i++) {
		struct str own = next_word(&rest);

		if (i >= n || !str_eq(own, words[i]))
			return 0;
	}
	return i;
}

size_t command_find(const struct str *words, size_t n)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (n && match(&commands[i], words, n) == n)
			return i;
	}
	return COMMAND_COUNT;
}

/* Is there such an option in "[--a] [--b VALUE]", and does it have a value? */
static bool knows_option(const struct command *c, struct str name, bool *has_value)
{
	struct str rest = str_of(c->options);

	while (rest.n) {
		struct str own, tail;

		str_cut(str_skip(rest, strlen("[--")), ']', &own, &rest);
		rest = str_skip(rest, 1);
		*has_value = str_cut(own, ' ', &own, &tail);
		if (str_eq(own, name))
			return true;
	}
	return false;
}

static bool wrong(struct buf *why, const char *what, struct str word, const struct command *c)
{
	buf_printf(why, "%s '%.*s'; usage: sm ", what, STR_ARG(word));
	command_usage(why, c);
	return false;
}

/* Takes the option at words[*i], and its value, which may be behind '=' or be the next word. */
static bool take_option(struct request *r, const struct str *words, size_t n, size_t *i,
	struct buf *why)
{
	const struct command *c = &commands[r->command];
	struct request_option *o = &r->options[r->option_count];
	struct str word = str_skip(words[*i], 2);
	bool has_value, given = str_cut(word, '=', &o->name, &o->value);

	if (!knows_option(c, o->name, &has_value))
		return wrong(why, "unknown option", words[*i], c);
	if (given != has_value && (given || *i + 1 >= n))
		return wrong(why, given ? "no value goes with" : "a value goes with", words[*i], c);
	for (size_t k = 0; k < r->option_count; k++) {
		if (str_eq(r->options[k].name, o->name))
			return wrong(why, "given twice:", words[*i], c);
	}
	if (has_value && !given)
		o->value = words[++*i];
	r->option_count++;
	return true;
}

static size_t wanted_arguments(const struct command *c)
{
	struct str rest = str_of(c->arguments);
	size_t n = 0;

	for (; rest.n; n++)
		next_word(&rest);
	return n;
}

bool request_read(struct request *r, const struct str *words, size_t n, struct buf *why)
{
	const struct command *c = commands;
	bool options_over = false;
	size_t own = 0;

	*r = (struct request){0};
	while (r->command < COMMAND_COUNT && !(own = match(c, words, n))) {
		r->command++;
		c++;
	}
	if (!own) {
		buf_printf(why, "no such command '%.*s'; see sm --help",
			STR_ARG(n ? words[0] : STR_NONE));
		return false;
	}
	for (size_t i = own; i < n; i++) {
		if (!options_over && str_is(words[i], "--")) {
			options_over = true;
		} else if (!options_over && str_starts(words[i], STR("--"))) {
			if (!take_option(r, words, n, &i, why))
				return false;
		} else if (r->argument_count == REQUEST_WORDS_MOST) {
			return wrong(why, "one word too many:", words[i], c);
		} else {
			r->arguments[r->argument_count++] = words[i];
		}
	}
	if (*c->arguments == '[' || r->argument_count == wanted_arguments(c))
		return true;
	buf_puts(why, "usage: sm ");
	command_usage(why, c);
	return false;
}

const struct str *request_option(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->option_count; i++) {
		if (str_is(r->options[i].name, name))
			return &r->options[i].value;
	}
	return NULL;
}

/* --- as a line ------------------------------------------------------------------------------- */

static const bool is_escaped[256] = {[0 ... ' '] = true, ['%'] = true, [0x7f] = true};

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define LOW_BITS (0x7f * EACH_BYTE)

/* Has the high bit of each byte that is zero, and no other. */
static uint64_t zeros(uint64_t word)
{
	return ~(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS);
}

/* Has the high bit of each byte that is to be escaped, and no other. */
static uint64_t escaped_bytes(uint64_t word)
{
	/* the first is high for each byte above ' ' */
	return ~(((word & LOW_BITS) + (0x7f - ' ') * EACH_BYTE) | word | LOW_BITS) |
		zeros(word ^ '%' * EACH_BYTE) | zeros(word ^ LOW_BITS);
}

/* Nearly all words are: eight bytes at a time, the last ones twice. */
static bool is_plain(struct str s)
{
	uint64_t word, odd = 0;
	size_t n = 0;

	for (; s.n - n > sizeof word; n += sizeof word) {
		memcpy(&word, s.p + n, sizeof word);
		odd |= escaped_bytes(word);
	}
	if (s.n >= sizeof word) {
		memcpy(&word, s.p + s.n - sizeof word, sizeof word);
		return !(odd | escaped_bytes(word));
	}
	while (n < s.n && !is_escaped[(unsigned char)s.p[n]])
		n++;
	return n == s.n;
}

void word_escape(struct buf *out, struct str word)
{
	if (is_plain(word)) {
		buf_put(out, word);
		return;
	}
	for (size_t i = 0; i < word.n; i++) {
		unsigned char c = (unsigned char)word.p[i];

		if (is_escaped[c])
			buf_printf(out, "%%%02x", c);
		else
			buf_putc(out, (char)c);
	}
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool word_unescape(struct buf *out, struct str escaped)
{
	size_t was = out->n;

	for (size_t i = 0; i < escaped.n; i++) {
		if (escaped.p[i] != '%') {
			buf_putc(out, escaped.p[i]);
			continue;
		}
		if (escaped.n - i < 3 || digit(escaped.p[i + 1]) < 0 ||
			digit(escaped.p[i + 2]) < 0) {
			out->n = was;
			return false;
		}
		buf_putc(out, (char)(digit(escaped.p[i + 1]) * 16 + digit(escaped.p[i + 2])));
		i += 2;
	}
	return true;
}

void request_describe(struct buf *out, const struct request *r)
{
	buf_puts(out, commands[r->command].words);
	for (size_t i = 0; i < r->argument_count; i++)
		buf_printf(out, " %.*s", STR_ARG(r->arguments[i]));
	for (size_t i = 0; i < r->option_count; i++)
		buf_printf(out, " --%.*s %.*s", STR_ARG(r->options[i].name),
			STR_ARG(r->options[i].value));
}

void request_write(struct buf *out, const struct request *r)
{
	buf_puts(out, commands[r->command].words);
	for (size_t i = 0; i < r->option_count; i++) {
		if (str_is(r->options[i].name, "json"))
			continue;
		buf_puts(out, " --");
		word_escape(out, r->options[i].name);
		buf_putc(out, '=');
		word_escape(out, r->options[i].value);
	}
	if (r->argument_count)
		buf_puts(out, " --");
	for (size_t i = 0; i < r->argument_count; i++) {
		buf_putc(out, ' ');
		word_escape(out, r->arguments[i]);
	}
	buf_putc(out, '\n');
}

bool request_parse(struct request *r, struct str line, struct buf *store, struct buf *why)
{
	struct str words[LINE_WORDS_MOST];
	size_t n = 0, from = store->n;

	*r = (struct request){0};
	/* Room first, for the words to stay where they are; unescaped they are never longer. */
	if (!buf_try_room(store, line.n)) {
		buf_puts(why, "no memory");
		return false;
	}
	for (bool more = true; more;) {
		struct str escaped;

		more = str_cut(line, ' ', &escaped, &line);
		if (n == COUNT(words) || !word_unescape(store, escaped)) {
			buf_puts(why, n == COUNT(words) ? "too many words" : "a word is malformed");
			return false;
		}
		words[n++] = str_at(store->p + from, store->n - from);
		from = store->n;
	}
	return request_read(r, words, n, why);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What one setting may be, by its type. The file's spelling has '-' where C has '_'. */
#include "common/setting.h"

#include <stdio.h>
#include <string.h>

#define WORD(enumerator, word) word,
static const char *const words_log_level[] = {CHOICES_log_level(WORD) NULL};
static const char *const words_plaintext[] = {CHOICES_plaintext(WORD) NULL};
static const char *const words_conflict[] = {CHOICES_conflict(WORD) NULL};
static const char *const words_session_limit[] = {CHOICES_session_limit(WORD) NULL};
static const char *const words_compression[] = {CHOICES_compression(WORD) NULL};
static const char *const words_rspauth[] = {CHOICES_rspauth(WORD) NULL};
static const char *const words_registration[] = {CHOICES_registration(WORD) NULL};
#undef WORD

#define BOUNDED(initial_, low_, high_) .initial = #initial_, .low = (low_), .high = (high_)
#define ROW_number(initial_, low_, high_) BOUNDED(initial_, low_, high_)
#define ROW_size(initial_, low_, high_) BOUNDED(initial_, low_, high_)
#define ROW_time(initial_, low_, high_) BOUNDED(initial_, low_, high_)
#define ROW_flag(initial_, low_, high_) .initial = (initial_) ? "yes" : "no"
#define ROW_text(initial_, low_, high_) .initial = (initial_)
#define ROW_path(initial_, low_, high_) .initial = (initial_)
#define ROW_list(initial_, low_, high_) .initial = (initial_)
#define ROW_choice(initial_, set, high_) .initial = (initial_), .words = words_##set

const struct setting setting_global[] = {
#define SETTING(name_, type_, initial_, low_, high_, when_, help_) \
	{.name = #name_, \
		.type = SETTING_##type_, \
		.at = offsetof(struct conf, name_), \
		.line_at = offsetof(struct conf, line.name_), \
		.when = #when_, \
		.help = (help_), \
		ROW_##type_(initial_, low_, high_)},
#define DOMAIN_SETTING(name_, type_, initial_, low_, high_, when_, help_)
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
	{.name = NULL},
};

const struct setting setting_domain[] = {
#define SETTING(name_, type_, initial_, low_, high_, when_, help_)
#define DOMAIN_SETTING(name_, type_, initial_, low_, high_, when_, help_) \
	{.name = #name_, \
		.type = SETTING_##type_, \
		.at = offsetof(struct conf_domain, name_), \
		.line_at = offsetof(struct conf_domain, line.name_), \
		.when = #when_, \
		.help = (help_), \
		ROW_##type_(initial_, low_, high_)},
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
	{.name = NULL},
};

/* Is `key`, as spelt in the file, the setting of that name in C? */
static bool is_key(struct str key, const char *name)
{
	size_t i;

	for (i = 0; i < key.n && name[i]; i++) {
		if (key.p[i] != (name[i] == '_' ? '-' : name[i]))
			return false;
	}
	return i == key.n && !name[i];
}

size_t setting_find(const struct setting *rows, struct str key)
{
	size_t i = 0;

	while (rows[i].name && !is_key(key, rows[i].name))
		i++;
	return i;
}

void setting_key(const struct setting *s, struct buf *out)
{
	for (const char *c = s->name; *c; c++)
		buf_putc(out, *c == '_' ? '-' : *c);
}

/* How many of the base unit the suffix stands for; 0: there is no such suffix. */
static uint64_t unit(enum setting_type type, char suffix)
{
	switch (suffix) {
	case 'K':
		return type == SETTING_size ? UINT64_C(1) << 10 : 0;
	case 'M':
		return type == SETTING_size ? UINT64_C(1) << 20 : 0;
	case 'G':
		return type == SETTING_size ? UINT64_C(1) << 30 : 0;
	case 's':
		return type == SETTING_time ? 1 : 0;
	case 'm':
		return type == SETTING_time ? 60 : 0;
	case 'h':
		return type == SETTING_time ? 3600 : 0;
	case 'd':
		return type == SETTING_time ? 86400 : 0;
	}
	return 0;
}

static const char *expected(enum setting_type type)
{
	switch (type) {
	case SETTING_size:
		return "a number of bytes, such as 4096, 64K, 1M or 1G";
	case SETTING_time:
		return "a time, such as 5s, 10m, 2h or 1d";
	default:
		return "a whole number";
	}
}

static bool read_number(const struct setting *s, struct str text, int64_t *to, struct buf *why)
{
	uint64_t value, factor = text.n ? unit(s->type, text.p[text.n - 1]) : 0;
	struct str digits = factor ? str_head(text, text.n - 1) : text;

	if (!str_u64(digits, &value) ||
		__builtin_mul_overflow(value, factor ? factor : 1, &value)) {
		buf_printf(why, "must be %s", expected(s->type));
		return false;
	}
	if (value > INT64_MAX || (int64_t)value < s->low || (int64_t)value > s->high) {
		buf_printf(why, "must be between %lld and %lld", (long long)s->low,
			(long long)s->high);
		return false;
	}
	*to = (int64_t)value;
	return true;
}

static bool read_flag(struct str text, bool *to, struct buf *why)
{
	*to = str_is(text, "yes") || str_is(text, "true");
	if (*to || str_is(text, "no") || str_is(text, "false"))
		return true;
	buf_puts(why, "must be yes or no");
	return false;
}

static bool read_choice(const struct setting *s, struct str text, int *to, struct buf *why)
{
	for (int i = 0; s->words[i]; i++) {
		if (str_is(text, s->words[i])) {
			*to = i;
			return true;
		}
	}
	buf_puts(why, "must be one of:");
	for (int i = 0; s->words[i]; i++)
		buf_printf(why, " %s", s->words[i]);
	return false;
}

static const char *read_path(struct str text, struct str folder, struct arena *memory)
{
	struct buf joined = {0};
	const char *path;

	if (text.n > 0 && text.p[0] != '/') {
		buf_put(&joined, folder);
		if (!str_ends(folder, STR("/")))
			buf_putc(&joined, '/');
	}
	buf_put(&joined, text);
	path = arena_copy(memory, buf_str(&joined)).p;
	buf_free(&joined);
	return path;
}

static bool read_list(const char *const *values, size_t n, struct arena *memory,
	struct conf_list *to, struct buf *why)
{
	to->words = arena_new(memory, (n ? n : 1) * sizeof *to->words);
	to->n = n;
	for (size_t i = 0; i < n; i++) {
		if (!values[i][0]) {
			buf_puts(why, "must not have an empty word");
			return false;
		}
		to->words[i] = arena_copy(memory, str_of(values[i])).p;
	}
	return true;
}

bool setting_read(const struct setting *s, const char *const *values, size_t n, struct str folder,
	struct arena *memory, void *to, struct buf *why)
{
	struct str text = str_of(n ? values[0] : "");

	switch (s->type) {
	case SETTING_number:
	case SETTING_size:
	case SETTING_time:
		return read_number(s, text, to, why);
	case SETTING_flag:
		return read_flag(text, to, why);
	case SETTING_choice:
		return read_choice(s, text, to, why);
	case SETTING_list:
		return read_list(values, n, memory, to, why);
	case SETTING_path:
		*(const char **)to = read_path(text, folder, memory);
		return true;
	case SETTING_text:
		*(const char **)to = arena_copy(memory, text).p;
		return true;
	}
	CHECK(!"a type that we know");
}

/* The words of a list's default, cut at ", ". */
static size_t split(struct str text, struct arena *memory, const char *words[], size_t most)
{
	struct str word;
	size_t n = 0;

	while (text.n > 0) {
		str_cut(text, ',', &word, &text);
		while (str_starts(text, STR(" ")))
			text = str_skip(text, 1);
		CHECK(n < most);
		words[n++] = arena_copy(memory, word).p;
	}
	return n;
}

void setting_default(const struct setting *s, struct arena *memory, void *to)
{
	const char *words[32] = {s->initial};
	size_t n = 1;
	struct buf why = {0};
	bool good;

	if (s->type == SETTING_list)
		n = split(str_of(s->initial), memory, words, COUNT(words));
	good = setting_read(s, words, n, STR("/"), memory, to, &why);
	CHECK(good);
	buf_free(&why);
}

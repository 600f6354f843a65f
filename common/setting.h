/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rows of settings.def as data, and the reading of one value; private to conf*.c. */
#ifndef COMMON_SETTING_H
#define COMMON_SETTING_H

#include "common/arena.h"
#include "common/conf.h"

enum setting_type {
	SETTING_number,
	SETTING_size,
	SETTING_time,
	SETTING_flag,
	SETTING_text,
	SETTING_path,
	SETTING_list,
	SETTING_choice,
};

struct setting {
	const char *name; /* as in C; the file has '-' where this has '_' */
	enum setting_type type;
	size_t at;           /* where its value is in struct conf or struct conf_domain */
	size_t line_at;      /* where its line is there */
	const char *initial; /* the default, as it would stand in the file without quotes; words of
				a list with ", " */
	int64_t low, high;   /* number, size, time */
	const char *const *words; /* choice: ends with NULL */
	const char *when;
	const char *help;
};

/* The rows, in the order of the .def; each list ends with a row without a name. */
extern const struct setting setting_global[];
extern const struct setting setting_domain[];
enum {
	SETTING_GLOBAL_COUNT = 0
#define SETTING(name, type, initial, low, high, when, help) +1
#define DOMAIN_SETTING(name, type, initial, low, high, when, help)
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
	,
	SETTING_DOMAIN_COUNT = 0
#define SETTING(name, type, initial, low, high, when, help)
#define DOMAIN_SETTING(name, type, initial, low, high, when, help) +1
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
};

/* The index of the row whose key in the file that is, or that of the last, nameless one. */
size_t setting_find(const struct setting *rows, struct str key);
void setting_key(const struct setting *s, struct buf *out); /* appends its key in the file */
/* Reads the value(s) (one, but for a list) into the field at `to`; texts go to `memory`, relative
 * paths begin in `folder`. False: `why` says in words what is wrong with it, without file and line.
 */
MUST_CHECK bool setting_read(const struct setting *s, const char *const *values, size_t n,
	struct str folder, struct arena *memory, void *to, struct buf *why);
/* Puts the default at `to`. */
void setting_default(const struct setting *s, struct arena *memory, void *to);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One line an event: time, level, program[pid], event=name, key=value. Names come from event.def
 * only. Values with anything but printable ASCII without blank, quote, backslash or '=' are put in
 * double quotes with C escapes, so nothing that came from outside can forge a line. Lines go to
 * standard error, a file or syslog (log_sink.h), each in one write. Each event also counts, logged
 * or not. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

enum event {
#define EVENT(code, name, level, meaning) EVENT_##name = code,
#include "common/event.def"
#undef EVENT
	EVENT_TOP = 128 /* codes stay below */
};

struct log_field {
	const char *key; /* NULL ends the list */
	enum { LOG_KIND_STR, LOG_KIND_U64, LOG_KIND_I64, LOG_KIND_HEX } kind;
	struct str text;
	uint64_t number;
};

#define LOG_STR(name, slice) ((struct log_field){name, LOG_KIND_STR, (slice), 0})
#define LOG_TEXT(name, c_string) ((struct log_field){name, LOG_KIND_STR, str_of(c_string), 0})
#define LOG_U64(name, value) ((struct log_field){name, LOG_KIND_U64, STR_NONE, (uint64_t)(value)})
#define LOG_I64(name, value) \
	((struct log_field){name, LOG_KIND_I64, STR_NONE, (uint64_t)(int64_t)(value)})
#define LOG_HEX(name, value) ((struct log_field){name, LOG_KIND_HEX, STR_NONE, (uint64_t)(value)})
/* log_event(login, LOG_HEX("conn", c->id), LOG_STR("user", user)); at least one field. */
/* The fields are made only when the line is wanted. */
#define log_event(name, ...) \
	(log_wants(EVENT_##name) \
			? log_write(EVENT_##name, (const struct log_field[]){__VA_ARGS__, {0}}) \
			: log_count_one(EVENT_##name))

/* program is borrowed for the process's life */
void log_start(const char *program, enum log_level most);
void log_level_set(enum log_level most);
bool log_level_parse(struct str name, enum log_level *out); /* error warn notice info debug */
void log_write(enum event e, const struct log_field *fields);
void log_count_one(enum event e);     /* one that gets no line of its own */
bool log_wants(enum event e);         /* would it be printed? for fields that are dear to make */
uint64_t log_count(enum event e);     /* how often, since the start of the process */
const char *event_name(enum event e); /* NULL: no such code */

#define LOG_STAMP 80
/* Milliseconds since 1970 as lines and XEP-0082 have them: 2026-11-28T23:59:59.999Z. */
void log_stamp(char out[LOG_STAMP], int64_t ms);

#endif

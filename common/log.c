/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Event lines. A line is built on the stack and leaves in one write of at most PIPE_BUF bytes, so
 * lines of several processes on one pipe never mix; no lock, no allocation and no file (the time
 * zone's, say) is touched on the way. */
#include "common/log.h"
#include "common/log_sink.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MOST PIPE_BUF
/* Bytes of one value as written; what is cut ends in a mark outside its quotes: "abc"... */
#define VALUE_MOST 512
#define MARK "..."

struct line {
	char text[LINE_MOST];
	size_t n;
};

static const struct {
	const char *name;
	enum log_level level;
} events[EVENT_TOP] = {
#define EVENT(code, name, level, meaning) [code] = {#name, LOG_##level},
#include "common/event.def"
#undef EVENT
};

static const char *const level_names[] = {"error", "warn", "notice", "info", "debug"};

/* RFC 5424 6.2.1 */
#define SYSLOG_DAEMON (3 << 3)
static const int syslog_severity[] = {
	[LOG_ERROR] = 3, [LOG_WARN] = 4, [LOG_NOTICE] = 5, [LOG_INFO] = 6, [LOG_DEBUG] = 7};

static const char *program_name = "gatehouse";
static _Atomic int most_level = LOG_INFO;
static _Atomic uint64_t counts[EVENT_TOP];

void log_start(const char *program, enum log_level most)
{
	program_name = program;
	log_level_set(most);
}

void log_level_set(enum log_level most)
{
	atomic_store_explicit(&most_level, (int)most, memory_order_relaxed);
}

bool log_level_parse(struct str name, enum log_level *out)
{
	for (size_t i = 0; i < COUNT(level_names); i++) {
		if (str_is(name, level_names[i])) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

const char *event_name(enum event e)
{
	return (unsigned)e < EVENT_TOP ? events[e].name : NULL;
}

bool log_wants(enum event e)
{
	int most = atomic_load_explicit(&most_level, memory_order_relaxed);

	return event_name(e) && (int)events[e].level <= most;
}

uint64_t log_count(enum event e)
{
	return event_name(e) ? atomic_load_explicit(&counts[e], memory_order_relaxed) : 0;
}

/* Appends the bytes, or nothing when they do not all fit before `end`. */
static bool line_put(struct line *l, size_t end, const char *bytes, size_t n)
{
	if (n > end - l->n)
		return false;
	memcpy(l->text + l->n, bytes, n);
	l->n += n;
	return true;
}

static bool is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

/* One byte inside quotes, as C would spell it; \xNN is always two digits. Returns its length. */
static int escape(char out[8], unsigned char c)
{
	switch (c) {
	case '\n':
		return snprintf(out, 8, "\\n");
	case '\r':
		return snprintf(out, 8, "\\r");
	case '\t':
		return snprintf(out, 8, "\\t");
	case '"':
	case '\\':
		return snprintf(out, 8, "\\%c", c);
	default:
		return snprintf(out, 8, c >= ' ' && c < 0x7f ? "%c" : "\\x%02x", c);
	}
}

/* The value in quotes, cut where it would pass VALUE_MOST or the line. Room for the closing quote
 * and the mark is kept, so that a cut value shows that it is one. */
static void put_quoted(struct line *l, size_t end, struct str value)
{
	size_t stop = l->n + VALUE_MOST < end ? l->n + VALUE_MOST : end;
	size_t i;

	line_put(l, end, "\"", 1);
	for (i = 0; i < value.n; i++) {
		char spelt[8];
		int n = escape(spelt, (unsigned char)value.p[i]);

		if (!line_put(l, stop - strlen("\"" MARK), spelt, (size_t)n))
			break;
	}
	line_put(l, end, "\"", 1);
	if (i < value.n)
		line_put(l, end, MARK, strlen(MARK));
}

static void put_text(struct line *l, size_t end, struct str value)
{
	bool plain = value.n > 0 && value.n <= VALUE_MOST && value.n <= end - l->n;

	for (size_t i = 0; plain && i < value.n; i++)
		plain = is_plain((unsigned char)value.p[i]);
	if (plain)
		line_put(l, end, value.p, value.n);
	else
		put_quoted(l, end, value);
}

static void put_value(struct line *l, size_t end, const struct log_field *f)
{
	char number[24];
	int n = 0;

	switch (f->kind) {
	case LOG_KIND_STR:
		put_text(l, end, f->text);
		return;
	case LOG_KIND_U64:
		n = snprintf(number, sizeof number, "%llu", (unsigned long long)f->number);
		break;
	case LOG_KIND_I64:
		n = snprintf(number, sizeof number, "%lld", (long long)(int64_t)f->number);
		break;
	case LOG_KIND_HEX: /* as the CLI prints it, so that one can be looked for in the other */
		n = snprintf(number, sizeof number, "%016llx", (unsigned long long)f->number);
		break;
	}
	line_put(l, end, number, (size_t)n);
}

/* Civil date of a day since 1970-01-01 (H. Hinnant's algorithm): gmtime_r takes a lock and may
 * open a file, which a confined worker must not. */
static void civil(int64_t day, int *year, int *month, int *mday)
{
	int64_t shifted = day + 719468; /* since 0000-03-01 */
	int64_t era = shifted / 146097;
	int64_t doe = shifted % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*mday = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

void log_stamp(char out[LOG_STAMP], int64_t ms)
{
	int second = (int)(ms / 1000 % 86400);
	int year, month, day;

	civil(ms / 86400000, &year, &month, &day);
	snprintf(out, LOG_STAMP, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", year % 10000, month, day,
		second / 3600, second / 60 % 60, second % 60, (unsigned)(ms % 1000) % 1000);
}

static void put_head(struct line *l, enum event e)
{
	struct timespec now = {0};
	char stamp[LOG_STAMP];
	int n;

	if (log_sink_is_syslog()) { /* which stamps the line itself */
		n = snprintf(l->text, sizeof l->text, "<%d>%.32s[%d]: %s event=%s",
			SYSLOG_DAEMON + syslog_severity[events[e].level], program_name,
			(int)getpid(), level_names[events[e].level], events[e].name);
		l->n = (size_t)n;
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	log_stamp(stamp, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	n = snprintf(l->text, sizeof l->text, "%s %s %.32s[%d] event=%s", stamp,
		level_names[events[e].level], program_name, (int)getpid(), events[e].name);
	l->n = (size_t)n;
}

/* Fields that no longer fit are left out whole, and the line then ends in the mark. */
static void put_fields(struct line *l, const struct log_field *f)
{
	const size_t end = LINE_MOST - strlen(" " MARK "\n");
	const size_t least = strlen(" =\"\"" MARK) + 24; /* the shortest form of any value */

	for (; f->key; f++) {
		size_t key_n = strlen(f->key);

		if (key_n + least > end - l->n) {
			line_put(l, LINE_MOST - 1, " " MARK, strlen(" " MARK));
			return;
		}
		line_put(l, end, " ", 1);
		line_put(l, end, f->key, key_n);
		line_put(l, end, "=", 1);
		put_value(l, end, f);
	}
}

void log_count_one(enum event e)
{
	CHECK(event_name(e));
	atomic_fetch_add_explicit(&counts[e], 1, memory_order_relaxed);
}

void log_write(enum event e, const struct log_field *fields)
{
	int saved = errno;
	struct line l;

	log_count_one(e);
	if (!log_wants(e))
		return;
	put_head(&l, e);
	put_fields(&l, fields);
	line_put(&l, LINE_MOST, "\n", 1);
	log_sink_write(l.text, l.n);
	errno = saved;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Answers of sm (report.h) as the figures of sm top, found by the names of sections and columns. */
#include "sm/top.h"

#include <string.h>

#include "sm/command.h"

struct row {
	struct str section, columns, values;
};

static struct str next_word(struct str *s)
{
	struct str head;

	str_cut(*s, ' ', &head, s);
	return head;
}

/* The value of that column, as it is in the answer; empty when there is none. */
static struct str cell(const struct row *r, const char *name)
{
	struct str columns = r->columns, values = r->values, own, type;

	while (columns.n) {
		struct str value = next_word(&values);

		str_cut(next_word(&columns), ':', &own, &type);
		if (str_is(own, name))
			return value;
	}
	return STR_NONE;
}

static int64_t number(const struct row *r, const char *name)
{
	struct str text = cell(r, name);
	uint64_t value = 0;

	return str_u64(text, &value) && value <= INT64_MAX ? (int64_t)value : 0;
}

/* Cut where there is no room, and in printable ASCII. */
static void text(char to[TOP_TEXT], const struct row *r, const char *name)
{
	struct buf plain = {0};
	size_t n = 0;

	if (word_unescape(&plain, cell(r, name)))
		n = plain.n < TOP_TEXT - 1 ? plain.n : TOP_TEXT - 1;
	for (size_t i = 0; i < n; i++)
		to[i] = plain.p[i] >= ' ' && plain.p[i] < 0x7f ? plain.p[i] : '?';
	to[n] = '\0';
	buf_free(&plain);
}

static void take_record(struct top_look *l, const struct row *r)
{
	static const char *const names[TOP_NUMBERS] = {[TOP_uptime] = "uptime",
		[TOP_sessions] = "sessions",
		[TOP_routed] = "routed",
		[TOP_messages] = "messages",
		[TOP_ghosts] = "ghosts",
		[TOP_proofs] = "proofs",
		[TOP_refused] = "proofs_refused"};

	for (size_t i = 0; i < TOP_NUMBERS; i++) {
		if (cell(r, names[i]).n)
			l->number[i] = number(r, names[i]);
	}
	if (cell(r, "version").n)
		text(l->version, r, "version");
	if (cell(r, "state").n)
		text(l->state, r, "state");
}

static void take_worker(struct top_look *l, const struct row *r)
{
	size_t i = l->worker_n;

	if (i == TOP_WORKERS)
		return;
	l->worker[i].slot = number(r, "slot");
	l->worker[i].pid = number(r, "pid");
	l->worker[i].joined = number(r, "joined");
	l->worker[i].connections = number(r, "connections");
	l->worker[i].negotiating = number(r, "negotiating");
	l->worker[i].sessions = number(r, "sessions");
	l->worker[i].queued = number(r, "queued");
	l->worker_n++;
}

static void take_database(struct top_look *l, const struct row *r)
{
	size_t i = l->database_n;

	if (i == COUNT(l->database))
		return;
	text(l->database[i].name, r, "name");
	text(l->database[i].state, r, "state");
	l->database[i].waiting = number(r, "waiting");
	l->database[i].wal = number(r, "wal");
	l->database_n++;
}

static void take_event(struct top_look *l, const struct row *r)
{
	struct str rest = r->values, name = next_word(&rest);
	uint64_t count;

	for (unsigned e = 0; e < EVENT_TOP; e++) {
		if (event_name((enum event)e) && str_is(name, event_name((enum event)e)) &&
			str_u64(rest, &count))
			l->event[e] = count;
	}
}

static void take_row(struct top_look *l, const struct row *r)
{
	if (r->section.n == 0)
		take_record(l, r);
	else if (str_is(r->section, "workers"))
		take_worker(l, r);
	else if (str_is(r->section, "databases"))
		take_database(l, r);
	else if (str_is(r->section, "events"))
		take_event(l, r);
}

static bool read_answer(struct top_look *l, struct str answer)
{
	struct row r = {0};
	struct str line;

	while (answer.n) {
		if (!str_cut(answer, '\n', &line, &answer) || line.n < 2 || line.p[1] != ' ')
			return false;
		r.values = str_skip(line, 2);
		if (line.p[0] == '+') {
			take_row(l, &r);
			continue;
		}
		r.section = line.p[0] == '=' ? STR_NONE : next_word(&r.values);
		r.columns = r.values;
	}
	return true;
}

bool top_read(struct top_look *l, struct str status, struct str stats)
{
	return read_answer(l, status) && read_answer(l, stats);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The page of sm top, 80 columns wide. */
#include "sm/top.h"

#include <stdio.h>
#include <string.h>

#define BOLD "\033[1m"
#define RED "\033[1;31m"
#define PLAIN "\033[0m"

struct page {
	struct buf *out;
	unsigned rows; /* that are left; 0: no limit */
	bool ansi, full;
	const char *alarm; /* of the line that is being written; NULL: none */
	struct buf line;
};

static void end_line(struct page *p)
{
	if (!p->full) {
		if (p->ansi && p->alarm)
			buf_puts(p->out, p->alarm);
		buf_put(p->out, buf_str(&p->line));
		if (p->ansi)
			buf_puts(p->out, p->alarm ? PLAIN "\033[K" : "\033[K");
		/* a newline in the last row would scroll */
		if (p->rows != 1)
			buf_putc(p->out, '\n');
		p->full = p->rows == 1;
		p->rows -= p->rows > 0;
	}
	buf_clear(&p->line);
	p->alarm = NULL;
}

static int64_t grown(int64_t now, int64_t before)
{
	return now > before ? now - before : 0; /* sm was restarted, and counts anew */
}

/* "-" before the first interval is over: nobody knows yet. */
static void put_rate(struct page *p, const char *name, const struct top_look looks[TOP_LOOKS],
	int64_t now, int64_t before)
{
	int64_t ms = looks[0].at - looks[1].at;

	if (looks[1].at && ms > 0)
		buf_printf(&p->line, "%-10s %9.1f", name,
			(double)grown(now, before) * 1000 / (double)ms);
	else
		buf_printf(&p->line, "%-10s %9s", name, "-");
}

static void put_size(struct buf *out, int64_t bytes, int width)
{
	static const char *const units[] = {"", "K", "M", "G", "T"};
	size_t unit = 0;

	for (; bytes >= 10000 && unit + 1 < COUNT(units); unit++)
		bytes /= 1024;
	buf_printf(out, "%*lld%s", width - (unit > 0), (long long)bytes, units[unit]);
}

/* --- parts ------------------------------------------------------------------------------------ */

static void put_title(struct page *p, const struct top_look *l)
{
	long long up = l->number[TOP_uptime];

	buf_printf(&p->line, "gatehouse %s   %-38.38s up %lldd %02lld:%02lld:%02lld", l->version,
		l->state, up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
	p->alarm = strcmp(l->state, "serving") == 0 ? BOLD : RED;
	end_line(p);
	end_line(p);
}

static void put_rates(struct page *p, const struct top_look looks[TOP_LOOKS])
{
	const struct top_look *l = looks, *old = looks + 1;
	int64_t connections = 0, negotiating = 0, queued = 0;

	for (size_t i = 0; i < l->worker_n; i++) {
		connections += l->worker[i].connections;
		negotiating += l->worker[i].negotiating;
		queued += l->worker[i].queued;
	}
	put_rate(p, "logins/s", looks, (int64_t)l->event[EVENT_session_open],
		(int64_t)old->event[EVENT_session_open]);
	buf_printf(&p->line, "     sessions    %9lld     queued      ",
		(long long)l->number[TOP_sessions]);
	put_size(&p->line, queued, 9);
	end_line(p);
	put_rate(p, "messages/s", looks, l->number[TOP_messages], old->number[TOP_messages]);
	buf_printf(&p->line, "     connections %9lld     proofs      %8lld", (long long)connections,
		(long long)l->number[TOP_proofs]);
	end_line(p);
	put_rate(p, "stanzas/s", looks, l->number[TOP_routed], old->number[TOP_routed]);
	buf_printf(&p->line, "     negotiating %9lld     ghosts      %8lld", (long long)negotiating,
		(long long)l->number[TOP_ghosts]);
	p->alarm = l->number[TOP_ghosts] ? RED : NULL;
	end_line(p);
	end_line(p);
}

static void put_workers(struct page *p, const struct top_look *l)
{
	buf_puts(&p->line, "worker      pid  link   sessions  connections  negotiating     queued");
	p->alarm = BOLD;
	end_line(p);
	for (size_t i = 0; i < l->worker_n; i++) {
		buf_printf(&p->line, "%6lld %8lld  %-4s %10lld %12lld %12lld ",
			(long long)l->worker[i].slot, (long long)l->worker[i].pid,
			l->worker[i].joined ? "up" : "DOWN", (long long)l->worker[i].sessions,
			(long long)l->worker[i].connections, (long long)l->worker[i].negotiating);
		put_size(&p->line, l->worker[i].queued, 11);
		p->alarm = l->worker[i].joined ? NULL : RED;
		end_line(p);
	}
	if (!l->worker_n) {
		buf_puts(&p->line, "     - no worker is there: does c2s run?");
		p->alarm = RED;
		end_line(p);
	}
	end_line(p);
}

static const enum event failures[][2] = {
	{EVENT_auth_failed, EVENT_slow_client},
	{EVENT_tls_failed, EVENT_refuse},
	{EVENT_stream_error, EVENT_session_limit},
	{EVENT_timeout, EVENT_worker_lost},
	{EVENT_conflict, EVENT_store_failed},
};

static const struct top_look *oldest(const struct top_look looks[TOP_LOOKS])
{
	size_t i = TOP_LOOKS - 1;

	while (i > 0 && !looks[i].at)
		i--;
	return &looks[i];
}

static void put_failure(struct page *p, const struct top_look looks[TOP_LOOKS], enum event e)
{
	const struct top_look *old = oldest(looks);

	for (const char *c = event_name(e); *c; c++)
		buf_putc(&p->line, *c == '_' ? '-' : *c);
	buf_printf(&p->line, "%*llu %8lld", (int)(22 - strlen(event_name(e))),
		(unsigned long long)looks[0].event[e],
		(long long)grown((int64_t)looks[0].event[e], (int64_t)old->event[e]));
}

static void put_failures(struct page *p, const struct top_look looks[TOP_LOOKS])
{
	int64_t seconds = (looks[0].at - oldest(looks)->at + 500) / 1000;

	for (int half = 0; half < 2; half++)
		buf_printf(&p->line, "%sfailures         total   last %llds",
			half ? "        " : "", (long long)seconds);
	p->alarm = BOLD;
	end_line(p);
	for (size_t i = 0; i < COUNT(failures); i++) {
		put_failure(p, looks, failures[i][0]);
		buf_puts(&p->line, "         ");
		put_failure(p, looks, failures[i][1]);
		end_line(p);
	}
	end_line(p);
}

static void put_databases(struct page *p, const struct top_look *l)
{
	buf_puts(&p->line, "database           state                      waiting          log");
	p->alarm = BOLD;
	end_line(p);
	for (size_t i = 0; i < l->database_n; i++) {
		buf_printf(&p->line, "%-18.18s %-24.24s %9lld ", l->database[i].name,
			l->database[i].state, (long long)l->database[i].waiting);
		put_size(&p->line, l->database[i].wal, 13);
		p->alarm = strcmp(l->database[i].state, "works") == 0 ? NULL : RED;
		end_line(p);
	}
}

void top_page(struct buf *out, const struct top_look looks[TOP_LOOKS], unsigned rows, bool ansi)
{
	struct page p = {.out = out, .rows = rows, .ansi = ansi};

	put_title(&p, &looks[0]);
	put_rates(&p, looks);
	put_workers(&p, &looks[0]);
	put_failures(&p, looks);
	put_databases(&p, &looks[0]);
	buf_free(&p.line);
}

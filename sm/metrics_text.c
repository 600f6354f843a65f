/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The page: Prometheus' text exposition format 0.0.4. Workers report every two seconds, so their
 * figures may be that old. */
#include "sm/metrics.h"

#include <time.h>

#include "sm/peer.h"
#include "sm/session.h"
#include "sm/tally.h"
#include "sm/verify.h"

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP gatehouse_%s %s\n# TYPE gatehouse_%s %s\n", name, help, name, type);
}

static void put_one(struct buf *out, const char *name, const char *type, const char *help,
	uint64_t value)
{
	put_head(out, name, type, help);
	buf_printf(out, "gatehouse_%s %llu\n", name, (unsigned long long)value);
}

/* --- workers --------------------------------------------------------------------------------- */

enum figure {
	FIGURE_JOINED,
	FIGURE_CONNECTIONS,
	FIGURE_NEGOTIATING,
	FIGURE_SESSIONS,
	FIGURE_QUEUED
};

static const struct {
	const char *name, *help;
} figures[] = {
	[FIGURE_JOINED] = {"worker_joined", "1: the worker is linked to sm."},
	[FIGURE_CONNECTIONS] = {"worker_connections", "Open connections."},
	[FIGURE_NEGOTIATING] = {"worker_negotiating", "Connections that are not logged in yet."},
	[FIGURE_SESSIONS] = {"worker_sessions", "Sessions."},
	[FIGURE_QUEUED] = {"worker_queued_bytes", "Bytes that wait for clients that read slowly."},
};

static uint64_t figure_of(const struct tally *t, size_t i, enum figure f)
{
	const struct peer *p = t->of[i].peer;

	switch (f) {
	case FIGURE_JOINED:
		return p->joined && !p->dead;
	case FIGURE_CONNECTIONS:
		return p->connections;
	case FIGURE_NEGOTIATING:
		return p->negotiating;
	case FIGURE_SESSIONS:
		return t->of[i].sessions;
	case FIGURE_QUEUED:
		return p->queued;
	}
	return 0;
}

/* Two workers may have one slot for a while, so that the slot alone would not tell them apart. */
static void put_workers(struct buf *out, struct house *h)
{
	struct tally t;

	tally_workers(h, &t);
	for (size_t f = 0; f < COUNT(figures); f++) {
		put_head(out, figures[f].name, "gauge", figures[f].help);
		for (size_t i = 0; i < t.n; i++)
			buf_printf(out, "gatehouse_%s{worker=\"%u\",pid=\"%u\"} %llu\n",
				figures[f].name, t.of[i].peer->slot, t.of[i].peer->pid,
				(unsigned long long)figure_of(&t, i, (enum figure)f));
	}
}

/* --- databases, proofs, events --------------------------------------------------------------- */

static void put_databases(struct buf *out, const struct house *h)
{
	const struct {
		const char *name;
		const struct desk *desk;
	} of[] = {{"store.db-reader", h->reader}, {"store.db-writer", h->writer},
		{"sessions.db", h->table_desk}};
	enum db_result why;

	put_head(out, "database_waiting", "gauge", "Jobs that wait for a database.");
	for (size_t i = 0; i < COUNT(of); i++) {
		if (of[i].desk)
			buf_printf(out, "gatehouse_database_waiting{database=\"%s\"} %zu\n",
				of[i].name, (size_t)desk_waiting(of[i].desk));
	}
	put_head(out, "database_refuses", "gauge", "1: a database refuses work.");
	for (size_t i = 0; i < COUNT(of); i++) {
		if (of[i].desk)
			buf_printf(out, "gatehouse_database_refuses{database=\"%s\"} %d\n",
				of[i].name, desk_trouble(of[i].desk, &why) != 0);
	}
}

static void put_proofs(struct buf *out, const struct house *h)
{
	struct verify_counts n = {0};

	if (h->verify)
		n = verify_counts(h->verify);
	put_head(out, "proofs_total", "counter", "Passwords and proofs judged by sm.");
	buf_printf(out,
		"gatehouse_proofs_total{result=\"proved\"} %llu\n"
		"gatehouse_proofs_total{result=\"refused\"} %llu\n"
		"gatehouse_proofs_total{result=\"unavailable\"} %llu\n",
		(unsigned long long)n.proved, (unsigned long long)n.refused,
		(unsigned long long)n.unavailable);
}

static void put_events(struct buf *out, struct house *h)
{
	uint64_t sums[EVENT_TOP];

	tally_events(h, sums);
	put_head(out, "events_total", "counter",
		"Log events of all workers and of sm, printed or not; see gatehouse-events(7).");
	for (unsigned e = 0; e < EVENT_TOP; e++) {
		if (event_name((enum event)e))
			buf_printf(out, "gatehouse_events_total{event=\"%s\"} %llu\n",
				event_name((enum event)e), (unsigned long long)sums[e]);
	}
}

void metrics_text(struct house *h, struct buf *out)
{
	put_head(out, "info", "gauge", "Which version this is.");
	buf_puts(out, "gatehouse_info{version=\"" GATEHOUSE_VERSION "\"} 1\n");
	put_one(out, "uptime_seconds", "gauge", "Since sm's serving process started.",
		(uint64_t)(time(NULL) - h->started));
	put_one(out, "gathering", "gauge", "1: sm was restarted and waits for its workers.",
		h->gathering);
	put_one(out, "sessions", "gauge", "Sessions, of all workers.", session_count(h->sessions));
	put_one(out, "routed_total", "counter", "Stanzas routed.", h->routed);
	put_one(out, "messages_total", "counter", "Messages among them.", h->messages);
	put_one(out, "ghosts_total", "counter",
		"Sessions without a connection that were found; must stay 0.", h->ghosts);
	put_workers(out, h);
	put_databases(out, h);
	put_proofs(out, h);
	put_events(out, h);
}

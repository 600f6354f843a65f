/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See smlink_tell.h. */
#include "c2s/smlink_tell.h"
#include "c2s/conn.h"
#include "common/log.h"
#include <stdlib.h>

/* The ids of all connections that have a session; *n of them; mem_free. */
static uint64_t *with_session(const struct worker *w, size_t *n)
{
	uint64_t *ids = mem_new((w->connections + 1) * sizeof *ids);
	*n = 0;
	for (const struct conn *c = w->conn_list; c; c = c->next) {
		if (client_has_session(&c->client))
			ids[(*n)++] = c->client.id;
	}
	return ids;
}

void smlink_join(struct smlink *l)
{
	struct channel *ch = smlink_channel(l);
	struct message m = {.code = MSG_join};
	size_t n;
	uint64_t *ids = with_session(smlink_worker(l), &n);
	m.as.join.low = PROTO_VERSION_LOW;
	m.as.join.high = PROTO_VERSION_HIGH;
	m.as.join.heard = ch->heard;
	m.as.join.conns = list_of(ids, n);
	channel_send(ch, &m);
	mem_free(ids);
}

void smlink_census(struct smlink *l)
{
	struct channel *ch = smlink_channel(l);
	struct message m = {.code = MSG_census};
	size_t n;
	uint64_t *ids = with_session(smlink_worker(l), &n);
	m.as.census.heard = ch->heard;
	m.as.census.conns = list_of(ids, n);
	channel_send(ch, &m);
	mem_free(ids);
}

static size_t counters(uint64_t *pairs)
{
	size_t n = 0;
	for (unsigned e = 1; e < EVENT_TOP; e++) {
		if (!event_name(e) || !log_count(e))
			continue;
		pairs[n++] = e;
		pairs[n++] = log_count(e);
	}
	return n;
}

struct queue {
	uint64_t conn, bytes; /* as a report has them */
};

static int longest_first(const void *a, const void *b)
{
	const struct queue *p = a, *q = b;
	return p->bytes < q->bytes ? 1 : p->bytes > q->bytes ? -1 : 0;
}

/* Of all connections for which something waits, or of those for which most does. */
static size_t queues(const struct worker *w, struct buf *out)
{
	size_t n;
	for (const struct conn *c = w->queued ? w->conn_list : NULL; c; c = c->next) {
		struct queue q = {c->client.id, c->relay.counted};
		if (q.bytes)
			buf_add(out, &q, sizeof q);
	}
	n = out->n / sizeof(struct queue);
	if (n <= SMLINK_QUEUES)
		return n;
	qsort(out->p, n, sizeof(struct queue), longest_first);
	return SMLINK_QUEUES;
}

void smlink_report(struct smlink *l, bool leaving)
{
	struct worker *w = smlink_worker(l);
	uint64_t counts[2 * EVENT_TOP];
	struct buf longest = {0};
	size_t n = queues(w, &longest);
	struct message m = {.code = MSG_report};
	m.as.report.connections = w->connections;
	m.as.report.negotiating = w->negotiating;
	m.as.report.queued = w->queued;
	m.as.report.counters = list_of(counts, counters(counts));
	m.as.report.queues = (struct u64_list){(const uint8_t *)longest.p, 2 * n};
	m.as.report.leaving = leaving;
	w->delivered = 0;
	w->drained = false;
	channel_send(smlink_channel(l), &m);
	buf_free(&longest);
}

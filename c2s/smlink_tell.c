/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See smlink_tell.h. */
#include "c2s/smlink_tell.h"
#include "c2s/conn.h"
#include "common/log.h"

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

/* Keeps the longest queues, longest first: pairs of connection and bytes. */
static size_t rank(uint64_t *pairs, size_t n, uint64_t id, uint64_t bytes)
{
	size_t at = n;
	while (at > 0 && pairs[at - 1] < bytes)
		at -= 2;
	if (at >= 2 * SMLINK_QUEUES)
		return n;
	if (n < 2 * SMLINK_QUEUES)
		n += 2;
	for (size_t i = n - 2; i > at; i -= 2) {
		pairs[i] = pairs[i - 2];
		pairs[i + 1] = pairs[i - 1];
	}
	pairs[at] = id;
	pairs[at + 1] = bytes;
	return n;
}

static size_t queues(const struct worker *w, uint64_t *pairs)
{
	size_t n = 0;
	for (const struct conn *c = w->queued ? w->conn_list : NULL; c; c = c->next) {
		if (c->relay.counted)
			n = rank(pairs, n, c->client.id, c->relay.counted);
	}
	return n;
}

void smlink_report(struct smlink *l, bool leaving)
{
	struct worker *w = smlink_worker(l);
	uint64_t counts[2 * EVENT_TOP], longest[2 * SMLINK_QUEUES];
	struct message m = {.code = MSG_report};
	m.as.report.connections = w->connections;
	m.as.report.negotiating = w->negotiating;
	m.as.report.queued = w->queued;
	m.as.report.counters = list_of(counts, counters(counts));
	m.as.report.queues = list_of(longest, queues(w, longest));
	m.as.report.leaving = leaving;
	w->delivered = 0;
	w->drained = false;
	channel_send(smlink_channel(l), &m);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Links and workers: who is there, and how they are. These run within channel_feed, so what ends a
 * peer is only noted. */
#include "sm/answer.h"
#include "sm/peer_work.h"
#include "sm/session.h"
#include "sm/trace.h"
#include "sm/watch.h"

#define CENSUS_MS 1000

static void welcome_parent(struct peer_link *l)
{
	struct message m = {.code = MSG_welcome};
	struct peer_link *older = l->house->peers->parent;

	l->stage = LINK_PARENT;
	l->house->peers->parent = l;
	if (older)
		link_close(older);
	m.as.welcome.version = (uint16_t)l->version;
	channel_send(&l->hello, &m);
	watch_welcome_parent(l);
	log_event(link_up, LOG_TEXT("peer", "c2s parent"), LOG_U64("pid", l->pid));
}

bool answer_introduce(struct peer_link *l, const struct msg_introduce *m)
{
	l->slot = m->slot;
	l->incarnation = m->incarnation;
	l->pid = m->pid;
	l->version = hello_agree(PROTO_VERSION_LOW, PROTO_VERSION_HIGH, m->low, m->high);
	if (l->version == 0) {
		l->hello.fault = "no version of the protocol that both speak";
		return false;
	}
	if (m->slot == PROTO_SLOT_PARENT) {
		welcome_parent(l);
	} else {
		l->stage = LINK_INTRODUCED;
		l->hello.peer = ROLE_C2S; /* from here on the socket is the worker's */
	}
	return true;
}

bool answer_roll_call(struct peer_link *l, const struct msg_roll_call *m)
{
	roll_take(l->house, m->incarnations);
	l->roll_called = true;
	l->leaving = m->incarnations.n == 0; /* no parent goes on without a worker */
	return true;
}

bool answer_worker_died(struct peer_link *l, const struct msg_worker_died *m)
{
	buf_u32(&l->died, m->incarnation);
	return true;
}

static bool all_owned(uint32_t incarnation, struct u64_list conns)
{
	for (size_t i = 0; i < conns.n; i++) {
		if (list_at(conns, i) >> 32 != incarnation)
			return false;
	}
	return true;
}

bool answer_join(struct peer_link *l, const struct msg_join *m)
{
	unsigned version = hello_agree(PROTO_VERSION_LOW, PROTO_VERSION_HIGH, m->low, m->high);

	if (version == 0 || !all_owned(l->incarnation, m->conns)) {
		l->hello.fault = version ? "a join with another worker's connections"
					 : "no version that both speak";
		return false;
	}
	l->stage = LINK_JOINING;
	l->version = version;
	l->join_heard = m->heard;
	buf_clear(&l->join_conns);
	buf_add(&l->join_conns, m->conns.raw, m->conns.n * 8);
	return true;
}

/* census: a set of the worker's connections against its sessions */

struct census {
	struct house *house;
	struct peer *peer;
	uint64_t heard;
	struct table *alive;
};

/* A session that was opened after the worker looked may not be in its list yet. */
static void judge_session(void *ctx, void *session)
{
	struct census *c = ctx;
	struct session *s = session;

	if (s->peer != c->peer || s->row.opened_seq > c->heard ||
		table_get(c->alive, KEY(s->row.conn)))
		return;
	log_event(ghost, LOG_HEX("sid", s->row.sid), LOG_HEX("conn", s->row.conn),
		LOG_STR("jid", s->row.jid));
	c->house->ghosts++;
	session_end(c->house, s, "no connection behind it");
}

/* It costs a walk over all sessions: one that comes too soon is passed over, the next will do. */
static bool is_due(struct peer *p)
{
	uint64_t now = uv_now(&p->house->loop);

	if (p->census && now - p->census < CENSUS_MS)
		return false;
	p->census = now;
	return true;
}

bool answer_census(struct peer_link *l, const struct msg_census *m)
{
	struct census c = {l->house, l->peer, m->heard, table_new()};
	struct buf keys = {0};
	bool good = all_owned(l->peer->incarnation, m->conns);

	if (good && !is_due(l->peer)) {
		table_free(&c.alive);
		return true;
	}
	buf_add(&keys, m->conns.raw, m->conns.n * 8);
	for (size_t i = 0; good && i < m->conns.n; i++) {
		struct str key = str_at(keys.p + 8 * i, 8);

		good = table_put(c.alive, key, keys.p) || table_get(c.alive, key);
	}
	if (good)
		session_each(l->house->sessions, judge_session, &c);
	table_free(&c.alive);
	buf_free(&keys);
	return good;
}

/* report */

static void set_queued(struct peer *p, uint64_t conn, uint64_t bytes)
{
	struct session *s = session_by_conn(p->house->sessions, conn);

	if (s && s->peer == p)
		s->queued = bytes;
}

static void note_queues(struct peer *p, struct u64_list queues)
{
	struct u64_list before = {(const uint8_t *)p->reported.p, p->reported.n / 8};

	for (size_t i = 0; i < before.n; i++)
		set_queued(p, list_at(before, i), 0);
	buf_clear(&p->reported);
	for (size_t i = 0; i + 1 < queues.n; i += 2) {
		uint64_t conn = list_at(queues, i);

		set_queued(p, conn, list_at(queues, i + 1));
		buf_add(&p->reported, &conn, sizeof conn);
	}
}

bool answer_report(struct peer_link *l, const struct msg_report *m)
{
	struct peer *p = l->peer;

	p->connections = m->connections;
	p->negotiating = m->negotiating;
	p->queued = m->queued;
	p->reports++;
	p->house->arrivals_due = true;
	l->leaving = m->leaving != 0;
	for (size_t i = 0; i + 1 < m->counters.n; i += 2) {
		uint64_t code = list_at(m->counters, i);

		if (code < EVENT_TOP)
			p->counters[code] = list_at(m->counters, i + 1);
	}
	note_queues(p, m->queues);
	return true;
}

bool answer_traced(struct peer_link *l, const struct msg_traced *m)
{
	trace_take(l->house, l->peer->slot, m);
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tables of live sessions. Only the functions here put a session in or take it out, so the
 * tables agree. */
#include "sm/session.h"

#include "common/condition.h"
#include "common/log.h"
#include "common/rand.h"
#include "sm/arrival.h"
#include "sm/block.h"
#include "sm/bound.h"
#include "sm/peer.h"
#include "sm/pipeline.h"
#include "sm/roster.h"
#include "sm/token.h"
#include "sm/turn.h"
#include "sm/verify.h"

#include <string.h>
#include <time.h>

#define EPOCH_MS UINT64_C(1577836800000) /* 2020-01-01 */
#define RANDOM_BITS 22
#define PLACES_LEAST 64

struct place {
	struct session *session; /* NULL: it is free */
	size_t next_free;
};

struct sessions {
	struct table *by_sid, *by_conn, *by_jid, *accounts;
	struct session *changed;
	uint64_t last_sid;
	struct place *places;
	size_t places_n, places_room, first_free; /* places_n: none is free */
};

struct sessions *sessions_new(void)
{
	struct sessions *t = mem_new(sizeof *t);

	t->by_sid = table_new();
	t->by_conn = table_new();
	t->by_jid = table_new();
	t->accounts = table_new();
	return t;
}

struct session *session_by_sid(const struct sessions *t, uint64_t sid)
{
	return table_get(t->by_sid, KEY(sid));
}

struct session *session_by_conn(const struct sessions *t, uint64_t conn)
{
	return table_get(t->by_conn, KEY(conn));
}

struct session *session_by_jid(const struct sessions *t, struct str full)
{
	return table_get(t->by_jid, full);
}

struct account *account_by_jid(const struct sessions *t, struct str bare)
{
	return table_get(t->accounts, bare);
}

size_t session_count(const struct sessions *t)
{
	return table_count(t->by_sid);
}

void session_each(struct sessions *t, void (*visit)(void *ctx, void *session), void *ctx)
{
	table_each(t->by_sid, visit, ctx);
}

/* places */

size_t session_places(const struct sessions *t)
{
	return t->places_n;
}

struct session *session_at(const struct sessions *t, size_t place)
{
	return place < t->places_n ? t->places[place].session : NULL;
}

/* A free place is the first one. False: no memory. */
static bool place_ready(struct sessions *t)
{
	size_t room = t->places_room ? t->places_room * 2 : PLACES_LEAST;
	struct place *more;

	if (t->first_free < t->places_n || t->places_n < t->places_room)
		return true;
	more = mem_resize(t->places, room * sizeof *more);
	if (!more)
		return false;
	t->places = more;
	t->places_room = room;
	return true;
}

static void place_take(struct sessions *t, struct session *s)
{
	s->place = t->first_free;
	if (s->place == t->places_n)
		t->first_free = ++t->places_n;
	else
		t->first_free = t->places[s->place].next_free;
	t->places[s->place].session = s;
}

/* The end of the list of free places is whatever the number of places is then. */
static void place_free(struct sessions *t, const struct session *s)
{
	t->places[s->place] = (struct place){NULL, t->first_free};
	t->first_free = s->place;
}

uint64_t session_new_sid(struct sessions *t)
{
	struct timespec now;
	uint64_t ms, sid;

	clock_gettime(CLOCK_REALTIME, &now);
	ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	sid = (ms > EPOCH_MS ? ms - EPOCH_MS : 0) << RANDOM_BITS | rand_u64() >> (64 - RANDOM_BITS);
	if (sid <= t->last_sid) /* the same millisecond, or a clock that was set back */
		sid = t->last_sid + 1;
	t->last_sid = sid;
	return sid;
}

void session_seen(struct sessions *t, uint64_t sid)
{
	if (sid > t->last_sid)
		t->last_sid = sid;
}

bool session_is_shown(const struct session *s)
{
	return s->row.available && s->row.priority >= 0;
}

/* accounts: there as long as they have a session */

static struct account *account_make(struct sessions *t, struct str bare)
{
	struct account *a = account_by_jid(t, bare);
	char *text;

	if (a)
		return a;
	a = mem_new(sizeof *a + bare.n);
	text = (char *)(a + 1);
	memcpy(text, bare.p, bare.n);
	a->jid = str_at(text, bare.n);
	if (table_put(t->accounts, a->jid, a))
		return a;
	mem_free(a);
	return NULL;
}

static void account_settle(struct sessions *t, struct account *a)
{
	if (a->count || a->holds)
		return;
	table_remove(t->accounts, a->jid);
	roster_free(&a->roster);
	mem_free(a);
}

struct account *account_hold(struct sessions *t, struct str bare)
{
	struct account *a = account_by_jid(t, bare);

	if (a)
		a->holds++;
	return a;
}

void account_drop(struct sessions *t, struct account *a)
{
	if (!a)
		return;
	a->holds--;
	account_settle(t, a);
}

/* By sid, not by arrival: after a recovery they come in any order. */
static void account_link(struct account *a, struct session *s)
{
	struct session *before = a->newest;

	while (before && before->row.sid > s->row.sid)
		before = before->previous;
	s->previous = before;
	s->next = before ? before->next : a->oldest;
	*(s->previous ? &s->previous->next : &a->oldest) = s;
	*(s->next ? &s->next->previous : &a->newest) = s;
	s->account = a;
	a->count++;
	a->carbons += session_has_carbons(s);
}

static void account_unlink(struct sessions *t, struct session *s)
{
	struct account *a = s->account;

	*(s->previous ? &s->previous->next : &a->oldest) = s->next;
	*(s->next ? &s->next->previous : &a->newest) = s->previous;
	a->count--;
	a->carbons -= session_has_carbons(s);
	account_settle(t, a);
}

/* one session */

static struct str take_string(char **to, struct str from)
{
	struct str copy = str_at(*to, from.n);

	if (from.n)
		memcpy(*to, from.p, from.n);
	*to += from.n;
	return copy;
}

static bool copy_row(struct session *s, const struct session_row *r)
{
	char *at = mem_new(r->jid.n + r->address.n + r->tls.n + r->cipher.n + r->mechanism.n + 1);

	s->strings = at;
	s->row = *r;
	s->row.jid = take_string(&at, r->jid);
	s->row.address = take_string(&at, r->address);
	s->row.tls = take_string(&at, r->tls);
	s->row.cipher = take_string(&at, r->cipher);
	s->row.mechanism = take_string(&at, r->mechanism);
	session_presence_set(s, r->presence);
	session_directed_set(s, r->directed);
	return jid_split(s->row.jid, &s->jid) && jid_is_full(s->jid);
}

static void session_free(struct session *s)
{
	arrival_end(s);
	buf_free(&s->presence);
	buf_free(&s->directed);
	mem_free(s->strings);
	mem_free(s);
}

static void tables_forget(struct sessions *t, struct session *s)
{
	if (session_by_sid(t, s->row.sid) == s)
		table_remove(t->by_sid, KEY(s->row.sid));
	if (session_by_conn(t, s->row.conn) == s)
		table_remove(t->by_conn, KEY(s->row.conn));
	if (session_by_jid(t, s->row.jid) == s)
		table_remove(t->by_jid, s->row.jid);
}

struct session *session_add(struct sessions *t, const struct session_row *row, struct peer *peer)
{
	struct session *s = mem_new(sizeof *s);
	struct account *a = copy_row(s, row) ? account_make(t, jid_bare(s->jid)) : NULL;

	if (!a) {
		session_free(s);
		return NULL;
	}
	if (!place_ready(t) || !table_put(t->by_sid, KEY(s->row.sid), s) ||
		!table_put(t->by_conn, KEY(s->row.conn), s) ||
		!table_put(t->by_jid, s->row.jid, s)) {
		tables_forget(t, s);
		account_settle(t, a);
		session_free(s);
		return NULL;
	}
	s->peer = peer;
	place_take(t, s);
	account_link(a, s);
	session_seen(t, row->sid);
	return s;
}

static void changed_forget(struct sessions *t, struct session *s)
{
	struct session **at = &t->changed;

	if (!s->changed)
		return;
	while (*at != s)
		at = &(*at)->next_changed;
	*at = s->next_changed;
}

void session_forget(struct sessions *t, struct session *s)
{
	changed_forget(t, s);
	tables_forget(t, s);
	place_free(t, s);
	account_unlink(t, s);
	session_free(s);
}

static void drop_visited(void *ctx, void *session)
{
	session_forget(ctx, session);
}

void sessions_free(struct sessions **t)
{
	if (!*t)
		return;
	table_each((*t)->by_sid, drop_visited, *t);
	table_free(&(*t)->by_sid);
	table_free(&(*t)->by_conn);
	table_free(&(*t)->by_jid);
	table_free(&(*t)->accounts);
	mem_free((*t)->places);
	mem_free(*t);
	*t = NULL;
}

static struct str set_buf(struct buf *b, struct str value)
{
	if (value.p == b->p && value.n == b->n)
		return buf_str(b);
	buf_clear(b);
	buf_put(b, value);
	buf_trim(b);
	return buf_str(b);
}

void session_presence_set(struct session *s, struct str presence)
{
	s->row.presence = set_buf(&s->presence, presence);
}

void session_directed_set(struct session *s, struct str directed)
{
	s->row.directed = set_buf(&s->directed, directed);
}

void session_carbons_set(struct house *h, struct session *s, bool on)
{
	if (session_has_carbons(s) == on)
		return;
	s->row.flags ^= PROTO_FLAG_CARBONS;
	s->account->carbons += on ? 1U : -1U;
	session_changed(h, s);
}

void session_changed(struct house *h, struct session *s)
{
	struct sessions *t = h->sessions;

	if (s->changed)
		return;
	s->changed = true;
	s->next_changed = t->changed;
	t->changed = s;
}

struct session *session_take_changed(struct sessions *t)
{
	struct session *s = t->changed;

	if (!s)
		return NULL;
	t->changed = s->next_changed;
	s->next_changed = NULL;
	s->changed = false;
	return s;
}

/* ends */

void session_end(struct house *h, struct session *s, const char *why)
{
	log_event(session_end, LOG_HEX("sid", s->row.sid), LOG_HEX("conn", s->row.conn),
		LOG_STR("jid", s->row.jid), LOG_TEXT("why", why));
	pipeline_session_ended(h, s);
	turn_session_removed(h, s);
	session_forget(h->sessions, s);
}

/* The worker waits for our word before it takes leave of the client: what its last stanzas have
 * made stands before it. */
void session_part(struct house *h, struct session *s)
{
	struct peer *p = s->peer;
	uint64_t conn = s->row.conn;

	if (s->held) {
		s->row.flags |= SESSION_PARTING;
		session_changed(h, s);
		return;
	}
	s->kicked = true;
	session_end(h, s, "goodbye");
	peer_end_conn(p, conn, COND_none);
	house_touch(h);
}

void session_kick(struct house *h, struct session *s, int why, struct str text)
{
	struct message m = {.code = MSG_end};

	m.as.end = (struct msg_end){.conn = s->row.conn, .cond = (uint8_t)why, .text = text};
	peer_send(s->peer, &m);
	s->kicked = true;
	session_end(h, s, why ? (const char *)cond_element((enum cond)why).p : "closed");
	house_touch(h);
}

unsigned account_kick(struct house *h, struct str bare, int why, struct str text)
{
	struct account *a;
	unsigned n = 0;

	bound_remove_account(h, bare);
	/* the account goes with its last session: ask again each time */
	while ((a = account_by_jid(h->sessions, bare)) != NULL && a->oldest) {
		session_kick(h, a->oldest, why, text);
		n++;
	}
	return n;
}

void account_revoke(struct house *h, struct str bare)
{
	if (h->verify)
		verify_revoke(h->verify, bare);
	bound_remove_account(h, bare);
	tokens_revoke(h, bare);
	house_touch(h);
}

unsigned account_removed(struct house *h, struct str bare)
{
	account_revoke(h, bare);
	blocks_forget(h, bare);
	if (h->stopping)
		return 0;
	return account_kick(h, bare, STREAM_not_authorized, STR("this account was removed"));
}

struct end_of_peer {
	struct house *house;
	const struct peer *peer;
	const char *why;
};

static void end_if_of_peer(void *ctx, void *session)
{
	const struct end_of_peer *e = ctx;
	struct session *s = session;

	if (s->peer == e->peer)
		session_end(e->house, s, e->why);
}

void sessions_end_of_peer(struct house *h, const struct peer *p, const char *why)
{
	struct end_of_peer e = {h, p, why};

	session_each(h->sessions, end_if_of_peer, &e);
}

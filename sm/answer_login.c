/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Logging in: SASL questions go to verify, whose answers come back later; a proven account is bound
 * to its connection; and a connection that is bound may become a session. Questions may be
 * repeated: they are answered again. */
#include "common/rand.h"
#include "sm/answer.h"
#include "sm/bound.h"
#include "sm/completion.h"
#include "sm/conflict.h"
#include "sm/opening.h"
#include "sm/peer.h"
#include "sm/session.h"
#include "sm/token.h"
#include "sm/upgrade_task.h"

#include <time.h>

#define MADE_BYTES 8       /* randomness of a resource that we make; hex doubles it */
#define FOR_PEOPLE_MOST 64 /* bytes of address, cipher and so on: they are only looked at */

bool answer_sasl_start(struct peer_link *l, const struct msg_sasl_start *m)
{
	verify_start(l->house->verify, m);
	return true;
}

bool answer_sasl_prove(struct peer_link *l, const struct msg_sasl_prove *m)
{
	verify_prove(l->house->verify, m);
	l->secret = true;
	return true;
}

bool answer_want_token(struct peer_link *l, const struct msg_want_token *m)
{
	token_make(l->house, m);
	return true;
}

bool answer_want_upgrade(struct peer_link *l, const struct msg_want_upgrade *m)
{
	l->secret = true;
	upgrade_make(l->house, m);
	return true;
}

/* what verify answers */

static struct peer *peer_of(struct house *h, uint64_t conn)
{
	struct peer *p = peer_by_incarnation(h, (uint32_t)(conn >> 32));

	return p && !p->over ? p : NULL; /* it may have died while the question was open */
}

static void on_salt(void *ctx, const struct msg_sasl_salt *answer)
{
	struct house *h = ctx;
	struct peer *p = peer_of(h, answer->conn);
	struct message m = {.code = MSG_sasl_salt, .as.sasl_salt = *answer};

	if (p)
		peer_send(p, &m);
	house_touch(h);
}

static struct jid bare_of(struct jid j)
{
	j.text = jid_bare(j);
	j.resource_n = 0;
	return j;
}

static void on_verdict(void *ctx, const struct msg_sasl_verdict *answer)
{
	struct house *h = ctx;
	struct peer *p = peer_of(h, answer->conn);
	struct message m = {.code = MSG_sasl_verdict, .as.sasl_verdict = *answer};

	/* A repeated question may be answered when the connection has its session by the first
	 * answer. */
	if (!p || session_by_conn(h->sessions, answer->conn))
		return;
	m.as.sasl_verdict.who = bare_of(answer->who);
	if (answer->cond == COND_none && !bound_put(h, answer->conn, answer->who.text))
		m.as.sasl_verdict = (struct msg_sasl_verdict){.conn = answer->conn,
			.attempt = answer->attempt,
			.cond = SASL_temporary_auth_failure};
	if (!m.as.sasl_verdict.cond && (answer->flags & PROTO_VERDICT_PASSWORD))
		bound_by_password(h, answer->conn);
	peer_send(p, &m);
	house_touch(h);
}

static void on_credentials(void *ctx, struct str account, const struct verifier *proved,
	struct str list)
{
	completion_start(ctx, account, proved, list);
}

struct verify_out answer_verify_out(struct house *h)
{
	return (struct verify_out){
		.salt = on_salt, .verdict = on_verdict, .credentials = on_credentials, .ctx = h};
}

/* a session */

static void refuse(struct peer *p, uint64_t conn, enum cond why)
{
	struct message m = {.code = MSG_refused};

	m.as.refused = (struct msg_refused){.conn = conn, .cond = (uint8_t)why};
	peer_send(p, &m);
}

static void say_opened(const struct session *s)
{
	struct message m = {.code = MSG_opened};

	m.as.opened = (struct msg_opened){.conn = s->row.conn, .sid = s->row.sid, .who = s->jid};
	peer_send(s->peer, &m);
}

/* What a connection asks for. */
struct wish {
	const struct msg_open_session *m;
	struct jid who;
	uint64_t client;       /* client_number.h; 0: unknown */
	struct session *rival; /* that is in the way; NULL: none */
	bool own;              /* it is the same client's */
	unsigned same;         /* more of that client's */
};

static bool is_bind2(const struct wish *w)
{
	return w->m->flags & PROTO_FLAG_BIND2;
}

/* XEP-0386 3.2.1: tag/made, where the same client always gets the same. */
static void put_bind2_resource(struct buf *raw, const struct wish *w)
{
	char hex[2 * MADE_BYTES + 1];

	if (w->m->tag.n) {
		buf_put(raw, w->m->tag);
		buf_putc(raw, '/');
	}
	if (w->client) {
		client_number_put(raw, w->client);
	} else {
		rand_hex(hex, MADE_BYTES);
		buf_puts(raw, hex);
	}
}

/* account/resource, prepared here too: the worker's word for it is not enough. */
static bool wanted_name(struct wish *w, struct str account, struct buf *raw, struct buf *prepared)
{
	buf_put(raw, account);
	if (is_bind2(w)) {
		buf_putc(raw, '/');
		put_bind2_resource(raw, w);
	} else if (w->m->resource.n) {
		buf_putc(raw, '/');
		buf_put(raw, w->m->resource);
	}
	return jid_parse(buf_str(raw), prepared, &w->who);
}

static bool is_own(const struct wish *w, const struct session *s)
{
	return is_bind2(w) && w->client && s->row.client == w->client;
}

static void find_rivals(const struct house *h, struct wish *w)
{
	const struct account *a = account_by_jid(h->sessions, jid_bare(w->who));

	w->rival = session_by_jid(h->sessions, w->who.text);
	for (struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (!is_own(w, s))
			continue;
		if (!w->rival)
			w->rival = s;
		w->own = w->own || s == w->rival;
		w->same += s != w->rival;
	}
}

/* A full JID that nobody has. */
static struct jid made_name(const struct house *h, struct jid account, struct buf *store)
{
	char hex[2 * MADE_BYTES + 1];
	struct jid j;

	do {
		buf_clear(store);
		rand_hex(hex, MADE_BYTES);
		j = jid_join(store, jid_local(account), jid_domain(account), str_of(hex));
	} while (session_by_jid(h->sessions, j.text));
	return j;
}

static struct conflict_ruling rule(const struct house *h, const struct wish *w)
{
	const struct session *rival = w->rival;
	struct conflict_case c = {.domain = conf_domain(h->conf, jid_domain(w->who)),
		.now = uv_now(&h->loop),
		.own = w->own,
		.fixed = w->m->flags & PROTO_FLAG_IQ_AUTH,
		.same = w->same};
	const struct account *a = account_by_jid(h->sessions, jid_bare(w->who));

	c.sessions = a ? a->count : 0;
	c.taken = rival != NULL;
	c.swaps = rival ? rival->swaps : 0;
	c.swap_since = rival ? rival->swap_since : 0;
	return conflict_rule(&c);
}

/* For people to look at; a worker that was taken over shall not write on their terminals. */
static struct str for_people(struct str s)
{
	s = str_head(s, FOR_PEOPLE_MOST);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < ' ' || s.p[i] > '~')
			return STR("?");
	}
	return s;
}

static struct session *make_session(struct peer *p, const struct wish *w, struct jid who)
{
	const struct msg_open_session *m = w->m;
	struct house *h = p->house;
	struct session_row row = {
		.sid = session_new_sid(h->sessions),
		.conn = m->conn,
		.jid = who.text,
		.since = (int64_t)time(NULL),
		.address = for_people(m->address),
		.tls = for_people(m->tls),
		.cipher = for_people(m->cipher),
		.mechanism = for_people(m->mechanism),
		.flags = m->flags &
			(uint8_t) ~(PROTO_FLAG_BIND2 | PROTO_FLAG_IQ_AUTH | SESSION_INTERESTED |
				SESSION_PARTING),
		.client = w->client,
	};
	struct session *s = session_add(h->sessions, &row, p);

	if (!s)
		return NULL;
	if (!s->account->roster)
		s->account->roster = opening_roster(h, s->account->jid);
	s->active = uv_now(&h->loop);
	say_opened(s);
	s->row.opened_seq = p->channel.sent;
	bound_remove(h, m->conn);
	session_changed(h, s);
	log_event(session_open, LOG_HEX("sid", row.sid), LOG_HEX("conn", row.conn),
		LOG_STR("jid", s->jid.text), LOG_STR("ip", s->row.address));
	return s;
}

/* The rival's loop count goes on with the one that replaces it. */
static void replace(struct house *h, struct session *rival, uint64_t *since, unsigned *swaps)
{
	uint64_t now = uv_now(&h->loop);
	bool fresh = rival->swaps == 0 || now - rival->swap_since >= CONFLICT_SWAP_MS;

	*since = fresh ? now : rival->swap_since;
	*swaps = fresh ? 1 : rival->swaps + 1;
	log_event(conflict, LOG_STR("jid", rival->jid.text), LOG_HEX("conn", rival->row.conn),
		LOG_U64("swaps", *swaps));
	session_kick(h, rival, STREAM_conflict, STR("Replaced by new connection"));
}

static void evict(struct house *h, struct str account, unsigned n)
{
	struct account *a;

	log_event(session_limit, LOG_STR("user", account), LOG_U64("ended", n));
	while (n-- && (a = account_by_jid(h->sessions, account)) != NULL && a->oldest)
		session_kick(h, a->oldest, STREAM_conflict,
			STR("Too many sessions of this account"));
}

/* XEP-0386 3.2: what else the client that has come back had open. */
static void end_same(struct house *h, const struct wish *w)
{
	const struct account *a = account_by_jid(h->sessions, jid_bare(w->who));
	struct session *s = a ? a->oldest : NULL;

	for (unsigned left = w->same; s && left;) {
		struct session *next = s->next;

		if (is_own(w, s)) {
			left--;
			session_kick(h, s, STREAM_conflict, STR("Replaced by new connection"));
		}
		s = left ? next : NULL;
	}
}

/* Carries out a ruling. What ends is announced before the new session is there; the account stays,
 * and with it what is loaded of it. */
static void open_as(struct peer *p, const struct wish *w, const struct conflict_ruling *r)
{
	struct house *h = p->house;
	struct account *account = account_hold(h->sessions, jid_bare(w->who));
	struct jid who = w->who;
	struct session *s;
	struct buf made = {0};
	uint64_t since = 0;
	unsigned swaps = 0;

	if (r->replace)
		replace(h, w->rival, &since, &swaps);
	if (!r->damped)
		end_same(h, w);
	if (r->evict)
		evict(h, jid_bare(who), r->evict);
	if (r->damped)
		log_event(conflict_damped, LOG_STR("jid", who.text), LOG_HEX("conn", w->m->conn));
	if (r->rename || !jid_is_full(who))
		who = made_name(h, who, &made);
	s = make_session(p, w, who);
	account_drop(h->sessions, account);
	buf_free(&made);
	if (!s) {
		refuse(p, w->m->conn, STANZA_resource_constraint);
		return;
	}
	s->swap_since = since;
	s->swaps = swaps;
}

static void open_bound(struct peer *p, struct wish *w)
{
	struct house *h = p->house;
	struct conflict_ruling r;

	if (!conf_domain(h->conf, jid_domain(w->who)) || jid_local(w->who).n == 0) {
		refuse(p, w->m->conn, STANZA_not_authorized);
		return;
	}
	find_rivals(h, w);
	r = rule(h, w);
	if (r.refuse == COND_none) {
		open_as(p, w, &r);
		return;
	}
	if (r.refuse == STANZA_resource_constraint)
		log_event(session_limit, LOG_STR("user", jid_bare(w->who)),
			LOG_HEX("refused", w->m->conn));
	refuse(p, w->m->conn, r.refuse);
}

static bool is_full(struct str jid)
{
	struct jid j;

	return jid_split(jid, &j) && jid_is_full(j);
}

/* Its name is made already, and no client ever comes back to it. */
static struct msg_open_session name_taken(const struct msg_open_session *m)
{
	struct msg_open_session own = *m;

	own.resource = own.client = own.tag = STR_NONE;
	own.flags &= (uint8_t)~PROTO_FLAG_BIND2;
	own.flags |= PROTO_FLAG_ANONYMOUS;
	return own;
}

void open_refuse(struct peer *p, uint64_t conn, enum cond why)
{
	refuse(p, conn, why);
}

void open_session(struct peer *p, const struct msg_open_session *m)
{
	struct house *h = p->house;
	struct session *open = session_by_conn(h->sessions, m->conn);
	struct str account = bound_account(h, m->conn);
	struct buf raw = {0}, prepared = {0};
	struct msg_open_session own = *m;
	struct wish w = {.m = &own};

	if (open) { /* asked again: the same answer */
		say_opened(open);
		return;
	}
	if (account.n == 0) {
		refuse(p, m->conn, STANZA_not_authorized);
		return;
	}
	own.flags &= (uint8_t)~PROTO_FLAG_ANONYMOUS;
	if (is_full(account)) /* bound to that name alone: nobody's (proof_nobody.c) */
		own = name_taken(m);
	else if (opening_holds(p, account, m))
		return;
	w.client = client_number(h->client_secret, account, own.client);
	if (wanted_name(&w, account, &raw, &prepared))
		open_bound(p, &w);
	else
		refuse(p, m->conn, STANZA_bad_request);
	buf_free(&raw);
	buf_free(&prepared);
}

bool answer_open_session(struct peer_link *l, const struct msg_open_session *m)
{
	open_session(l->peer, m);
	return true;
}

/* A connection that went before it could be told of its session had one all the same. */
bool answer_forget(struct peer_link *l, const struct msg_forget *m)
{
	struct session *s = session_by_conn(l->house->sessions, m->conn);

	bound_remove(l->house, m->conn);
	if (s)
		session_end(l->house, s, "gone before it was told");
	return true;
}

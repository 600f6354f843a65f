/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See errand.h: holding, and the record of it. */
#include "sm/errand_work.h"

#include <string.h>

#include "sm/turn.h"

#define HELD_PART 4         /* what may be held is this part of the turn log, ... */
#define OTHERS_PART 4       /* ... this part of that never one account's alone, ... */
#define OF_ASKED_PART 8     /* ... and what one asks of the store at most this part */
#define OF_SESSION_MOST 500 /* but for what is only to go behind others */

/* Errands of one key: those of one session about one account, which another stanza must not
 * overtake; and those of one sender. */
struct counted {
	unsigned count;
	size_t bytes, asked; /* of the sender: in all, and of what it asks of the store */
	size_t n;
	char key[];
};

static const struct errand_row rows[] = {
#define ERRAND(code, name, once) {ERRAND_##name, ONCE_##once, name##_store, name##_done},
#define LIMIT(name)
#include "sm/errand.def"
#undef ERRAND
#undef LIMIT
};

static const struct errand_row *row_of(uint64_t code)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if ((uint64_t)rows[i].code == code)
			return &rows[i];
	}
	return NULL;
}

/* --- holding, on the loop -------------------------------------------------------------------- */

static struct str ahead_key(struct buf *out, uint64_t sid, struct str account)
{
	buf_u64(out, sid);
	buf_put(out, account);
	return buf_str(out);
}

static struct counted *counted_new(struct table *t, struct str key)
{
	struct counted *c = mem_try(sizeof *c + key.n);

	if (!c)
		return NULL;
	memcpy(c->key, key.p, key.n);
	c->n = key.n;
	if (table_put(t, str_at(c->key, c->n), c))
		return c;
	mem_free(c);
	return NULL;
}

/* NULL: no memory. */
static struct counted *counted_take(struct table *t, struct str key)
{
	struct counted *c = table_get(t, key);

	if (!c)
		c = counted_new(t, key);
	if (c)
		c->count++;
	return c;
}

static void counted_drop(struct table *t, struct counted *c)
{
	if (!c || --c->count)
		return;
	table_remove(t, str_at(c->key, c->n));
	mem_free(c);
}

static struct str bare_of(struct str full)
{
	return str_head(full, str_find(full, '/'));
}

static void count_bytes(struct held *x, bool more)
{
	size_t n = more ? x->bytes : 0 - x->bytes;

	x->sender->bytes += n;
	x->sender->asked += errand_is_asked(x->e.code) ? n : 0;
}

static void drop_counts(struct errands *q, struct held *x)
{
	counted_drop(q->ahead, x->ahead);
	if (x->sender)
		count_bytes(x, false);
	counted_drop(q->senders, x->sender);
	x->ahead = x->sender = NULL;
}

/* Messages to be stored need not be ahead: what is behind them is stored behind them. */
static bool take_counts(struct errands *q, struct held *x)
{
	struct buf key = {0};
	bool asks = x->e.code != ERRAND_message;

	x->sender = counted_take(q->senders, bare_of(x->e.sender));
	if (x->sender)
		count_bytes(x, true);
	if (asks)
		x->ahead = counted_take(q->ahead, ahead_key(&key, x->e.sid, x->e.account));
	buf_free(&key);
	if (x->sender && (x->ahead || !asks))
		return true;
	drop_counts(q, x);
	return false;
}

/* One of each sender always: the least room is that of a few stanzas. */
static bool is_room(const struct house *h, const struct errand *e)
{
	const struct errands *q = h->errands;
	const struct counted *c = table_get(q->senders, bare_of(e->sender));
	size_t room = (size_t)h->conf->turn_log_bytes / HELD_PART, n = e->xml.n;

	if (q->bytes + n > room || (c && c->bytes + n > room - room / OTHERS_PART))
		return false;
	return !c || !c->asked || !errand_is_asked(e->code) || c->asked + n <= room / OF_ASKED_PART;
}

bool errand_precedes(const struct house *h, const struct session *s, struct str account)
{
	struct buf key = {0};
	bool there = s->held &&
		table_get(h->errands->ahead, ahead_key(&key, s->row.sid, account)) != NULL;

	buf_free(&key);
	return there;
}

void held_unlink(struct errands *q, struct held *x)
{
	drop_counts(q, x);
	*(x->previous ? &x->previous->next : &q->first) = x->next;
	*(x->next ? &x->next->previous : &q->last) = x->previous;
	q->bytes -= x->bytes;
}

/* By id: after a recovery they come as the records have them. */
static void link_held(struct errands *q, struct held *x)
{
	struct held *before = q->last;

	while (before && before->e.id > x->e.id)
		before = before->previous;
	x->previous = before;
	x->next = before ? before->next : q->first;
	*(before ? &before->next : &q->first) = x;
	*(x->next ? &x->next->previous : &q->last) = x;
	q->bytes += x->bytes;
}

static struct str keep(char **at, struct str s)
{
	struct str kept = str_at(*at, s.n);

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

/* NULL: no memory. */
static struct held *hold(struct house *h, const struct errand_row *row, const struct errand *e)
{
	size_t bytes = e->account.n + e->sender.n + e->xml.n;
	struct held *x = mem_try(sizeof *x + bytes);
	char *at;

	if (!x)
		return NULL;
	at = x->text;
	x->house = h;
	x->row = row;
	x->bytes = bytes;
	x->e = *e;
	x->e.account = keep(&at, e->account);
	x->e.sender = keep(&at, e->sender);
	x->e.xml = keep(&at, e->xml);
	if (!take_counts(h->errands, x)) {
		mem_free(x);
		return NULL;
	}
	link_held(h->errands, x);
	session_seen(h->sessions, e->id); /* after a restart the clock may be another */
	return x;
}

/* In an item: (of an errand: the sid;) account and sender, each behind its u32 of bytes; the
 * stanza. */
static void put_item(struct buf *out, const struct errand *e)
{
	struct buf body = {0};
	struct turn_item i = {.kind = e->code == ERRAND_message ? TURN_HOLD : TURN_ERRAND,
		.turn = e->code,
		.id = e->id};

	if (i.kind == TURN_ERRAND)
		buf_u64(&body, e->sid);
	buf_u32(&body, (uint32_t)e->account.n);
	buf_put(&body, e->account);
	buf_u32(&body, (uint32_t)e->sender.n);
	buf_put(&body, e->sender);
	buf_put(&body, e->xml);
	i.bytes = buf_str(&body);
	turn_item_put(out, &i);
	buf_free(&body);
}

static bool take_item(const struct turn_item *i, struct errand *e)
{
	struct str bytes = i->bytes;
	uint32_t n;

	*e = (struct errand){.id = i->id, .code = (enum errand_code)i->turn};
	if ((i->kind == TURN_ERRAND && !str_take_u64(&bytes, &e->sid)) ||
		!str_take_u32(&bytes, &n) || !str_take_bytes(&bytes, n, &e->account) ||
		!str_take_u32(&bytes, &n) || !str_take_bytes(&bytes, n, &e->sender))
		return false;
	e->xml = bytes;
	return e->account.n && e->xml.n;
}

struct session *errand_session(const struct house *h, const struct errand *e)
{
	return e->sid ? session_by_sid(h->sessions, e->sid)
		      : session_by_jid(h->sessions, e->sender);
}

/* Messages and what goes behind an errand: as many as there is room for. */
bool errand_is_asked(enum errand_code code)
{
	return code != ERRAND_message && code != ERRAND_stanza;
}

static void count_at_session(struct house *h, struct held *x)
{
	struct session *s = errand_session(h, &x->e);

	if (!s)
		return;
	x->sid = s->row.sid;
	s->held++;
	s->errands += errand_is_asked(x->e.code);
}

bool errand_hold(struct house *h, const struct errand *e)
{
	struct errands *q = h->errands;
	struct held *x = is_room(h, e) ? hold(h, row_of(e->code), e) : NULL;

	if (!x)
		return false;
	if (!q->fresh)
		q->fresh = x;
	count_at_session(h, x);
	put_item(turn_items(h), &x->e);
	return true;
}

/* As its receiver is to have it, but for an id that it may be given when it is delivered. */
static struct str stamped(const struct traffic *t)
{
	struct buf *out = traffic_scratch(t);

	stanza_stamp(out, t->stanza, t->from->jid.text,
		t->addressed ? t->to.text : jid_bare(t->from->jid));
	return buf_str(out);
}

static bool put_as(const struct traffic *t, enum errand_code code, struct str xml)
{
	struct house *h = t->house;
	struct errand e = {.code = code,
		.id = mailbox_new_id(h),
		.sid = t->from->row.sid,
		.account = jid_bare(t->addressed ? t->to : t->from->jid),
		.sender = t->from->jid.text,
		.xml = xml};

	return (!errand_is_asked(code) || t->from->errands < OF_SESSION_MOST) && errand_hold(h, &e);
}

bool errand_put(const struct traffic *t, enum errand_code code)
{
	return put_as(t, code, stamped(t));
}

enum cond errand_ask_as(const struct traffic *t, enum errand_code code, struct str xml)
{
	return put_as(t, code, xml) ? COND_later : STANZA_resource_constraint;
}

enum cond errand_ask(const struct traffic *t, enum errand_code code)
{
	return errand_ask_as(t, code, stamped(t));
}

void errands_each(const struct house *h, bool (*each)(void *ctx, const struct errand *e), void *ctx)
{
	for (const struct held *x = h->errands->first; x; x = x->next) {
		if (!each(ctx, &x->e))
			return;
	}
}

/* --- the record ------------------------------------------------------------------------------ */

void errands_snapshot(const struct house *h, struct buf *out)
{
	for (const struct held *x = h->errands->first; x; x = x->next)
		put_item(out, &x->e);
}

/* One that is freed is near the front, and one that is held new belongs at the end: neither is
 * looked for among the others. */
static struct held *held_from_front(const struct errands *q, uint64_t id)
{
	struct held *x = q->first;

	while (x && x->e.id < id)
		x = x->next;
	return x && x->e.id == id ? x : NULL;
}

static bool is_held(const struct errands *q, uint64_t id)
{
	const struct held *x = q->last;

	while (x && x->e.id > id)
		x = x->previous;
	return x && x->e.id == id;
}

static void recover_free(struct errands *q, uint64_t id)
{
	struct held *x = held_from_front(q, id);

	if (!x)
		return;
	held_unlink(q, x);
	mem_free(x);
}

void errand_recover(struct house *h, const struct turn_item *i)
{
	struct errand e;
	struct held *x = NULL;

	if (i->kind == TURN_FREE)
		recover_free(h->errands, i->id);
	else if (row_of(i->turn) && !is_held(h->errands, i->id) && take_item(i, &e))
		x = hold(h, row_of(e.code), &e);
	if (x)
		x->again = true;
}

void errands_resume(struct house *h)
{
	struct errands *q = h->errands;

	q->fresh = q->first;
	for (struct held *x = q->first; x; x = x->next)
		count_at_session(h, x);
	q->resumed = true;
	if (q->first)
		house_touch(h);
}

void held_free(struct errands *q, struct held *x)
{
	atomic_fetch_sub(&q->results, x->room);
	buf_free(&x->result);
	mem_free(x);
}

/* --- life ------------------------------------------------------------------------------------ */

struct errands *errands_new(void)
{
	struct errands *e = mem_new(sizeof *e);

	e->ahead = table_new();
	e->senders = table_new();
	queue_start(&e->paced);
	return e;
}

void errands_free(struct errands **e)
{
	struct errands *old = *e;

	if (!old)
		return;
	for (struct held *x = old->first, *next; x; x = next) {
		next = x->next;
		drop_counts(old, x);
		held_free(old, x);
	}
	table_free(&old->ahead);
	table_free(&old->senders);
	mem_free(old);
	*e = NULL;
}

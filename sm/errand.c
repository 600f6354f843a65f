/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See errand.h: holding, running on the writer's thread, letting go, and the record of it. */
#include "sm/errand.h"

#include <stdatomic.h>
#include <string.h>

#include "common/log.h"
#include "sm/module.h"
#include "sm/store_errand.h"
#include "sm/surplus.h"
#include "sm/turn.h"

#define HELD_PART 4         /* what may be held is this part of the turn log, ... */
#define RESULTS_PART 4      /* ... and what came of them and waits for the loop this one */
#define OF_SESSION_MOST 500 /* messages apart */

enum once { ONCE_self, ONCE_row };

static const struct row {
	enum errand_code code;
	enum once once;
	enum db_result (*store)(struct db *d, const struct errand *e, struct buf *result);
	void (*done)(struct house *h, const struct errand *e, enum db_result r, struct str result);
} rows[] = {
#define ERRAND(code, name, once) {ERRAND_##name, ONCE_##once, name##_store, name##_done},
#define LIMIT(name)
#include "sm/errand.def"
#undef ERRAND
#undef LIMIT
};

struct held {
	struct job job;
	struct house *house;
	struct held *next, *previous; /* by id */
	const struct row *row;
	struct errand e;
	bool again;     /* the record had it: it may have been run before */
	uint64_t below; /* no errand before this id is held any more, and the record says so */
	struct buf result;
	size_t room; /* of q->results, taken for it */
	bool no_room;
	size_t bytes; /* of text */
	char text[];
};

struct errands {
	struct held *first, *last;
	struct held *fresh;     /* from here on they are for the writer, once the record has them */
	size_t bytes;           /* held */
	_Atomic size_t results; /* bytes */
	size_t results_most;
	bool resumed; /* those who said goodbye before a crash are to be looked after */
};

static const struct row *row_of(uint64_t code)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if ((uint64_t)rows[i].code == code)
			return &rows[i];
	}
	return NULL;
}

/* --- holding, on the loop -------------------------------------------------------------------- */

static void unlink_held(struct errands *q, struct held *x)
{
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
static struct held *hold(struct house *h, const struct row *row, const struct errand *e)
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

static void count_sender(struct house *h, const struct errand *e)
{
	struct session *s = errand_session(h, e);

	if (s)
		s->held++;
	if (s && e->code != ERRAND_message)
		s->errands++;
}

bool errand_hold(struct house *h, const struct errand *e)
{
	struct errands *q = h->errands;
	struct held *x = NULL;

	if (q->bytes + e->xml.n <= (size_t)h->conf->turn_log_bytes / HELD_PART)
		x = hold(h, row_of(e->code), e);
	if (!x)
		return false;
	if (!q->fresh)
		q->fresh = x;
	count_sender(h, &x->e);
	put_item(turn_items(h), &x->e);
	return true;
}

bool errand_put(const struct traffic *t, enum errand_code code)
{
	struct house *h = t->house;
	struct errand e = {.code = code,
		.id = mailbox_new_id(h),
		.sid = t->from->row.sid,
		.account = jid_bare(t->addressed ? t->to : t->from->jid),
		.sender = t->from->jid.text};

	if (t->from->errands >= OF_SESSION_MOST)
		return false;
	e.xml = traffic_stamped(t);
	return errand_hold(h, &e);
}

enum cond errand_ask(const struct traffic *t, enum errand_code code)
{
	return errand_put(t, code) ? COND_later : STANZA_resource_constraint;
}

void errands_each(const struct house *h, bool (*each)(void *ctx, const struct errand *e), void *ctx)
{
	for (const struct held *x = h->errands->first; x; x = x->next) {
		if (!each(ctx, &x->e))
			return;
	}
}

/* --- running, on the writer's thread --------------------------------------------------------- */

/* That it has been done, and with which result. What the record has let go is forgotten by the
 * way. */
static enum db_result remember(struct db *d, const struct held *x)
{
	enum db_result r = store_errand_put(d, x->e.id, buf_str(&x->result));

	return r == DB_OK ? store_errand_forget(d, x->below) : r;
}

/* What was only read and is too much to wait for the loop is not kept. */
static void take_room(struct held *x, bool changed)
{
	struct errands *q = x->house->errands;

	x->room = x->result.n;
	if (atomic_fetch_add(&q->results, x->room) + x->room <= q->results_most || changed)
		return;
	x->no_room = true;
	buf_free(&x->result);
}

static enum db_result run_errand(struct job *j, struct db *d)
{
	struct held *x = (struct held *)j;
	bool by_row = x->row->once == ONCE_row, changed = false;
	int64_t before = db_changes_in_all(d);
	enum db_result r = DB_OK;

	if (x->again && by_row)
		r = store_errand_get(d, x->e.id, &x->result, &changed);
	if (r == DB_OK && !changed) {
		r = x->row->store(d, &x->e, &x->result);
		changed = db_changes_in_all(d) != before;
		if (r == DB_OK && changed && by_row)
			r = remember(d, x);
	}
	take_room(x, changed);
	return r;
}

/* --- what comes of it, on the loop ----------------------------------------------------------- */

static void send_to(struct house *h, const struct session *s, struct str xml)
{
	if (!s || xml.n == 0)
		return;
	fan_add(h, s);
	fan_send(h, xml);
}

void errand_answer(struct house *h, const struct errand *e, struct str content)
{
	struct buf out = {0}, id = {0}, from = {0};
	struct emit m = emit_to(&out);
	struct stanza s;

	if (!stanza_view_start(e->xml, &s))
		return;
	stanza_value(&id, s.id.value);
	stanza_value(&from, s.to.value);
	emit_start(&m, "iq");
	emit_attr(&m, "type", STR("result"));
	emit_attr(&m, "id", buf_str(&id));
	emit_attr(&m, "from", buf_str(&from));
	emit_attr(&m, "to", e->sender);
	emit_raw(&m, content);
	emit_end(&m);
	send_to(h, errand_session(h, e), buf_str(&out));
	buf_free(&out);
	buf_free(&id);
	buf_free(&from);
}

void errand_refuse(struct house *h, const struct errand *e, enum cond why, struct str text)
{
	struct buf out = {0}, from = {0};
	struct stanza s;

	if (!stanza_view(e->xml, &s))
		return;
	stanza_value(&from, s.to.value);
	stanza_error(&out, &s, buf_str(&from), e->sender, why, text);
	send_to(h, errand_session(h, e), buf_str(&out));
	buf_free(&out);
	buf_free(&from);
}

bool errand_failed(struct house *h, const struct errand *e, enum db_result r)
{
	if (r == DB_OK)
		return false;
	if (r == DB_CONSTRAINT) /* what it refers to is gone: the account */
		errand_refuse(h, e, STANZA_item_not_found, STR_NONE);
	else if (r == DB_BUSY || r == DB_FULL)
		errand_refuse(h, e, STANZA_resource_constraint,
			STR("The server cannot store this now"));
	else
		errand_refuse(h, e, STANZA_internal_server_error, STR_NONE);
	return true;
}

/* One that said goodbye may go when it has heard of all that it asked. */
static void release_sender(struct house *h, const struct errand *e)
{
	struct session *s = errand_session(h, e);

	if (!s || !s->held) /* another took its name meanwhile */
		return;
	s->held--;
	if (e->code != ERRAND_message)
		s->errands--;
	if (s->row.flags & SESSION_PARTING)
		session_part(h, s);
}

static void free_held(struct errands *q, struct held *x)
{
	atomic_fetch_sub(&q->results, x->room);
	buf_free(&x->result);
	mem_free(x);
}

static void done_errand(struct job *j)
{
	struct held *x = (struct held *)j;
	struct house *h = x->house;
	struct turn_item i = {.kind = TURN_FREE, .id = x->e.id};
	uint64_t before = h->made;
	enum db_result r = x->no_room && j->result == DB_OK ? DB_FULL : j->result;
	struct session *s;

	if (h->stopping) /* the next sm runs it again, or finds it done */
		return;
	fault_point(x->e.code == ERRAND_message ? "mailbox_stored" : "errand_stored");
	unlink_held(h->errands, x);
	turn_item_put(turn_items(h), &i);
	x->row->done(h, &x->e, r, r == DB_OK ? buf_str(&x->result) : STR_NONE);
	s = errand_session(h, &x->e);
	if (s)
		surplus_note(h, s, x->e.xml.n, h->made - before);
	release_sender(h, &x->e);
	free_held(h->errands, x);
	house_touch(h);
}

static void limits_of(const struct house *h, struct errand *e)
{
	struct jid who;
	const struct conf_domain *d = jid_split(e->account, &who)
		? conf_domain(h->conf, jid_domain(who))
		: NULL;

	if (!d)
		return;
#define ERRAND(code, name, once)
#define LIMIT(name) e->most.name = d->name;
#include "sm/errand.def"
#undef ERRAND
#undef LIMIT
}

static void give(struct house *h, struct held *x)
{
	limits_of(h, &x->e);
	x->below = h->errands->first->e.id;
	x->job.run = run_errand;
	x->job.done = done_errand;
	desk_give(h->writer, &x->job);
}

/* What it waited for may have come about just before the crash. */
static void part_if_due(void *ctx, void *session)
{
	struct session *s = session;

	if (s->row.flags & SESSION_PARTING)
		session_part(ctx, s);
}

void errands_turn(struct house *h)
{
	struct errands *q = h->errands;

	q->results_most = (size_t)h->conf->turn_log_bytes / RESULTS_PART;
	for (struct held *x = q->fresh; x; x = x->next)
		give(h, x);
	q->fresh = NULL;
	if (q->resumed)
		session_each(h->sessions, part_if_due, h);
	q->resumed = false;
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
	unlink_held(q, x);
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
	for (const struct held *x = q->first; x; x = x->next)
		count_sender(h, &x->e);
	q->resumed = true;
	if (q->first)
		house_touch(h);
}

/* --- life ------------------------------------------------------------------------------------ */

struct errands *errands_new(void)
{
	return mem_new(sizeof(struct errands));
}

void errands_free(struct errands **e)
{
	struct errands *old = *e;

	if (!old)
		return;
	for (struct held *x = old->first, *next; x; x = next) {
		next = x->next;
		free_held(old, x);
	}
	mem_free(old);
	*e = NULL;
}

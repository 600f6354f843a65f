/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See mailbox.h: holding, storing, and the record of it. */
#include "sm/mailbox_work.h"

#include <string.h>

#include "common/log.h"
#include "sm/store_offline.h"

#define HELD_PART 4 /* what may be held is this part of the turn log */

struct held {
	struct job job;
	struct house *house;
	struct held *next, *previous; /* by id */
	struct mailbox *box;
	uint64_t id;
	struct offline_limit limit;
	enum offline_outcome outcome;
	struct str account, sender, xml;
	size_t bytes; /* of text */
	char text[];
};

/* --- one mailbox ----------------------------------------------------------------------------- */

struct mailbox *box_of(const struct mailboxes *m, struct str account)
{
	return table_get(m->by_account, account);
}

struct mailbox *box_make(struct mailboxes *m, struct str account)
{
	struct mailbox *b = box_of(m, account);

	if (b)
		return b;
	b = mem_try(sizeof *b + account.n);
	if (!b)
		return NULL;
	memcpy(b->text, account.p, account.n);
	b->account = str_at(b->text, account.n);
	if (table_put(m->by_account, b->account, b))
		return b;
	mem_free(b);
	return NULL;
}

/* A mailbox with nothing in it is none. */
void box_settle(struct mailboxes *m, struct mailbox *b)
{
	if (b->pending || b->stored || b->open || b->loading || b->removing)
		return;
	table_remove(m->by_account, b->account);
	buf_free(&b->handed);
	mem_free(b);
}

bool mailbox_is_waiting(const struct house *h, struct str account)
{
	const struct mailbox *b = box_of(h->mailboxes, account);

	return b && (b->stored || b->pending);
}

const struct session *mailbox_reader(const struct house *h, struct str account)
{
	const struct mailbox *b = box_of(h->mailboxes, account);

	return b ? b->reader : NULL;
}

uint64_t mailbox_new_id(struct house *h)
{
	return session_new_sid(h->sessions);
}

/* --- holding, on the loop -------------------------------------------------------------------- */

static void unlink_held(struct mailboxes *m, struct held *x)
{
	*(x->previous ? &x->previous->next : &m->first) = x->next;
	*(x->next ? &x->next->previous : &m->last) = x->previous;
	m->bytes -= x->bytes;
	x->box->pending--;
}

/* By id: after a recovery they come as the records have them. */
static void link_held(struct mailboxes *m, struct held *x)
{
	struct held *before = m->last;

	while (before && before->id > x->id)
		before = before->previous;
	x->previous = before;
	x->next = before ? before->next : m->first;
	*(before ? &before->next : &m->first) = x;
	*(x->next ? &x->next->previous : &m->last) = x;
	m->bytes += x->bytes;
	x->box->pending++;
}

/* In an item: account and sender, each behind its u32 of bytes; the stanza. */
static void encode(struct buf *out, const struct held *x)
{
	buf_u32(out, (uint32_t)x->account.n);
	buf_put(out, x->account);
	buf_u32(out, (uint32_t)x->sender.n);
	buf_put(out, x->sender);
	buf_put(out, x->xml);
}

static bool decode(struct str bytes, struct str *account, struct str *sender, struct str *xml)
{
	uint32_t n;

	if (!str_take_u32(&bytes, &n) || !str_take_bytes(&bytes, n, account) ||
		!str_take_u32(&bytes, &n) || !str_take_bytes(&bytes, n, sender))
		return false;
	*xml = bytes;
	return account->n && xml->n;
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
static struct held *hold(struct house *h, uint64_t id, struct str account, struct str sender,
	struct str xml)
{
	size_t bytes = account.n + sender.n + xml.n;
	struct held *x = mem_try(sizeof *x + bytes);
	struct mailbox *b = x ? box_make(h->mailboxes, account) : NULL;
	char *at;

	if (!b) {
		mem_free(x);
		return NULL;
	}
	at = x->text;
	x->house = h;
	x->box = b;
	x->id = id;
	x->bytes = bytes;
	x->account = keep(&at, account);
	x->sender = keep(&at, sender);
	x->xml = keep(&at, xml);
	link_held(h->mailboxes, x);
	return x;
}

static void put_item(struct buf *out, const struct held *x)
{
	struct buf body = {0};
	struct turn_item i = {.kind = TURN_HOLD, .id = x->id};

	encode(&body, x);
	i.bytes = buf_str(&body);
	turn_item_put(out, &i);
	buf_free(&body);
}

static void count_sender(struct house *h, const struct held *x)
{
	struct session *s = session_by_jid(h->sessions, x->sender);

	if (s)
		s->held++;
}

bool mailbox_put(struct house *h, struct str account, struct str sender, uint64_t id,
	struct str xml)
{
	struct mailboxes *m = h->mailboxes;
	struct held *x = NULL;

	if (m->bytes + xml.n <= (size_t)h->conf->turn_log_bytes / HELD_PART)
		x = hold(h, id, account, sender, xml);
	if (!x)
		return false;
	if (!m->fresh)
		m->fresh = x;
	count_sender(h, x);
	put_item(turn_items(h), x);
	return true;
}

uint64_t box_oldest_held(const struct mailboxes *m, const struct mailbox *b)
{
	for (const struct held *x = m->first; x && b->pending; x = x->next) {
		if (x->box == b)
			return x->id;
	}
	return INT64_MAX;
}

/* --- storing --------------------------------------------------------------------------------- */

static enum db_result run_put(struct job *j, struct db *d)
{
	struct held *x = (struct held *)j;

	return store_offline_put(d, x->account, x->id, x->xml, &x->limit, &x->outcome);
}

/* The error goes to where the message came from; a sender that has gone hears nothing. */
static void tell_sender(const struct held *x, enum cond why, const char *text)
{
	struct buf error = {0}, from = {0};
	struct stanza s;

	if (stanza_view(x->xml, &s)) {
		stanza_value(&from, s.to.value);
		stanza_error(&error, &s, buf_str(&from), x->sender, why, str_of(text));
		fan_send_jid(x->house, x->sender, buf_str(&error));
	}
	buf_free(&error);
	buf_free(&from);
}

static void tell_outcome(const struct held *x)
{
	if (x->job.result != DB_OK)
		tell_sender(x, STANZA_resource_constraint, "The server cannot store messages now");
	else if (x->outcome == OFFLINE_NOBODY)
		tell_sender(x, STANZA_service_unavailable, NULL);
	else if (x->outcome == OFFLINE_FULL)
		tell_sender(x, STANZA_service_unavailable, "Too many messages wait there already");
	else
		x->box->stored = true;
	log_event(offline, LOG_STR("user", x->account),
		LOG_TEXT("what",
			x->job.result != DB_OK                 ? db_result_name(x->job.result)
				: x->outcome == OFFLINE_STORED ? "stored"
				: x->outcome == OFFLINE_FULL   ? "full"
							       : "nobody"));
}

/* One that said goodbye may go when it has heard of all its messages. */
static void release_sender(struct house *h, const struct held *x)
{
	struct session *s = session_by_jid(h->sessions, x->sender);

	if (!s || !s->held) /* another took its name meanwhile */
		return;
	s->held--;
	if (s->row.flags & SESSION_PARTING)
		session_part(h, s);
}

static void done_put(struct job *j)
{
	struct held *x = (struct held *)j;
	struct house *h = x->house;
	struct mailbox *b = x->box;
	struct turn_item i = {.kind = TURN_FREE, .id = x->id};

	if (h->stopping) /* the next sm tries it again, and finds it done */
		return;
	fault_point("mailbox_stored");
	tell_outcome(x);
	b->stores++;
	b->rest = 0;
	turn_item_put(turn_items(h), &i);
	unlink_held(h->mailboxes, x);
	release_sender(h, x);
	mem_free(x);
	box_settle(h->mailboxes, b);
	house_touch(h);
}

static void give(struct house *h, struct held *x)
{
	struct jid who;
	const struct conf_domain *d = jid_split(x->account, &who)
		? conf_domain(h->conf, jid_domain(who))
		: NULL;

	if (d)
		x->limit = (struct offline_limit){d->offline_messages, d->offline_bytes};
	x->job.run = run_put;
	x->job.done = done_put;
	desk_give(h->writer, &x->job);
}

/* What it waited for may have come about just before the crash. */
static void part_if_due(void *ctx, void *session)
{
	struct session *s = session;

	if (s->row.flags & SESSION_PARTING)
		session_part(ctx, s);
}

void mailboxes_turn(struct house *h)
{
	struct mailboxes *m = h->mailboxes;

	for (struct held *x = m->fresh; x; x = x->next)
		give(h, x);
	m->fresh = NULL;
	if (m->resumed)
		session_each(h->sessions, part_if_due, h);
	m->resumed = false;
	hand_turn(h);
}

/* --- the record ------------------------------------------------------------------------------ */

void mailboxes_snapshot(struct house *h, struct buf *out)
{
	const struct mailboxes *m = h->mailboxes;

	for (const struct held *x = m->first; x; x = x->next)
		put_item(out, x);
	hand_snapshot(m, out);
}

/* One that is freed is near the front, and one that is held new belongs at the end: neither is
 * looked for among the others. */
static struct held *held_from_front(const struct mailboxes *m, uint64_t id)
{
	struct held *x = m->first;

	while (x && x->id < id)
		x = x->next;
	return x && x->id == id ? x : NULL;
}

static bool is_held(const struct mailboxes *m, uint64_t id)
{
	const struct held *x = m->last;

	while (x && x->id > id)
		x = x->previous;
	return x && x->id == id;
}

static void recover_free(struct mailboxes *m, uint64_t id)
{
	struct held *x = held_from_front(m, id);
	struct mailbox *b = x ? x->box : NULL;

	if (!x)
		return;
	b->stored = true; /* or refused: reading shows it */
	unlink_held(m, x);
	mem_free(x);
}

void mailbox_recover(struct house *h, const struct turn_item *i)
{
	struct str account, sender, xml;

	if (i->kind == TURN_FREE)
		recover_free(h->mailboxes, i->id);
	else if (i->kind == TURN_HAND)
		hand_recover(h->mailboxes, i);
	else if (!is_held(h->mailboxes, i->id) && decode(i->bytes, &account, &sender, &xml))
		(void)hold(h, i->id, account, sender, xml);
}

void mailboxes_resume(struct house *h)
{
	struct mailboxes *m = h->mailboxes;

	hand_resume(h);
	m->fresh = m->first;
	for (const struct held *x = m->first; x; x = x->next)
		count_sender(h, x);
	m->resumed = true;
	if (m->first || m->open)
		house_touch(h);
}

/* --- life ------------------------------------------------------------------------------------ */

static void note_account(void *ctx, struct str account)
{
	struct mailbox *b = box_make(ctx, account);

	if (b)
		b->stored = true;
}

struct mailboxes *mailboxes_new(void)
{
	struct mailboxes *m = mem_new(sizeof *m);

	m->by_account = table_new();
	return m;
}

bool mailboxes_read(struct mailboxes *m, const char *path, struct buf *why)
{
	struct db *d = db_open(path, DB_READ, why);
	bool good = d && store_offline_accounts(d, note_account, m) == DB_OK;

	if (d && !good)
		buf_printf(why, "%s: %s", path, db_why(d));
	db_close(&d);
	return good;
}

static void free_box(void *ctx, void *box)
{
	struct mailboxes *m = ctx;
	struct mailbox *b = box;

	table_remove(m->by_account, b->account);
	buf_free(&b->handed);
	mem_free(b);
}

void mailboxes_free(struct mailboxes **m)
{
	struct mailboxes *old = *m;

	if (!old)
		return;
	for (struct held *x = old->first, *next; x; x = next) {
		next = x->next;
		mem_free(x);
	}
	table_each(old->by_account, free_box, old);
	table_free(&old->by_account);
	mem_free(old);
	*m = NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See mailbox.h: handing out what is stored, some at a time, to one session of the account; and
 * removing what its worker has acknowledged. */
#include "sm/mailbox_work.h"

#include <string.h>

#include "sm/store_offline.h"

#define HAND_MESSAGES 64     /* at a time, ... */
#define HAND_BYTES 131072    /* ... and their bytes */
#define REMOVE_BYTES 1048576 /* at a time: what is undone when it fails is in memory */
#define QUEUE_PART 4         /* of client-queue-bytes */
#define RESTS UINT64_MAX     /* until a job is done */
#define TROUBLE_MS 1000      /* between attempts while the database refuses */

struct batch {
	struct job job;
	struct house *house;
	struct mailbox *box;
	uint64_t after, before;
	size_t bytes;
	uint64_t stores; /* of the mailbox, when it was asked */
	struct buf rows; /* u64 id, u32 bytes, the stanza */
	struct str account;
	char text[];
};

struct removal {
	struct job job;
	struct house *house;
	struct mailbox *box;
	uint64_t upto;
	struct str account;
	char text[];
};

/* In an item, behind reader and upto: safe, seq, connection and worker of whom it went to, the
 * account. */
static void note_hand(struct buf *out, const struct mailbox *b, uint64_t upto)
{
	struct buf body = {0};
	struct turn_item i = {
		.kind = TURN_HAND, .turn = upto, .id = b->reader ? b->reader->row.sid : 0};

	buf_u64(&body, b->safe);
	buf_u64(&body, b->seq);
	buf_u64(&body, b->taker);
	buf_u32(&body, b->worker);
	buf_put(&body, b->account);
	i.bytes = buf_str(&body);
	turn_item_put(out, &i);
	buf_free(&body);
}

static void close_box(struct mailboxes *m, struct mailbox *b)
{
	if (!b->open)
		return;
	*(b->previous_open ? &b->previous_open->next_open : &m->open) = b->next_open;
	if (b->next_open)
		b->next_open->previous_open = b->previous_open;
	b->next_open = b->previous_open = NULL;
	b->reader = NULL;
	b->upto = b->safe = b->gone = 0;
	b->open = false;
}

static void open_box(struct mailboxes *m, struct mailbox *b)
{
	b->rest = b->again = 0;
	if (b->open)
		return;
	b->next_open = m->open;
	if (m->open)
		m->open->previous_open = b;
	m->open = b;
	b->open = true;
}

static enum db_result run_remove(struct job *j, struct db *d)
{
	struct removal *r = (struct removal *)j;
	int64_t removed;
	enum db_result part = store_offline_part(d, r->account, REMOVE_BYTES, &r->upto);

	return part == DB_OK ? store_offline_remove(d, r->account, r->upto, &removed) : part;
}

static void done_remove(struct job *j)
{
	struct removal *r = (struct removal *)j;
	struct house *h = r->house;
	struct mailbox *b = r->box;

	fault_point("mailbox_removed");
	b->removing = false;
	if (j->result == DB_OK)
		b->gone = r->upto;
	else
		b->again = uv_now(&h->loop) + TROUBLE_MS;
	mem_free(r);
	house_touch(h);
}

static void remove_safe(struct house *h, struct mailbox *b)
{
	struct removal *r = mem_new(sizeof *r + b->account.n);

	r->house = h;
	r->box = b;
	memcpy(r->text, b->account.p, b->account.n);
	r->account = str_at(r->text, b->account.n);
	r->upto = b->safe;
	b->removing = true;
	r->job.run = run_remove;
	r->job.done = done_remove;
	desk_give(h->writer, &r->job);
}

static void add_row(void *ctx, uint64_t id, struct str xml)
{
	struct batch *l = ctx;

	buf_u64(&l->rows, id);
	buf_u32(&l->rows, (uint32_t)xml.n);
	buf_put(&l->rows, xml);
}

static enum db_result run_load(struct job *j, struct db *d)
{
	struct batch *l = (struct batch *)j;

	return store_offline_read(d, l->account, l->after, l->before, HAND_MESSAGES, l->bytes,
		add_row, l);
}

/* Whoever is blocked now is not heard, whenever it spoke. */
static bool is_blocked(const struct house *h, const struct mailbox *b, struct str xml)
{
	struct stanza s;
	struct buf from = {0};
	struct jid sender;
	bool blocked;

	if (!stanza_view_start(xml, &s))
		return false;
	stanza_value(&from, s.from.value);
	blocked = jid_split(buf_str(&from), &sender) && block_denies(h, b->account, sender);
	buf_free(&from);
	return blocked;
}

static void hand_out(struct house *h, struct mailbox *b, struct str rows)
{
	uint64_t id;
	uint32_t n;
	struct str xml;

	while (str_take_u64(&rows, &id) && str_take_u32(&rows, &n) &&
		str_take_bytes(&rows, n, &xml)) {
		if (!is_blocked(h, b, xml)) {
			fan_add(h, b->reader);
			fan_send(h, xml);
		}
		b->upto = id;
		b->burst += xml.n;
		buf_u64(&b->handed, id);
		buf_u64(&b->handed, b->reader->peer->channel.sent);
	}
	b->seq = b->reader->peer->channel.sent;
	b->taker = b->reader->row.conn;
	b->worker = b->reader->peer->incarnation;
	note_hand(turn_items(h), b, b->upto);
}

/* The store had no more of it. What it got since is still to be read. */
static void finish(struct house *h, struct mailbox *b, const struct batch *l)
{
	if (b->stores != l->stores)
		return;
	if (b->pending) {
		b->rest = RESTS;
		return;
	}
	b->stored = false;
	b->reader = NULL;
	note_hand(turn_items(h), b, b->upto);
	log_event(offline, LOG_STR("user", b->account), LOG_TEXT("what", "handed out"));
}

static void done_load(struct job *j)
{
	struct batch *l = (struct batch *)j;
	struct house *h = l->house;
	struct mailbox *b = l->box;

	fault_point("mailbox_loaded");
	b->loading = NULL;
	if (h->stopping || !b->reader || b->upto != l->after) /* it is for nobody now */
		;
	else if (j->result != DB_OK)
		b->rest = uv_now(&h->loop) + TROUBLE_MS;
	else if (l->rows.n)
		hand_out(h, b, buf_str(&l->rows));
	else
		finish(h, b, l);
	buf_free(&l->rows);
	mem_free(l);
	box_settle(h->mailboxes, b);
	house_touch(h);
}

/* A part of what a stream may queue before it is ended: what waits in a worker is in the store no
 * more, and a client need not read as fast as we do. */
static size_t share(const struct house *h)
{
	return (size_t)h->conf->client_queue_bytes / QUEUE_PART;
}

/* Only what is older than anything that is still held: of that the record must be free first, or a
 * crash could store it once more behind its removal. */
static void load(struct house *h, struct mailbox *b)
{
	struct batch *l = mem_new(sizeof *l + b->account.n);

	l->house = h;
	l->box = b;
	memcpy(l->text, b->account.p, b->account.n);
	l->account = str_at(l->text, b->account.n);
	l->after = b->upto;
	l->stores = b->stores;
	l->bytes = share(h) < HAND_BYTES ? share(h) : HAND_BYTES;
	l->before = box_oldest_held(h, b);
	l->job.run = run_load;
	l->job.done = done_load;
	b->loading = l;
	desk_give(h->reader, &l->job);
}

static struct session *a_reader(const struct house *h, const struct mailbox *b,
	const struct session *gone)
{
	struct account *a = account_by_jid(h->sessions, b->account);

	for (struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (s != gone && session_is_shown(s))
			return s;
	}
	return NULL;
}

/* What was handed out is with its client, or never came there: then it is for the next. */
static void settle(struct house *h, struct mailbox *b, bool there, const struct session *gone)
{
	buf_free(&b->handed);
	if (there) {
		b->safe = b->upto;
	} else {
		b->upto = b->safe;
		b->stored = true;
		b->rest = 0;
		if (!b->reader)
			b->reader = a_reader(h, b, gone);
	}
	note_hand(turn_items(h), b, b->upto);
}

/* False: its worker has not said yet. */
static bool is_settled(struct house *h, struct mailbox *b)
{
	const struct peer *p = b->upto > b->safe ? peer_by_incarnation(h, b->worker) : NULL;

	if (b->upto == b->safe)
		return true;
	if (p && !p->over && p->channel.acked < b->seq)
		return false;
	settle(h, b, p && !p->over, NULL);
	return true;
}

static bool keeps_up(const struct house *h, struct mailbox *b)
{
	const struct peer *p = b->reader->peer;

	if (b->reports != p->reports) {
		b->reports = p->reports;
		b->burst = 0;
	}
	return b->reader->queued + b->burst < share(h);
}

static void go_on(struct house *h, struct mailbox *b)
{
	if (!is_settled(h, b))
		return;
	if (b->safe > b->gone && !b->removing && uv_now(&h->loop) >= b->again)
		remove_safe(h, b);
	if (b->loading)
		return;
	if (b->reader && uv_now(&h->loop) >= b->rest) {
		if (keeps_up(h, b))
			load(h, b);
	} else if (!b->reader && !b->removing && b->safe <= b->gone) {
		/* What came meanwhile is not to wait for the next session. */
		b->reader = b->stored || b->pending ? a_reader(h, b, NULL) : NULL;
		b->rest = 0;
		if (b->reader) {
			note_hand(turn_items(h), b, b->upto);
			house_touch(h);
			return;
		}
		note_hand(turn_items(h), b, MAILBOX_ALL);
		close_box(h->mailboxes, b);
		box_settle(h->mailboxes, b);
	}
}

void mailbox_open(struct house *h, struct session *s)
{
	struct mailbox *b = box_of(h->mailboxes, s->account->jid);

	if (!b || b->reader)
		return;
	b->stored = true;
	open_box(h->mailboxes, b);
	b->reader = s;
	note_hand(turn_items(h), b, b->upto);
	house_touch(h);
}

/* Of what was handed out last, what its worker has acknowledged is with the client. */
static void note_acked(struct mailbox *b, uint64_t acked)
{
	struct str rest = buf_str(&b->handed);
	uint64_t id, seq;

	while (str_take_u64(&rest, &id) && str_take_u64(&rest, &seq) && seq <= acked)
		b->safe = id;
}

/* A worker acknowledges before it says that a connection is gone: what it has not acknowledged then
 * never came there. */
static void note_gone(struct house *h, struct mailbox *b, const struct peer *p, uint64_t conn,
	const struct session *gone)
{
	if (b->upto == b->safe || b->taker != conn)
		return;
	note_acked(b, p->channel.acked);
	settle(h, b, p->channel.acked >= b->seq, gone);
	house_touch(h);
}

/* Where we end the session, what was handed out is on its way before that. */
void mailbox_leave(struct house *h, struct session *s, bool gone)
{
	struct mailbox *b = box_of(h->mailboxes, s->account->jid);

	if (!b || !b->open)
		return;
	if (b->reader == s) {
		b->reader = a_reader(h, b, s);
		b->rest = 0;
		note_hand(turn_items(h), b, b->upto);
	}
	if (gone)
		note_gone(h, b, s->peer, s->row.conn, s);
	house_touch(h);
}

void mailbox_gone(struct house *h, const struct peer *p, uint64_t conn)
{
	for (struct mailbox *b = h->mailboxes->open; b; b = b->next_open)
		note_gone(h, b, p, conn, NULL);
}

void hand_turn(struct house *h)
{
	for (struct mailbox *b = h->mailboxes->open, *next; b; b = next) {
		next = b->next_open;
		go_on(h, b);
	}
}

void hand_snapshot(const struct mailboxes *m, struct buf *out)
{
	for (const struct mailbox *b = m->open; b; b = b->next_open)
		note_hand(out, b, b->upto);
}

void hand_recover(struct mailboxes *m, const struct turn_item *i)
{
	struct str s = i->bytes;
	uint64_t safe, seq, taker;
	uint32_t worker;
	struct mailbox *b;

	if (!str_take_u64(&s, &safe) || !str_take_u64(&s, &seq) || !str_take_u64(&s, &taker) ||
		!str_take_u32(&s, &worker))
		return;
	b = box_make(m, s);
	if (!b)
		return;
	if (i->turn == MAILBOX_ALL) {
		close_box(m, b);
		box_settle(m, b);
		return;
	}
	open_box(m, b);
	b->stored = true;
	b->upto = i->turn;
	b->safe = safe;
	b->seq = seq;
	b->taker = taker;
	b->worker = worker;
	b->resumes = i->id;
}

/* Whatever the record's last word was: what waits or is held, and what only seems to be there yet,
 * has a reader where somebody is there. */
static void open_if_read(void *ctx, void *box)
{
	struct house *h = ctx;
	struct mailbox *b = box;

	if (!b->open && (b->stored || b->pending) && a_reader(h, b, NULL))
		open_box(h->mailboxes, b);
}

void hand_resume(struct house *h)
{
	for (struct mailbox *b = h->mailboxes->open; b; b = b->next_open)
		b->reader = session_by_sid(h->sessions, b->resumes);
	table_each(h->mailboxes->by_account, open_if_read, h);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See mailbox.h: handing out what is stored, some at a time, to one session of the account; and
 * removing what its worker has acknowledged. */
#include "sm/mailbox_work.h"

#include <string.h>

#include "sm/store_offline.h"

#define HAND_MESSAGES 64  /* at a time, ... */
#define HAND_BYTES 131072 /* ... and their bytes */
#define RESTS UINT64_MAX  /* until a job is done */
#define TROUBLE_MS 1000   /* between attempts while the database refuses */

struct batch {
	struct job job;
	struct house *house;
	struct mailbox *box;
	uint64_t after, before;
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

static void note_hand(struct buf *out, const struct session *s, uint64_t upto)
{
	struct turn_item i = {.kind = TURN_HAND, .turn = upto, .id = s->row.sid};

	turn_item_put(out, &i);
}

static void note_drop(struct buf *out, const struct mailbox *b)
{
	struct turn_item i = {.kind = TURN_DROP, .id = b->removed, .bytes = b->account};

	turn_item_put(out, &i);
}

static void close_box(struct mailboxes *m, struct mailbox *b)
{
	*(b->previous_open ? &b->previous_open->next_open : &m->open) = b->next_open;
	if (b->next_open)
		b->next_open->previous_open = b->previous_open;
	b->next_open = b->previous_open = NULL;
	b->reader = NULL;
}

static void open_box(struct mailboxes *m, struct mailbox *b, struct session *s, uint64_t upto)
{
	b->reader = s;
	b->upto = upto;
	b->rest = 0;
	b->seq = s->peer->channel.sent;
	b->next_open = m->open;
	if (m->open)
		m->open->previous_open = b;
	m->open = b;
}

static enum db_result run_remove(struct job *j, struct db *d)
{
	struct removal *r = (struct removal *)j;
	int64_t removed;

	return store_offline_remove(d, r->account, r->upto, &removed);
}

static void done_remove(struct job *j)
{
	struct removal *r = (struct removal *)j;
	struct house *h = r->house;
	struct mailbox *b = r->box;

	fault_point("mailbox_removed");
	b->removing--;
	b->rest = 0;
	if (j->result != DB_OK) {
		b->undone = b->stored = true;
		b->rest = uv_now(&h->loop) + TROUBLE_MS;
	}
	mem_free(r);
	box_settle(h->mailboxes, b);
	house_touch(h);
}

static void remove_upto(struct house *h, struct mailbox *b, uint64_t upto)
{
	struct removal *r = mem_new(sizeof *r + b->account.n);

	r->house = h;
	r->box = b;
	memcpy(r->text, b->account.p, b->account.n);
	r->account = str_at(r->text, b->account.n);
	r->upto = b->removed = upto;
	b->undone = false;
	b->removing++;
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

	return store_offline_read(d, l->account, l->after, l->before, HAND_MESSAGES, HAND_BYTES,
		add_row, l);
}

static void hand_out(struct house *h, struct mailbox *b, struct str rows)
{
	uint64_t id;
	uint32_t n;
	struct str xml;

	while (str_take_u64(&rows, &id) && str_take_u32(&rows, &n) &&
		str_take_bytes(&rows, n, &xml)) {
		fan_add(h, b->reader);
		fan_send(h, xml);
		b->upto = id;
		buf_u64(&b->handed, id);
		buf_u64(&b->handed, b->reader->peer->channel.sent);
	}
	b->seq = b->reader->peer->channel.sent;
	note_hand(turn_items(h), b->reader, b->upto);
}

/* The store has no more of it. */
static void finish(struct house *h, struct mailbox *b)
{
	if (b->pending || b->removing || b->undone || b->upto > b->removed) {
		b->rest = b->undone ? uv_now(&h->loop) + TROUBLE_MS : RESTS;
		return;
	}
	note_hand(turn_items(h), b->reader, MAILBOX_ALL);
	b->stored = false;
	close_box(h->mailboxes, b);
}

static void done_load(struct job *j)
{
	struct batch *l = (struct batch *)j;
	struct house *h = l->house;
	struct mailbox *b = l->box;

	fault_point("mailbox_loaded");
	b->loading = NULL;
	if (h->stopping || !b->reader || b->upto != l->after) /* it was for another reader */
		;
	else if (j->result != DB_OK)
		b->rest = uv_now(&h->loop) + TROUBLE_MS;
	else if (l->rows.n)
		hand_out(h, b, buf_str(&l->rows));
	else
		finish(h, b);
	buf_free(&l->rows);
	mem_free(l);
	box_settle(h->mailboxes, b);
	house_touch(h);
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
	l->before = box_oldest_held(h->mailboxes, b);
	l->job.run = run_load;
	l->job.done = done_load;
	b->loading = l;
	desk_give(h->reader, &l->job);
}

/* Is it the reader's turn to have more? */
static void go_on(struct house *h, struct mailbox *b)
{
	if (b->loading || b->reader->peer->channel.acked < b->seq || uv_now(&h->loop) < b->rest)
		return;
	buf_free(&b->handed);
	if (b->upto > b->removed || b->undone)
		remove_upto(h, b, b->upto);
	load(h, b);
}

void mailbox_open(struct house *h, struct session *s)
{
	struct mailbox *b = box_of(h->mailboxes, s->account->jid);

	if (!b || b->reader)
		return;
	open_box(h->mailboxes, b, s, b->removed);
	note_hand(turn_items(h), s, b->removed);
	house_touch(h);
}

static struct session *next_reader(const struct session *gone)
{
	for (struct session *s = gone->account->oldest; s; s = s->next) {
		if (s != gone && session_is_shown(s))
			return s;
	}
	return NULL;
}

/* The last one that the reader's worker has acknowledged. */
static uint64_t acknowledged(const struct mailbox *b)
{
	uint64_t acked = b->reader->peer->channel.acked, upto = b->removed, id, seq;
	struct str rest = buf_str(&b->handed);

	if (acked >= b->seq)
		return b->upto;
	while (str_take_u64(&rest, &id) && str_take_u64(&rest, &seq) && seq <= acked)
		upto = id;
	return upto;
}

void mailbox_leave(struct house *h, struct session *s)
{
	struct mailbox *b = box_of(h->mailboxes, s->account->jid);
	struct session *next;
	uint64_t upto;

	if (!b || b->reader != s)
		return;
	upto = acknowledged(b);
	if (upto > b->removed)
		remove_upto(h, b, upto);
	buf_free(&b->handed);
	/* Nobody's HAND speaks for a removal that a crash undoes any more. */
	if (b->removing || b->undone)
		note_drop(turn_items(h), b);
	note_hand(turn_items(h), s, MAILBOX_ALL);
	close_box(h->mailboxes, b);
	next = next_reader(s);
	if (next)
		mailbox_open(h, next);
	else
		box_settle(h->mailboxes, b);
}

void hand_turn(struct house *h)
{
	for (struct mailbox *b = h->mailboxes->open, *next; b; b = next) {
		next = b->next_open;
		go_on(h, b);
	}
}

static void snapshot_removal(void *ctx, void *box)
{
	const struct mailbox *b = box;

	if (b->removing || b->undone)
		note_drop(ctx, b);
}

void hand_drop(struct house *h, struct str account, uint64_t upto)
{
	struct mailbox *b = box_make(h->mailboxes, account);

	if (b && upto > b->removed)
		remove_upto(h, b, upto);
}

void hand_snapshot(const struct mailboxes *m, struct buf *out)
{
	table_each(m->by_account, snapshot_removal, out);
	for (const struct mailbox *b = m->open; b; b = b->next_open)
		note_hand(out, b->reader, b->upto);
}

void hand_resume(struct house *h, uint64_t sid, uint64_t upto)
{
	struct session *s = session_by_sid(h->sessions, sid);
	struct mailbox *b = s ? box_make(h->mailboxes, s->account->jid) : NULL;

	if (!b)
		return;
	if (b->reader == s)
		close_box(h->mailboxes, b);
	if (upto == MAILBOX_ALL || b->reader) {
		box_settle(h->mailboxes, b);
		return;
	}
	b->stored = true;
	open_box(h->mailboxes, b, s, upto);
}

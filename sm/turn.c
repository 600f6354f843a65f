/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One record a turn. It is built in a buffer that is kept, and costs a hash and a copy. */
#include "sm/turn_work.h"

#include "common/log.h"
#include "sm/bound.h"
#include "sm/control.h"
#include "sm/errand.h"
#include "sm/link.h"
#include "sm/mailbox.h"
#include "sm/peer.h"

#include <string.h>

#define HEAVY_PART 16 /* a turn that has made this part of the log is ended early */

uint64_t turn_number(const struct house *h)
{
	return h->turn->number;
}

/* what the open turn changed */

static uint64_t open_turn(const struct turn *t)
{
	return t->number + 1;
}

void turn_session_removed(struct house *h, struct session *s)
{
	struct turn *t = h->turn;
	struct turn_item i = {.kind = TURN_REMOVE, .turn = open_turn(t), .id = s->row.sid};

	turn_item_put(&t->items, &i);
	pending_put(t, s->row.sid, i.turn, STR_NONE, !s->stored);
}

void turn_bound(struct house *h, uint64_t conn, struct str account)
{
	struct turn_item i = {
		.kind = TURN_BIND, .turn = open_turn(h->turn), .id = conn, .bytes = account};

	turn_item_put(&h->turn->items, &i);
}

void turn_unbound(struct house *h, uint64_t conn)
{
	struct turn_item i = {.kind = TURN_UNBIND, .turn = open_turn(h->turn), .id = conn};

	turn_item_put(&h->turn->items, &i);
}

void turn_peer_gone(struct house *h, uint32_t incarnation)
{
	struct turn_item i = {.kind = TURN_GONE, .turn = open_turn(h->turn), .id = incarnation};

	turn_item_put(&h->turn->items, &i);
}

struct buf *turn_items(struct house *h)
{
	return &h->turn->items;
}

/* pending changes of the session table */

void pending_drop(struct turn *t, struct change *c)
{
	table_remove(t->pending, KEY(c->sid));
	t->pending_bytes -= c->row.n;
	buf_free(&c->row);
	mem_free(c);
}

void pending_put(struct turn *t, uint64_t sid, uint64_t turn, struct str row, bool unknown)
{
	struct change *c = table_get(t->pending, KEY(sid));

	if (row.n == 0 && unknown) { /* came and went between two batches */
		if (c)
			pending_drop(t, c);
		return;
	}
	if (!c) {
		c = mem_new(sizeof *c);
		c->sid = sid;
		if (!table_put(t->pending, KEY(c->sid), c)) {
			mem_free(c);
			log_event(store_failed,
				LOG_TEXT("what", "no memory for a change of sessions.db"));
			return;
		}
	}
	t->pending_bytes -= c->row.n;
	buf_clear(&c->row);
	buf_put(&c->row, row);
	t->pending_bytes += c->row.n;
	c->turn = turn;
	c->removed = row.n == 0;
	c->unknown = unknown;
}

static void collect_sessions(struct house *h, struct turn *t)
{
	struct session *s;
	struct buf row = {0};

	while ((s = session_take_changed(h->sessions)) != NULL) {
		struct turn_item i = {.kind = TURN_PUT, .turn = open_turn(t), .id = s->row.sid};

		buf_clear(&row);
		session_row_encode(&row, &s->row);
		i.bytes = buf_str(&row);
		turn_item_put(&t->items, &i);
		pending_put(t, s->row.sid, i.turn, i.bytes, !s->stored);
	}
	buf_free(&row);
}

/* the record */

static void put_link(struct buf *out, const struct peer *p, struct str frames)
{
	struct turn_item i = {.kind = TURN_LINK};

	i.link = (struct turn_link){.incarnation = p->incarnation,
		.pid = p->pid,
		.slot = p->slot,
		.sent = p->channel.sent,
		.heard = p->channel.heard,
		.frames = frames};
	turn_item_put(out, &i);
}

static bool peer_changed(const struct peer *p)
{
	return channel_mark(&p->channel) != p->mark || p->channel.heard != p->recorded;
}

static void note_recorded(struct house *h)
{
	for (struct peer *p = peers_first(h); p; p = p->next) {
		p->mark = channel_mark(&p->channel);
		p->recorded = p->channel.heard;
	}
}

static void build_record(struct house *h, struct turn *t)
{
	buf_clear(&t->record);
	for (struct peer *p = peers_first(h); p; p = p->next) {
		if (!p->over && peer_changed(p))
			put_link(&t->record, p, channel_since(&p->channel, p->mark));
	}
	buf_put(&t->record, buf_str(&t->items));
}

static void snapshot_change(void *ctx, void *change)
{
	struct buf *out = ctx;
	const struct change *c = change;
	struct turn_item i = {
		.kind = c->removed ? TURN_REMOVE : TURN_PUT, .turn = c->turn, .id = c->sid};

	i.bytes = buf_str(&c->row);
	turn_item_put(out, &i);
}

static void snapshot_login(void *ctx, uint64_t conn, struct str account)
{
	struct turn_item i = {.kind = TURN_BIND, .id = conn, .bytes = account};

	turn_item_put(ctx, &i);
}

static void build_snapshot(struct house *h, struct turn *t)
{
	buf_clear(&t->record);
	for (struct peer *p = peers_first(h); p; p = p->next) {
		if (!p->over)
			put_link(&t->record, p, channel_since(&p->channel, 0));
	}
	bound_each(h, snapshot_login, &t->record);
	table_each(t->pending, snapshot_change, &t->record);
	errands_snapshot(h, &t->record);
	mailboxes_snapshot(h, &t->record);
}

/* When even that does not fit, the log is too small for what sessions.db has not taken yet (it must
 * have refused for long). Then a crash now would lose sessions; refusing to go on would lose them
 * for certain. */
static void snapshot_nothing(struct turn *t)
{
	bool fits;

	log_event(store_failed,
		LOG_TEXT("what", "the turn log cannot hold what sessions.db has not taken"),
		LOG_U64("bytes", t->record.n));
	fits = turn_log_begin(t->log, open_turn(t), STR_NONE);
	CHECK(fits); /* an empty record, in a file that has its blocks */
}

void turn_snapshot(struct house *h, struct turn *t)
{
	for (;;) {
		collect_sessions(h, t);
		build_snapshot(h, t);
		if (turn_log_begin(t->log, open_turn(t), buf_str(&t->record)))
			break;
		if (!peer_expel_largest(h)) {
			snapshot_nothing(t);
			break;
		}
	}
	t->number++;
	buf_clear(&t->items);
	note_recorded(h);
}

static void write_record(struct house *h, struct turn *t)
{
	fault_point("turn_before_record");
	if (turn_log_append(t->log, open_turn(t), buf_str(&t->record))) {
		t->number++;
		buf_clear(&t->items);
		note_recorded(h);
	} else {
		turn_snapshot(h, t);
	}
	fault_point("turn_after_record");
}

#define KEPT (1024 * 1024)

static void shrink(struct buf *b)
{
	buf_clear(b);
	if (b->cap > KEPT)
		buf_trim(b);
}

void turn_commit(struct house *h)
{
	struct turn *t = h->turn;

	collect_sessions(h, t);
	build_record(h, t);
	if (t->record.n) {
		write_record(h, t);
		turn_table_touch(h);
		fault_point("turn_before_ack");
	}
	shrink(&t->record);
	links_flush(h);
	if (h->control)
		control_flush(h->control);
}

bool turn_is_heavy(const struct house *h)
{
	uint64_t made = h->turn->items.n;

	for (const struct peer *p = peers_first(h); p; p = p->next)
		made += channel_mark(&p->channel) - p->mark;
	return made > (uint64_t)h->conf->turn_log_bytes / HEAVY_PART;
}

/* life */

struct turn *turn_new(struct house *h, bool *recovered, struct buf *why)
{
	struct turn *t = mem_new(sizeof *t);

	h->turn = t;
	t->pending = table_new();
	buf_printf(&t->table_path, "%s/sessions.db", h->conf->run_directory);
	t->log = turn_log_open(h->conf->run_directory, (size_t)h->conf->turn_log_bytes, why);
	if (!t->log || !turn_recover(h, t, recovered, why)) {
		turn_free(&h->turn);
		return NULL;
	}
	return t;
}

static void free_change(void *ctx, void *change)
{
	pending_drop(ctx, change);
}

void turn_free(struct turn **t)
{
	if (!*t)
		return;
	turn_log_close(&(*t)->log);
	table_each((*t)->pending, free_change, *t);
	table_free(&(*t)->pending);
	buf_free(&(*t)->items);
	buf_free(&(*t)->record);
	buf_free(&(*t)->table_path);
	mem_free(*t);
	*t = NULL;
}

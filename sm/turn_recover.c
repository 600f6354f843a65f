/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Taking up what an earlier process left: sessions.db as far as it was written, then the log on top
 * of it. Items of a session that sessions.db has already (its turn is not newer than the table's)
 * are passed over; all others are applied in order. */
#include "sm/turn_work.h"

#include "common/log.h"
#include "sm/bound.h"
#include "sm/errand.h"
#include "sm/mailbox.h"
#include "sm/peer.h"

#include <string.h>

struct found_row {
	uint64_t sid, turn; /* turn 0: as sessions.db has it */
	bool removed;
	struct buf row;
};

struct found_link {
	struct turn_link link;
	struct buf frames;
};

struct recovery {
	struct house *house;
	struct turn *turn;
	uint64_t table_turn; /* sessions.db is complete up to here */
	struct table *rows, *links;
	unsigned records, sessions, doubles, bad;
};

/* rows */

static void set_row(struct recovery *r, uint64_t sid, uint64_t turn, struct str row)
{
	struct found_row *f = table_get(r->rows, KEY(sid));

	if (!f) {
		f = mem_new(sizeof *f);
		f->sid = sid;
		if (!table_put(r->rows, KEY(f->sid), f)) {
			mem_free(f);
			return;
		}
	}
	buf_clear(&f->row);
	buf_put(&f->row, row);
	f->turn = turn;
	f->removed = row.n == 0;
}

static void row_of_table(void *ctx, const struct session_row *row)
{
	struct buf bytes = {0};

	session_row_encode(&bytes, row);
	set_row(ctx, row->sid, 0, buf_str(&bytes));
	buf_free(&bytes);
}

static bool read_table(struct recovery *r, struct buf *why)
{
	const char *path = buf_cstr(&r->turn->table_path);
	struct db *d = db_open(path, DB_VOLATILE, why);
	bool good;

	if (!d)
		return false;
	good = session_migrate(d, path, why);
	if (good &&
		(store_session_turn(d, &r->table_turn) != DB_OK ||
			store_session_each(d, row_of_table, r) != DB_OK)) {
		buf_printf(why, "%s cannot be read: %s", path, db_why(d));
		good = false;
	}
	db_close(&d);
	return good;
}

/* items of the log */

static void add_link(struct recovery *r, const struct turn_link *l)
{
	struct found_link *f = table_get(r->links, KEY(l->incarnation));

	if (!f) {
		f = mem_new(sizeof *f);
		f->link = *l;
		if (!table_put(r->links, KEY(f->link.incarnation), f)) {
			mem_free(f);
			return;
		}
	}
	buf_put(&f->frames, l->frames);
	f->link.sent = l->sent;
	f->link.heard = l->heard;
}

static void drop_link(struct recovery *r, uint32_t incarnation)
{
	struct found_link *f = table_remove(r->links, KEY(incarnation));

	if (!f)
		return;
	buf_free(&f->frames);
	mem_free(f);
}

static void apply_item(struct recovery *r, const struct turn_item *i)
{
	switch (i->kind) {
	case TURN_LINK:
		add_link(r, &i->link);
		break;
	case TURN_GONE:
		bound_remove_peer(r->house, (uint32_t)i->id);
		drop_link(r, (uint32_t)i->id);
		break;
	case TURN_PUT:
	case TURN_REMOVE:
		if (i->turn > r->table_turn)
			set_row(r, i->id, i->turn, i->bytes);
		break;
	case TURN_BIND:
		if (!bound_put(r->house, i->id, i->bytes))
			r->bad++;
		break;
	case TURN_UNBIND:
		bound_remove(r->house, i->id);
		break;
	case TURN_HOLD:
	case TURN_FREE:
	case TURN_ERRAND:
		errand_recover(r->house, i);
		break;
	case TURN_HAND:
		mailbox_recover(r->house, i);
		break;
	}
}

static bool apply_record(void *ctx, uint64_t turn, struct str payload)
{
	struct recovery *r = ctx;
	struct turn_item i;

	while (turn_item_take(&payload, &i))
		apply_item(r, &i);
	if (payload.n) /* cannot be: its checksum was good */
		r->bad++;
	r->turn->number = turn;
	r->records++;
	return true;
}

/* into the house */

static void restore_link(void *ctx, void *found)
{
	struct recovery *r = ctx;
	struct found_link *f = found;

	f->link.frames = buf_str(&f->frames);
	if (!peer_restore(r->house, &f->link))
		r->bad++;
	drop_link(r, f->link.incarnation);
}

static void keep_change(struct recovery *r, const struct found_row *f)
{
	if (f->turn)
		pending_put(r->turn, f->sid, f->turn, buf_str(&f->row), false);
}

static void remove_row(struct recovery *r, uint64_t sid)
{
	pending_put(r->turn, sid, r->turn->number + 1, STR_NONE, false);
}

/* The same full JID twice (the table was written for a replacement only in part): the newer sid
 * stays. The older one's worker is told by an `end`, which is a frame of the first turn. */
static bool make_room(struct recovery *r, const struct session_row *row)
{
	struct session *other = session_by_jid(r->house->sessions, row->jid);

	if (!other)
		other = session_by_conn(r->house->sessions, row->conn);
	if (!other)
		return true;
	r->doubles++;
	if (other->row.sid > row->sid)
		return false;
	peer_end_conn(other->peer, other->row.conn, STREAM_conflict);
	remove_row(r, other->row.sid);
	session_forget(r->house->sessions, other);
	return true;
}

static void restore_session(struct recovery *r, const struct found_row *f)
{
	struct session_row row;
	struct session *s;
	struct peer *p;

	if (!session_row_decode(buf_str(&f->row), &row) || row.sid != f->sid) {
		r->bad++;
		remove_row(r, f->sid);
		return;
	}
	p = peer_make(r->house, (uint32_t)(row.conn >> 32));
	s = p && make_room(r, &row) ? session_add(r->house->sessions, &row, p) : NULL;
	if (!s) {
		if (p)
			peer_end_conn(p, row.conn, STREAM_conflict);
		remove_row(r, f->sid);
		return;
	}
	s->stored = true;
	s->active = uv_now(&r->house->loop);
	r->sessions++;
}

static void restore_row(void *ctx, void *found)
{
	struct recovery *r = ctx;
	struct found_row *f = found;

	keep_change(r, f);
	if (!f->removed)
		restore_session(r, f);
	table_remove(r->rows, KEY(f->sid));
	buf_free(&f->row);
	mem_free(f);
}

static void log_recovered(const struct recovery *r, size_t links)
{
	if (r->records == 0 && r->sessions == 0) {
		log_event(recovered, LOG_TEXT("what", "nothing was left: a clean start"));
		return;
	}
	log_event(recovered, LOG_U64("turn", r->turn->number), LOG_U64("records", r->records),
		LOG_U64("sessions", r->sessions), LOG_U64("workers", links),
		LOG_U64("logins", bound_count(r->house)), LOG_U64("doubles", r->doubles),
		LOG_U64("bad", r->bad));
}

static void take_up(struct recovery *r)
{
	size_t links;

	turn_log_each(r->turn->log, apply_record, r);
	if (r->turn->number <
		r->table_turn) /* the log is lost, the table is not: turns go on from there */
		r->turn->number = r->table_turn;
	links = table_count(r->links);
	table_each(r->links, restore_link, r);
	table_each(r->rows, restore_row, r);
	errands_resume(r->house);
	mailboxes_resume(r->house);
	log_recovered(r, links);
}

bool turn_recover(struct house *h, struct turn *t, bool *recovered, struct buf *why)
{
	struct recovery r = {.house = h, .turn = t, .rows = table_new(), .links = table_new()};
	bool good = read_table(&r, why);

	if (good) {
		take_up(&r);
		buf_clear(&t->items); /* what the items brought along is in the snapshot, and in the
					 log before it */
		*recovered = session_count(h->sessions) || peers_first(h);
		turn_snapshot(h, t);
	}
	table_free(&r.rows);
	table_free(&r.links);
	return good;
}

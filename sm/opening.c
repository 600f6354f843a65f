/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See opening.h. What changes while a roster is being read is put on top of what was read: it may
 * be in there already, and then is once more what it is. */
#include "sm/opening.h"

#include "common/stanza.h"

#include "sm/answer.h"
#include "sm/arrival.h"
#include "sm/peer.h"
#include "sm/roster_act.h"
#include "sm/session.h"
#include "sm/store_account.h"

#include <string.h>

struct held {
	struct held *next;
	uint64_t conn;
	struct buf question; /* open_session, encoded */
};

struct opening {
	struct job job;
	struct house *house;
	struct roster *roster;
	struct held *first, **end;
	struct buf changes; /* rows that the store took meanwhile */
	bool loaded;
	struct str account;
	char text[];
};

struct openings {
	struct table *by_account;
};

struct openings *openings_new(void)
{
	struct openings *o = mem_new(sizeof *o);

	o->by_account = table_new();
	return o;
}

static void opening_free(struct opening *o)
{
	for (struct held *x = o->first, *next; x; x = next) {
		next = x->next;
		buf_free(&x->question);
		mem_free(x);
	}
	roster_free(&o->roster);
	buf_free(&o->changes);
	mem_free(o);
}

/* on the reader's thread */

static void add_row(void *ctx, const struct roster_row *row)
{
	roster_put(ctx, row);
}

/* NULL: there is no such account, or the store refuses. */
static enum db_result load(struct db *d, struct str account, struct roster **r)
{
	struct roster_head head = {0};
	enum db_result result;
	bool found = false;

	*r = roster_new(&head);
	result = store_roster_load(d, account, &(*r)->head, &found, add_row, *r);
	if (!found || result != DB_OK)
		roster_free(r);
	return result;
}

static enum db_result run_load(struct job *j, struct db *d)
{
	struct opening *o = (struct opening *)j;

	return load(d, o->account, &o->roster);
}

/* on the loop */

static void catch_up(struct opening *o)
{
	struct str rest = buf_str(&o->changes);
	struct roster_row row;

	while (roster_row_take(&rest, &row))
		roster_put(o->roster, &row);
}

/* What was asked is asked again, as it came; whoever has gone meanwhile is told nothing. */
static void go_on(struct house *h, const struct held *x, bool loaded)
{
	struct peer *p = peer_by_incarnation(h, (uint32_t)(x->conn >> 32));
	struct message m;

	if (!p || p->over || !msg_decode(MSG_open_session, buf_str(&x->question), &m))
		return;
	if (loaded)
		open_session(p, &m.as.open_session);
	else
		open_refuse(p, x->conn, STANZA_internal_server_error);
}

static void done_load(struct job *j)
{
	struct opening *o = (struct opening *)j;
	struct house *h = o->house;
	bool loaded = o->roster;

	o->loaded = true;
	if (loaded)
		catch_up(o);
	for (struct held *x = h->stopping ? NULL : o->first; x; x = x->next)
		go_on(h, x, loaded);
	table_remove(h->openings->by_account, o->account);
	opening_free(o);
	house_touch(h);
}

static bool is_held(const struct opening *o, uint64_t conn)
{
	for (const struct held *x = o->first; x; x = x->next) {
		if (x->conn == conn)
			return true;
	}
	return false;
}

static void hold(struct opening *o, const struct msg_open_session *m)
{
	struct message copy = {.code = MSG_open_session, .as.open_session = *m};
	struct held *x = mem_new(sizeof *x);

	x->conn = m->conn;
	msg_encode(&x->question, &copy);
	*o->end = x;
	o->end = &x->next;
}

static struct opening *opening_start(struct house *h, struct str account)
{
	struct opening *o = mem_new(sizeof *o + account.n);

	memcpy(o->text, account.p, account.n);
	o->account = str_at(o->text, account.n);
	o->house = h;
	o->end = &o->first;
	o->job.run = run_load;
	o->job.done = done_load;
	if (!table_put(h->openings->by_account, o->account, o)) {
		opening_free(o);
		return NULL;
	}
	desk_give(h->reader, &o->job);
	return o;
}

bool opening_holds(struct peer *p, struct str account, const struct msg_open_session *m)
{
	struct house *h = p->house;
	struct opening *o = table_get(h->openings->by_account, account);

	if (account_by_jid(h->sessions, account) || (o && o->loaded))
		return false;
	if (!o)
		o = opening_start(h, account);
	if (o && !is_held(o, m->conn))
		hold(o, m);
	return o; /* no memory: it is refused where its roster is missing */
}

struct roster *opening_roster(struct house *h, struct str account)
{
	struct opening *o = table_get(h->openings->by_account, account);
	struct roster *r = o ? o->roster : NULL;

	if (o)
		o->roster = NULL;
	return r;
}

void roster_changed(struct house *h, struct str account, const struct roster_row *row)
{
	struct account *a = account_by_jid(h->sessions, account);
	struct opening *o = a ? NULL : table_get(h->openings->by_account, account);

	if (a && a->roster)
		roster_put(a->roster, row);
	else if (o)
		roster_row_put(&o->changes, row);
}

static void free_visited(void *ctx, void *opening)
{
	struct opening *o = opening;

	table_remove(ctx, o->account);
	opening_free(o);
}

void openings_free(struct openings **o)
{
	struct openings *old = *o;

	if (!old)
		return;
	table_each(old->by_account, free_visited, old->by_account);
	table_free(&old->by_account);
	mem_free(old);
	*o = NULL;
}

/* after a restart */

struct recovery {
	struct house *house;
	struct db *db;
	enum db_result result;
	struct buf gone, disabled; /* accounts, each ended by a newline, which no JID can hold */
};

/* An sm of before rosters kept presence with the only `to` that there was. */
static void unaddress(struct session *s)
{
	struct buf without = {0};
	struct stanza view;

	if (!stanza_view(s->row.presence, &view) || !view.to.whole.n)
		return;
	stanza_stamp(&without, &view, s->row.jid, STR_NONE);
	session_presence_set(s, buf_str(&without));
	buf_free(&without);
}

/* Once for each account. */
static enum db_result take_in(struct recovery *r, struct account *a)
{
	enum standing standing;
	enum db_result result = load(r->db, a->jid, &a->roster);

	if (result == DB_OK)
		result = store_account_standing(r->db, a->jid, a->oldest->row.since, &standing);
	if (result == DB_OK && standing != STANDING_GOOD) {
		struct buf *list = standing == STANDING_GONE ? &r->gone : &r->disabled;

		buf_put(list, a->jid);
		buf_putc(list, '\n');
	}
	return result;
}

static void load_of(void *ctx, void *session)
{
	struct recovery *r = ctx;
	struct session *s = session;

	unaddress(s);
	if (r->result == DB_OK && s == s->account->oldest && !session_is_anonymous(s))
		r->result = take_in(r, s->account);
}

struct loss {
	struct str account;
	struct buf acts;
};

/* Whoever has it in the roster cannot know more of it than that. */
static void note_loss(void *ctx, void *session)
{
	struct loss *l = ctx;
	const struct session *s = session;
	const struct roster *r = s == s->account->oldest ? s->account->roster : NULL;
	const struct roster_item *c = r ? roster_find(r, l->account) : NULL;

	if (!c)
		return;
	act_hide(&l->acts, l->account, s->account->jid);
	act_row(&l->acts, s->account->jid, &c->row, c->row.state & SUB_LISTED);
}

static void tell_of_loss(struct house *h, struct str account)
{
	struct loss l = {.account = account};

	session_each(h->sessions, note_loss, &l);
	acts_run(h, buf_str(&l.acts));
	buf_free(&l.acts);
}

/* Removed or disabled while there was no sm, or just before it died: nobody else ends what is left
 * of that. */
static void end_left(const struct recovery *r)
{
	struct str gone = buf_str(&r->gone), disabled = buf_str(&r->disabled), account;

	while (gone.n) {
		str_cut(gone, '\n', &account, &gone);
		tell_of_loss(r->house, account);
		account_kick(r->house, account, STREAM_not_authorized,
			STR("this account was removed"));
	}
	while (disabled.n) {
		str_cut(disabled, '\n', &account, &disabled);
		account_kick(r->house, account, STREAM_policy_violation,
			STR("this account is disabled"));
	}
}

bool rosters_recover(struct house *h, const char *path, struct buf *why)
{
	struct recovery r = {.house = h, .db = db_open(path, DB_READ, why)};

	if (!r.db)
		return false;
	session_each(h->sessions, load_of, &r);
	if (r.result != DB_OK)
		buf_printf(why, "%s: %s", path, db_why(r.db));
	db_close(&r.db);
	if (r.result == DB_OK) {
		end_left(&r);
		arrivals_resume(h);
	}
	buf_free(&r.gone);
	buf_free(&r.disabled);
	return r.result == DB_OK;
}

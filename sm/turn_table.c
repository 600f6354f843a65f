/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sessions.db, written behind the log: what changed is given to the desk in one job, at most
 * WRITE_BEHIND_MS after it changed, with the number of the last recorded turn. Only when the commit
 * is done is a change forgotten here; until then each snapshot of the log carries it. */
#include "sm/turn_work.h"

#include "common/log.h"

#include <string.h>

#define WRITE_BEHIND_MS 100
#define TROUBLE_MS 1000 /* between attempts while the database refuses */

struct table_batch {
	struct job job;
	struct house *house;
	uint64_t upto; /* the table is complete up to this turn when it is done */
	struct buf items;
};

/* on the desk's thread */

static enum db_result apply(struct db *d, const struct turn_item *i)
{
	struct session_row row;

	if (i->kind == TURN_REMOVE)
		return store_session_remove(d, i->id);
	if (!session_row_decode(i->bytes, &row))
		return DB_FAILED;
	return store_session_put(d, &row);
}

static enum db_result run_batch(struct job *j, struct db *d)
{
	struct table_batch *b = (struct table_batch *)j;
	struct str rest = buf_str(&b->items);
	struct turn_item i;
	enum db_result r = DB_OK;

	while (r == DB_OK && turn_item_take(&rest, &i))
		r = apply(d, &i);
	return r == DB_OK ? store_session_turn_set(d, b->upto) : r;
}

/* on the loop */

static void drop_written(void *ctx, void *change)
{
	const struct table_batch *b = ctx;
	struct change *c = change;

	if (c->turn <= b->upto)
		pending_drop(b->house->turn, c);
}

static void table_timer(uv_timer_t *timer);

static void wait_ms(struct turn *t, unsigned ms)
{
	if (t->table_started && !uv_is_active((uv_handle_t *)&t->table_timer))
		uv_timer_start(&t->table_timer, table_timer, ms, 0);
}

static void batch_done(struct job *j)
{
	struct table_batch *b = (struct table_batch *)j;
	struct turn *t = b->house->turn;

	t->batch = NULL;
	if (j->result == DB_OK)
		table_each(t->pending, drop_written, b);
	if (table_count(t->pending))
		wait_ms(t, j->result == DB_OK ? WRITE_BEHIND_MS : TROUBLE_MS);
	buf_free(&b->items);
	mem_free(b);
}

static void add_change(void *ctx, void *change)
{
	struct table_batch *b = ctx;
	struct change *c = change;
	struct turn_item i = {
		.kind = c->removed ? TURN_REMOVE : TURN_PUT, .turn = c->turn, .id = c->sid};
	struct session *s = session_by_sid(b->house->sessions, c->sid);

	if (c->turn > b->upto) /* of the open turn: the log must have it first */
		return;
	i.bytes = buf_str(&c->row);
	turn_item_put(&b->items, &i);
	c->unknown = false;
	if (s)
		s->stored = true;
}

static void give_batch(struct house *h)
{
	struct turn *t = h->turn;
	struct table_batch *b;

	if (t->batch || table_count(t->pending) == 0)
		return;
	b = mem_new(sizeof *b);
	b->job.run = run_batch;
	b->job.done = batch_done;
	b->house = h;
	b->upto = t->number;
	table_each(t->pending, add_change, b);
	if (b->items.n == 0) { /* the end of the turn comes back here */
		mem_free(b);
		return;
	}
	t->batch = b;
	desk_give(h->table_desk, &b->job);
}

static void table_timer(uv_timer_t *timer)
{
	give_batch(timer->data);
}

void turn_table_touch(struct house *h)
{
	if (!h->turn->batch && table_count(h->turn->pending))
		wait_ms(h->turn, WRITE_BEHIND_MS);
}

bool turn_table_start(struct house *h, struct buf *why)
{
	struct turn *t = h->turn;

	h->table_desk = desk_new(&h->loop, buf_cstr(&t->table_path), DB_VOLATILE, session_migrate,
		why);
	if (!h->table_desk)
		return false;
	uv_timer_init(&h->loop, &t->table_timer);
	t->table_timer.data = h;
	t->table_started = true;
	turn_table_touch(h);
	return true;
}

/* What does not go with the batch that is under way stays for the next sm: the log has it. */
void turn_table_stop(struct house *h)
{
	struct turn *t = h->turn;

	if (!h->table_desk)
		return;
	t->table_started = false;
	uv_close((uv_handle_t *)&t->table_timer, NULL);
	give_batch(h);
	desk_free(&h->table_desk);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See errand.h: running on the writer's thread, and letting go. */
#include "sm/errand_work.h"

#include "common/log.h"
#include "sm/store_errand.h"
#include "sm/surplus.h"
#include "sm/turn.h"

#define RESULTS_PART \
	4 /* what came of errands and waits for the loop is this part of the turn log */

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

/* One that said goodbye may go when it has heard of all that it asked. */
static void release_session(struct house *h, const struct held *x)
{
	struct session *s = session_by_sid(h->sessions, x->sid);

	if (!s)
		return;
	s->held--;
	s->errands -= errand_is_asked(x->e.code);
	if (s->row.flags & SESSION_PARTING)
		session_part(h, s);
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
	held_unlink(h->errands, x);
	turn_item_put(turn_items(h), &i);
	x->row->done(h, &x->e, r, r == DB_OK ? buf_str(&x->result) : STR_NONE);
	s = errand_session(h, &x->e);
	if (s)
		surplus_note(h, s, x->e.xml.n, h->made - before);
	release_session(h, x);
	held_free(h->errands, x);
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

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See errand.h: running on the writer's thread, and letting go. */
#include "sm/errand_work.h"

#include "common/log.h"
#include "sm/peer.h"
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

/* --- the pace of long answers ---------------------------------------------------------------- */

/* A client may ask in one breath for more than may wait for it in its worker: all its contacts'
 * avatars, say. What only reads has time: it is read anew when there is room. */
#define LONG_ANSWER 4096
#define QUEUE_PART 4   /* of client-queue-bytes */
#define PACED_MS 30000 /* then it is refused */
#define PACED_A_MS 100 /* errands that are looked through in a millisecond */

static bool only_reads(enum errand_code code)
{
	return code == ERRAND_vcard_get || code == ERRAND_private_get;
}

/* One that is longer than the room for it goes alone. Behind one that waits all of the session do,
 * until its worker reports again. */
static bool take_pace(struct house *h, struct session *s, size_t bytes)
{
	uint64_t most = (uint64_t)h->conf->client_queue_bytes / QUEUE_PART;

	if (s->answered_report != s->peer->reports && s->answered_seq <= s->peer->channel.acked) {
		s->answered_report = s->peer->reports;
		s->answered = 0;
	}
	if (s->queued + s->answered > 0 && s->queued + s->answered + bytes > most) {
		s->answered = most;
		return false;
	}
	s->answered += bytes;
	return true;
}

static bool is_too_fast(struct held *x)
{
	struct session *s = errand_session(x->house, &x->e);

	if ((x->paced && !x->no_room) || x->room < LONG_ANSWER || !only_reads(x->e.code) || !s)
		return false;
	return x->no_room || s->paced || !take_pace(x->house, s, x->room);
}

static void pace(struct held *x)
{
	struct errands *q = x->house->errands;

	if (!x->paced)
		x->paced_until = uv_now(&x->house->loop) + PACED_MS;
	x->paced = x->room;
	x->no_room = false;
	buf_free(&x->result);
	atomic_fetch_sub(&q->results, x->room);
	x->room = 0;
	errand_session(x->house, &x->e)->paced++;
	queue_put(&q->paced, &x->job);
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

/* What its worker reports before it has this says nothing of it. */
static void note_answered(struct house *h, const struct held *x)
{
	struct session *s = only_reads(x->e.code) ? errand_session(h, &x->e) : NULL;

	if (s && x->room >= LONG_ANSWER)
		s->answered_seq = s->peer->channel.sent;
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
	if (is_too_fast(x)) {
		pace(x);
		return;
	}
	held_unlink(h->errands, x);
	turn_item_put(turn_items(h), &i);
	x->row->done(h, &x->e, r, r == DB_OK ? buf_str(&x->result) : STR_NONE);
	s = errand_session(h, &x->e);
	if (s)
		surplus_note(h, s, x->e.xml.n, h->made - before);
	note_answered(h, x);
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

/* Whether one that waits for its client still has to. */
static bool is_paced(struct house *h, struct held *x)
{
	struct session *s = errand_session(h, &x->e);
	bool late = uv_now(&h->loop) >= x->paced_until;

	if (s && !late && !take_pace(h, s, x->paced))
		return true;
	if (s)
		s->paced--;
	x->no_room = s && late;
	return false;
}

/* The more there are, the less often they are looked through. */
static void go_on_paced(struct house *h)
{
	struct errands *q = h->errands;
	struct job *j = q->paced.first, *next;
	uint64_t n = 0;

	if (!j || uv_now(&h->loop) < q->look)
		return;
	queue_start(&q->paced);
	for (; j; j = next, n++) {
		struct held *x = (struct held *)j;

		next = j->next;
		if (is_paced(h, x))
			queue_put(&q->paced, j);
		else if (x->no_room)
			done_errand(j);
		else
			give(h, x);
	}
	q->look = uv_now(&h->loop) + n / PACED_A_MS;
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
	go_on_paced(h);
	if (q->resumed)
		session_each(h->sessions, part_if_due, h);
	q->resumed = false;
}

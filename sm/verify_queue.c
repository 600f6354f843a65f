/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The questions of verify.c: those with the desk, so many in all and of each worker, and those that
 * are kept for their proofs. */
#include "sm/verify_work.h"

#include "common/table.h"

#include <string.h>

/* Of questions that cost little; others are turned away before (lane.h). */
#define WAITING_MOST 8192 /* questions with the desk, ... */
#define WORKER_MOST 4096  /* ... and those of one worker, so that it cannot have them all */
#define KEPT_MOST 1024    /* verifiers that wait for their proofs; the oldest goes first */

void question_free(struct question *q)
{
	buf_free(&q->named);
	mem_wipe(q, q->size);
	mem_free(q);
}

static void unlink_question(struct question *q, struct question **first)
{
	*(q->previous ? &q->previous->next : first) = q->next;
	if (q->next)
		q->next->previous = q->previous;
	q->next = q->previous = NULL;
}

static void link_question(struct question *q, struct question **first)
{
	q->next = *first;
	if (q->next)
		q->next->previous = q;
	*first = q;
}

void question_forget(struct question *q)
{
	struct verify *v = q->v;

	table_remove(v->kept_by_conn, KEY(q->conn));
	if (v->kept_oldest == q)
		v->kept_oldest = q->previous;
	unlink_question(q, &v->kept);
	question_free(q);
}

void verify_destroy(struct verify *v)
{
	while (v->kept)
		question_forget(v->kept);
	table_free(&v->kept_by_conn);
	table_free(&v->by_conn);
	mem_free(v->tried);
	mem_wipe(v, sizeof *v);
	mem_free(v);
}

static size_t *share_of(struct verify *v, uint64_t conn)
{
	return &v->waiting_of[(conn >> 32) % VERIFY_WORKERS];
}

static void leave_desk(struct question *q)
{
	unlink_question(q, &q->v->asked);
	--*share_of(q->v, q->conn);
	q->v->waiting--;
}

void question_drop(struct question *q)
{
	struct verify *v = q->v;

	leave_desk(q);
	question_free(q);
	if (v->closed && v->waiting == 0)
		verify_destroy(v);
}

void question_keep(struct question *q)
{
	struct verify *v = q->v;
	struct question *old = table_get(v->kept_by_conn, KEY(q->conn));

	leave_desk(q);
	if (!old && table_count(v->kept_by_conn) >= KEPT_MOST)
		old = v->kept_oldest;
	if (old)
		question_forget(old);
	if (!table_put(v->kept_by_conn, KEY(q->conn), q)) {
		question_free(q);
		return;
	}
	link_question(q, &v->kept);
	if (!v->kept_oldest)
		v->kept_oldest = q;
}

static struct str keep(char **at, struct str s)
{
	struct str kept = str_at(*at, s.n);

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

static bool has_room(struct verify *v, uint64_t conn, enum lane lane)
{
	return v->waiting < lane_most(lane, WAITING_MOST) &&
		*share_of(v, conn) < lane_most(lane, WORKER_MOST);
}

struct question *question_new(struct verify *v, const struct msg_sasl_prove *m, enum lane lane)
{
	size_t size = sizeof(struct question) + m->who.text.n + m->message.n + m->proof.n +
		m->more.n + m->client.n + m->mechanism.n;
	struct question *q = has_room(v, m->conn, lane) ? mem_try(size) : NULL;
	char *at;

	if (!q)
		return NULL;
	at = q->text;
	q->job.lane = (uint8_t)lane;
	q->v = v;
	q->conn = m->conn;
	q->attempt = m->attempt;
	q->hash = (enum hash)m->hash;
	q->size = size;
	q->who = m->who;
	q->who.text = keep(&at, m->who.text);
	q->message = keep(&at, m->message);
	q->proof = keep(&at, m->proof);
	q->more = keep(&at, m->more);
	q->client = keep(&at, m->client);
	q->mechanism = keep(&at, m->mechanism);
	q->count = m->count;
	q->invalidate = m->invalidate;
	q->rotation = v->conf->fast_token_rotation;
	return q;
}

void question_ask(struct question *q)
{
	link_question(q, &q->v->asked);
	++*share_of(q->v, q->conn);
	q->v->waiting++;
	desk_give(q->v->reader, &q->job);
}

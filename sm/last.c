/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See last.h. One batch is with the writer, and does not change; what comes meanwhile goes with the
 * next one. */
#include "sm/last.h"

#include <string.h>
#include <time.h>

#include "sm/house.h"
#include "sm/store_last.h"

#define WAITING_MOST 100000 /* accounts; no more are noted while the database refuses */
#define TROUBLE_MS 1000     /* between attempts */

struct left {
	int64_t when; /* wall clock, seconds */
	struct str account, status;
	char text[];
};

struct lasts {
	struct job job;
	struct house *house;
	struct table *waiting, *writing; /* struct left by account; writing NULL: none */
	uint64_t rest;                   /* loop ms: nothing is to be given before */
	struct db *db;                   /* the writer's, while it writes */
	enum db_result result;
};

static void drop(void *ctx, void *left)
{
	struct left *x = left;

	table_remove(ctx, x->account);
	mem_free(x);
}

static void drop_all(struct table **t)
{
	if (!*t)
		return;
	table_each(*t, drop, *t);
	table_free(t);
}

static struct left *left_new(struct str account, struct str status)
{
	struct left *x = mem_try(sizeof *x + account.n + status.n);

	if (!x)
		return NULL;
	memcpy(x->text, account.p, account.n);
	if (status.n)
		memcpy(x->text + account.n, status.p, status.n);
	x->account = str_at(x->text, account.n);
	x->status = str_at(x->text + account.n, status.n);
	x->when = (int64_t)time(NULL);
	return x;
}

/* In place of an older one of the account. */
static void put(struct table *t, struct left *x)
{
	mem_free(table_remove(t, x->account));
	if (!table_put(t, x->account, x))
		mem_free(x);
}

void last_note(struct house *h, struct str account, struct str status)
{
	struct lasts *l = h->lasts;
	struct left *x = table_count(l->waiting) < WAITING_MOST
		? left_new(account, status.n <= LAST_STATUS_MOST ? status : STR_NONE)
		: NULL;

	if (x)
		put(l->waiting, x);
}

bool last_find(const struct house *h, struct str account, int64_t *when, struct str *status)
{
	const struct lasts *l = h->lasts;
	const struct left *x = table_get(l->waiting, account);

	if (!x && l->writing)
		x = table_get(l->writing, account);
	if (!x)
		return false;
	*when = x->when;
	*status = x->status;
	return true;
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_one(void *ctx, void *left)
{
	struct lasts *l = ctx;
	const struct left *x = left;

	if (l->result == DB_OK)
		l->result = store_last_put(l->db, x->account, x->when, x->status);
}

static enum db_result run_write(struct job *j, struct db *d)
{
	struct lasts *l = (struct lasts *)j;

	l->db = d;
	l->result = DB_OK;
	table_each(l->writing, write_one, l);
	return l->result;
}

/* One that has come again meanwhile is newer. */
static void put_back(void *ctx, void *left)
{
	struct lasts *l = ctx;
	struct left *x = left;

	table_remove(l->writing, x->account);
	if (table_get(l->waiting, x->account))
		mem_free(x);
	else
		put(l->waiting, x);
}

static void done_write(struct job *j)
{
	struct lasts *l = (struct lasts *)j;

	if (j->result != DB_OK) {
		table_each(l->writing, put_back, l);
		l->rest = uv_now(&l->house->loop) + TROUBLE_MS;
	}
	drop_all(&l->writing);
}

void lasts_write(struct house *h)
{
	struct lasts *l = h->lasts;

	if (l->writing || table_count(l->waiting) == 0 || uv_now(&h->loop) < l->rest)
		return;
	l->house = h;
	l->writing = l->waiting;
	l->waiting = table_new();
	l->job.run = run_write;
	l->job.done = done_write;
	desk_give(h->writer, &l->job);
}

struct lasts *lasts_new(void)
{
	struct lasts *l = mem_new(sizeof *l);

	l->waiting = table_new();
	return l;
}

void lasts_free(struct lasts **l)
{
	if (!*l)
		return;
	drop_all(&(*l)->waiting);
	drop_all(&(*l)->writing);
	mem_free(*l);
	*l = NULL;
}

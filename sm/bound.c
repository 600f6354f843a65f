/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Few entries: a connection is here for the blink between its verdict and its session. */
#include "sm/bound.h"

#include "sm/turn.h"

#include <string.h>

#define WORKER_MOST 65536 /* logins of one worker: they are in each snapshot of the turn log */
#define WORKERS 256       /* that are told apart, by the lowest bits of their incarnations */

struct bound {
	struct table *by_conn;
	unsigned of_worker[WORKERS];
};

struct login {
	uint64_t conn;
	struct str account;
	bool by_password, marked;
	struct password_mark mark;
	char text[];
};

struct bound *bound_new(void)
{
	struct bound *b = mem_new(sizeof *b);

	b->by_conn = table_new();
	return b;
}

static void free_visited(void *ctx, void *login)
{
	(void)ctx;
	mem_free(login);
}

void bound_free(struct bound **b)
{
	if (!*b)
		return;
	table_each((*b)->by_conn, free_visited, NULL);
	table_free(&(*b)->by_conn);
	mem_free(*b);
	*b = NULL;
}

size_t bound_count(const struct house *h)
{
	return table_count(h->bound->by_conn);
}

static unsigned *share_of(struct bound *b, uint64_t conn)
{
	return &b->of_worker[(conn >> 32) % WORKERS];
}

static void forget(struct bound *b, uint64_t conn)
{
	struct login *l = table_remove(b->by_conn, KEY(conn));

	if (l)
		--*share_of(b, conn);
	mem_free(l);
}

bool bound_put(struct house *h, uint64_t conn, struct str account)
{
	struct login *l = mem_new(sizeof *l + account.n);

	l->conn = conn;
	memcpy(l->text, account.p, account.n);
	l->account = str_at(l->text, account.n);
	forget(h->bound, conn);
	if (*share_of(h->bound, conn) >= WORKER_MOST ||
		!table_put(h->bound->by_conn, KEY(l->conn), l)) {
		mem_free(l);
		return false;
	}
	++*share_of(h->bound, conn);
	turn_bound(h, conn, l->account);
	return true;
}

struct str bound_account(const struct house *h, uint64_t conn)
{
	const struct login *l = table_get(h->bound->by_conn, KEY(conn));

	return l ? l->account : STR_NONE;
}

void bound_by_password(struct house *h, uint64_t conn)
{
	struct login *l = table_get(h->bound->by_conn, KEY(conn));

	if (l)
		l->by_password = true;
}

bool bound_is_by_password(const struct house *h, uint64_t conn)
{
	const struct login *l = table_get(h->bound->by_conn, KEY(conn));

	return l && l->by_password;
}

void bound_mark(struct house *h, uint64_t conn, const struct password_mark *mark)
{
	struct login *l = table_get(h->bound->by_conn, KEY(conn));

	if (!l)
		return;
	l->mark = *mark;
	l->marked = true;
}

const struct password_mark *bound_marked(const struct house *h, uint64_t conn)
{
	const struct login *l = table_get(h->bound->by_conn, KEY(conn));

	return l && l->by_password && l->marked ? &l->mark : NULL;
}

void bound_remove(struct house *h, uint64_t conn)
{
	if (!table_get(h->bound->by_conn, KEY(conn)))
		return;
	forget(h->bound, conn);
	turn_unbound(h, conn);
}

struct choice {
	struct house *house;
	struct str account; /* empty: any */
	uint32_t incarnation;
};

static void remove_if_chosen(void *ctx, void *login)
{
	const struct choice *c = ctx;
	const struct login *l = login;

	if (c->account.n ? str_eq(l->account, c->account) : l->conn >> 32 == c->incarnation)
		bound_remove(c->house, l->conn);
}

void bound_remove_account(struct house *h, struct str account)
{
	struct choice c = {.house = h, .account = account};

	table_each(h->bound->by_conn, remove_if_chosen, &c);
}

void bound_remove_peer(struct house *h, uint32_t incarnation)
{
	struct choice c = {.house = h, .incarnation = incarnation};

	table_each(h->bound->by_conn, remove_if_chosen, &c);
}

struct visitor {
	void (*visit)(void *ctx, uint64_t conn, struct str account);
	void *ctx;
};

static void visit_login(void *ctx, void *login)
{
	const struct visitor *v = ctx;
	const struct login *l = login;

	v->visit(v->ctx, l->conn, l->account);
}

void bound_each(struct house *h, void (*visit)(void *ctx, uint64_t conn, struct str account),
	void *ctx)
{
	struct visitor v = {visit, ctx};

	table_each(h->bound->by_conn, visit_login, &v);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See block.h: a table of the accounts that block anybody, and for each one of the JIDs. */
#include "sm/block.h"

#include <string.h>

#include "sm/house.h"
#include "sm/store_block.h"

struct item {
	size_t n;
	char text[];
};

struct list {
	struct table *items;
	size_t n;
	char account[];
};

struct blocks {
	struct table *by_account;
};

static struct list *blocked_by(const struct blocks *b, struct str account)
{
	return table_get(b->by_account, account);
}

static struct list *list_make(struct blocks *b, struct str account)
{
	struct list *l = blocked_by(b, account);

	if (l)
		return l;
	l = mem_try(sizeof *l + account.n);
	if (!l)
		return NULL;
	memcpy(l->account, account.p, account.n);
	l->n = account.n;
	l->items = table_new();
	if (table_put(b->by_account, str_at(l->account, l->n), l))
		return l;
	table_free(&l->items);
	mem_free(l);
	return NULL;
}

static void drop_item(void *ctx, void *item)
{
	struct table *items = ctx;
	struct item *i = item;

	table_remove(items, str_at(i->text, i->n));
	mem_free(i);
}

static void drop_list(void *ctx, void *list)
{
	struct blocks *b = ctx;
	struct list *l = list;

	table_remove(b->by_account, str_at(l->account, l->n));
	table_each(l->items, drop_item, l->items);
	table_free(&l->items);
	mem_free(l);
}

static void add(struct blocks *b, struct str account, struct str jid)
{
	struct list *l = list_make(b, account);
	struct item *i = l && !table_get(l->items, jid) ? mem_try(sizeof *i + jid.n) : NULL;

	if (!i)
		return;
	memcpy(i->text, jid.p, jid.n);
	i->n = jid.n;
	if (!table_put(l->items, str_at(i->text, i->n), i))
		mem_free(i);
}

void block_add(struct house *h, struct str account, struct str item)
{
	add(h->blocks, account, item);
}

void block_remove(struct house *h, struct str account, struct str item)
{
	struct list *l = blocked_by(h->blocks, account);
	struct item *i = l ? table_get(l->items, item) : NULL;

	if (i)
		drop_item(l->items, i);
	if (l && table_count(l->items) == 0)
		drop_list(h->blocks, l);
}

void blocks_forget(struct house *h, struct str account)
{
	struct list *l = blocked_by(h->blocks, account);

	if (l)
		drop_list(h->blocks, l);
}

/* A domain means all of its users; where there is no user, the full JID is domain/resource. */
bool block_denies(const struct house *h, struct str account, struct jid other)
{
	const struct list *l = blocked_by(h->blocks, account);

	return l && !str_eq(jid_bare(other), account) &&
		(table_get(l->items, other.text) || table_get(l->items, jid_bare(other)) ||
			table_get(l->items, jid_domain(other)));
}

bool block_matches(struct str item, struct jid other)
{
	return str_eq(item, other.text) || str_eq(item, jid_bare(other)) ||
		str_eq(item, jid_domain(other));
}

static void note(void *ctx, struct str account, struct str jid)
{
	add(ctx, account, jid);
}

struct blocks *blocks_new(void)
{
	struct blocks *b = mem_new(sizeof *b);

	b->by_account = table_new();
	return b;
}

bool blocks_read(struct blocks *b, const char *path, struct buf *why)
{
	struct db *d = db_open(path, DB_READ, why);
	bool good = d && store_block_all(d, note, b) == DB_OK;

	if (d && !good)
		buf_printf(why, "%s: %s", path, db_why(d));
	db_close(&d);
	return good;
}

void blocks_free(struct blocks **b)
{
	if (!*b)
		return;
	table_each((*b)->by_account, drop_list, *b);
	table_free(&(*b)->by_account);
	mem_free(*b);
	*b = NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One block a contact, and a table by name. How many there may be, and how long, is limited where
 * they are made (settings.def). */
#include "sm/roster.h"

#include "common/log.h"

#include <string.h>

struct roster *roster_new(const struct roster_head *head)
{
	struct roster *r = mem_new(sizeof *r);

	r->head = *head;
	r->by_jid = table_new();
	return r;
}

static void unlink_contact(struct roster *r, struct roster_item *c)
{
	*(c->previous ? &c->previous->next : &r->first) = c->next;
	*(c->next ? &c->next->previous : &r->last) = c->previous;
}

/* Behind `before`; NULL: first of all. */
static void link_contact(struct roster *r, struct roster_item *c, struct roster_item *before)
{
	c->previous = before;
	c->next = before ? before->next : r->first;
	*(before ? &before->next : &r->first) = c;
	*(c->next ? &c->next->previous : &r->last) = c;
}

static struct str keep(char **at, struct str s)
{
	struct str kept = str_at(*at, s.n);

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

static struct roster_item *contact_new(const struct roster_row *row)
{
	struct roster_item *c = mem_new(sizeof *c + row->contact.n + row->name.n + row->groups.n +
		row->request.n + row->shared.n);
	char *at = c->text;

	c->row = *row;
	c->row.contact = keep(&at, row->contact);
	c->row.name = keep(&at, row->name);
	c->row.groups = keep(&at, row->groups);
	c->row.request = keep(&at, row->request);
	c->row.shared = keep(&at, row->shared);
	return c;
}

void roster_put(struct roster *r, const struct roster_row *row)
{
	struct roster_item *old = table_get(r->by_jid, row->contact), *before = r->last, *c = NULL;

	if (subscription_is_kept(row->state))
		c = contact_new(row); /* first: the row may borrow from the old one */
	if (row->version > r->head.version)
		r->head.version = row->version;
	if (old) {
		before = old->previous;
		table_remove(r->by_jid, old->row.contact);
		unlink_contact(r, old);
		mem_free(old);
	}
	if (c && table_put(r->by_jid, c->row.contact, c)) {
		link_contact(r, c, before);
	} else if (c) {
		log_event(internal, LOG_TEXT("what", "no memory for a contact"));
		mem_free(c);
	}
}

const struct roster_item *roster_find(const struct roster *r, struct str contact)
{
	return table_get(r->by_jid, contact);
}

unsigned roster_state(const struct roster *r, struct str contact)
{
	const struct roster_item *c = r ? roster_find(r, contact) : NULL;

	return c ? c->row.state : 0;
}

void roster_free(struct roster **r)
{
	struct roster *old = *r;

	if (!old)
		return;
	for (struct roster_item *c = old->first, *next; c; c = next) {
		next = c->next;
		mem_free(c);
	}
	table_free(&old->by_jid);
	mem_free(old);
	*r = NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A roster in memory: that of an account which has a session. It is loaded from store.db before
 * the first session is there, and changed only when the store has taken the change. */
#ifndef SM_ROSTER_H
#define SM_ROSTER_H

#include "common/table.h"
#include "sm/store_roster.h"
#include "sm/subscription.h"

struct roster_item {
	struct roster_item *next, *previous; /* of the roster, as they came */
	struct roster_row row;               /* its slices are the contact's own */
	char text[];
};

struct roster {
	struct roster_head head;
	struct table *by_jid;
	struct roster_item *first, *last;
};

struct roster *roster_new(const struct roster_head *head);
void roster_free(struct roster **r);
/* Puts a row in place of what there is of this contact, or takes that away when there is nothing to
 * keep in the row. The version of the roster becomes the row's if that is newer. */
void roster_put(struct roster *r, const struct roster_row *row);
const struct roster_item *roster_find(const struct roster *r, struct str contact); /* NULL: none */
/* SUB_* bits; 0 where there is no roster, or nobody of that name in it. */
unsigned roster_state(const struct roster *r, struct str contact);

#endif

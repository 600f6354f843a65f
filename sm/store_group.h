/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who is in which shared roster group (share.h), in store.db. All functions are for a desk's
 * thread. */
#ifndef SM_STORE_GROUP_H
#define SM_STORE_GROUP_H

#include "sm/db.h"

/* *changed: it was not there. DB_CONSTRAINT: there is no such account. */
MUST_CHECK enum db_result store_group_add(struct db *d, struct str group, struct str account,
	bool *changed);
MUST_CHECK enum db_result store_group_remove(struct db *d, struct str group, struct str account,
	bool *changed);
MUST_CHECK enum db_result store_group_members(struct db *d, struct str group,
	void (*each)(void *ctx, struct str account), void *ctx);
MUST_CHECK enum db_result store_groups(struct db *d,
	void (*each)(void *ctx, struct str group, struct str account), void *ctx);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Shared roster groups: accounts that the operator has put into one see each other, and have each
 * other in the roster, in a group of that name. They may give each other names and put each other
 * into more groups; they cannot remove each other. What was between two of them before is there
 * again when they share no group any more, but for requests: those are answered. On a desk's
 * thread. */
#ifndef SM_SHARE_H
#define SM_SHARE_H

#include "sm/db.h"

/* Puts the account into the group, or takes it out. *changed: it was not (was) in there.
 * DB_CONSTRAINT: there is no such account. `acts`: roster_act.h. */
MUST_CHECK enum db_result share_join(struct db *d, struct str group, struct str account,
	bool *changed, struct buf *acts);
MUST_CHECK enum db_result share_leave(struct db *d, struct str group, struct str account,
	bool *changed, struct buf *acts);
/* Calls `each` with the members of all groups, by group and account. */
MUST_CHECK enum db_result share_each(struct db *d,
	void (*each)(void *ctx, struct str group, struct str account), void *ctx);

#endif

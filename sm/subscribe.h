/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Changes of rosters in the store, on the writer's thread: both sides of a subscription in one
 * transaction, and the acts (roster_act.h) that come of it. The functions of errand.def, which
 * mod_subscription.c and mod_roster.c finish, lean on these. */
#ifndef SM_SUBSCRIBE_H
#define SM_SUBSCRIBE_H

#include "common/condition.h"
#include "common/stanza.h"
#include "sm/roster_item.h"

#define REQUEST_MOST \
	4096 /* bytes of a request that is kept as it came; of a longer one, its sender */

struct subscribe_limits {
	int64_t items, bytes, requests;
};

/* user: who sends; contact: to whom; both bare. *why: COND_none, or the condition to refuse with,
 * and then nothing has changed. */
MUST_CHECK enum db_result subscribe(struct db *d, struct str user, struct str contact,
	const struct stanza *s, uint64_t version, const struct subscribe_limits *most,
	struct buf *acts, enum cond *why);
MUST_CHECK enum db_result roster_wish_store(struct db *d, struct str account,
	const struct roster_wish *w, uint64_t version, const struct subscribe_limits *most,
	struct buf *acts, enum cond *why);
/* Removes an account: whoever had it in the roster has a contact without subscription. */
MUST_CHECK enum db_result account_end(struct db *d, struct str account, bool *found,
	struct buf *acts);

#endif

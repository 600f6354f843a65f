/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Block lists (XEP-0191) in store.db; what errands do there is in errand.def. */
#ifndef SM_STORE_BLOCK_H
#define SM_STORE_BLOCK_H

#include "sm/db.h"

/* All of all accounts. */
MUST_CHECK enum db_result store_block_all(struct db *d,
	void (*each)(void *ctx, struct str account, struct str jid), void *ctx);

/* Does the account block this bare JID, or its domain? */
MUST_CHECK enum db_result store_block_denies(struct db *d, struct str account, struct str other,
	bool *denies);

#endif

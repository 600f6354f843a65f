/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Last activity (XEP-0012) in store.db; what an errand reads there is in errand.def. */
#ifndef SM_STORE_LAST_H
#define SM_STORE_LAST_H

#include "sm/db.h"

/* For an account that is gone nothing is done. */
MUST_CHECK enum db_result store_last_put(struct db *d, struct str account, int64_t when,
	struct str status);

#endif

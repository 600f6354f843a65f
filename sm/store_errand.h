/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Errands that have been done (errand.h): a row each, in the transaction that did it, until the
 * turn's record has let it go. For the writer's thread. */
#ifndef SM_STORE_ERRAND_H
#define SM_STORE_ERRAND_H

#include "sm/db.h"

MUST_CHECK enum db_result store_errand_put(struct db *d, uint64_t id, struct str result);
/* Appends the result of one that has been done. */
MUST_CHECK enum db_result store_errand_get(struct db *d, uint64_t id, struct buf *result,
	bool *found);
MUST_CHECK enum db_result store_errand_forget(struct db *d, uint64_t before); /* smaller ids */

#endif

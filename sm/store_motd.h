/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The message of the day in store.db; what an errand does there is in errand.def. For desks'
 * threads, but for motd_read. */
#ifndef SM_STORE_MOTD_H
#define SM_STORE_MOTD_H

#include "sm/db.h"

/* Is there one in store.db at `path`? False: `why`. */
MUST_CHECK bool motd_read(const char *path, bool *there, struct buf *why);

/* Another one, which nobody has had; empty: none. */
MUST_CHECK enum db_result store_motd_set(struct db *d, struct str body);
/* Appends the body; nothing when there is none. *had: accounts that were given it. */
MUST_CHECK enum db_result store_motd_get(struct db *d, struct buf *body, int64_t *had);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Offline messages in store.db: one row a message, by account and by an id that grows with time
 * (session_new_sid), so that reading in its order is reading as they came. The account's row counts
 * them. All functions are for a desk's thread. */
#ifndef SM_STORE_OFFLINE_H
#define SM_STORE_OFFLINE_H

#include "sm/db.h"

struct offline_limit {
	int64_t messages, bytes; /* of one account */
};

enum offline_outcome {
	OFFLINE_STORED, /* now, or by an earlier try under the same id */
	OFFLINE_NOBODY, /* there is no such account */
	OFFLINE_FULL    /* the account has as many as it may have */
};

MUST_CHECK enum db_result store_offline_put(struct db *d, struct str account, uint64_t id,
	struct str xml, const struct offline_limit *limit, enum offline_outcome *outcome);
/* Calls `each`, in order, with those of after < id < before; at most `most` of them, and no more
 * once they come to `bytes`. */
MUST_CHECK enum db_result store_offline_read(struct db *d, struct str account, uint64_t after,
	uint64_t before, unsigned most, size_t bytes,
	void (*each)(void *ctx, uint64_t id, struct str xml), void *ctx);
/* Lowers *upto so far that the messages up to it come to no more than about `bytes`; it never has
 * fewer than one. */
MUST_CHECK enum db_result store_offline_part(struct db *d, struct str account, size_t bytes,
	uint64_t *upto);
/* Removes all up to this id; how many. */
MUST_CHECK enum db_result store_offline_remove(struct db *d, struct str account, uint64_t upto,
	int64_t *removed);
/* Every account that has some, and the id of the newest. */
MUST_CHECK enum db_result store_offline_accounts(struct db *d,
	void (*each)(void *ctx, struct str account, uint64_t newest), void *ctx);

struct offline_summary {
	int64_t messages, bytes;
	uint64_t oldest; /* its id; 0: there is none */
};
MUST_CHECK enum db_result store_offline_summary(struct db *d, struct str account,
	struct offline_summary *out);

#endif

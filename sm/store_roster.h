/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rosters in store.db: one row for each contact of an account, with what the two are to each other
 * (sm/subscription.h) and, where the contact waits for an answer, its request. An item that was
 * removed leaves a row (SUB_GONE), so that a client that knows an older version (RFC 6121 2.6) can
 * be told. All functions are for a desk's thread. */
#ifndef SM_STORE_ROSTER_H
#define SM_STORE_ROSTER_H

#include "sm/db.h"

#define ROSTER_GONE_MOST 200 /* removed items that an account's roster remembers */

/* Slices are borrowed. */
struct roster_row {
	struct str contact; /* bare JID */
	unsigned state;     /* SUB_* */
	uint64_t version;   /* of the roster, when this changed last */
	struct str name;
	struct str groups;  /* each ended by a NUL, which no XML has */
	struct str request; /* SUB_IN: the presence that asked, as it is to be delivered */
	struct str shared;  /* SUB_SHARED: the groups that both are in, as groups */
};

struct roster_head {
	uint64_t version; /* of the last change; 0: none yet */
	uint64_t floor;   /* what changed up to here is not all known any more */
};

/* Row as bytes, for what passes between threads and is kept for a crash. */
void roster_row_put(struct buf *out, const struct roster_row *r);
MUST_CHECK bool roster_row_take(struct str *in, struct roster_row *out);

/* `found`: is there a row? `keep`: what its slices then lie in, behind what is there already. */
MUST_CHECK enum db_result store_roster_get(struct db *d, struct str account, struct str contact,
	struct roster_row *out, struct buf *keep, bool *found);
/* Puts the row, or, when there is nothing to keep in it, removes it; the roster's version becomes
 * the row's. DB_CONSTRAINT: there is no such account. */
MUST_CHECK enum db_result store_roster_put(struct db *d, struct str account,
	const struct roster_row *r);
/* Calls `each` with every row, by contact. *found: does the account exist? */
MUST_CHECK enum db_result store_roster_load(struct db *d, struct str account,
	struct roster_head *head, bool *found, void (*each)(void *ctx, const struct roster_row *r),
	void *ctx);
/* The version of an account's roster. found: is there such an account? */
MUST_CHECK enum db_result store_roster_version(struct db *d, struct str account, uint64_t *version,
	bool *found);
struct roster_size {
	int64_t items; /* listed, without those that are shared */
	int64_t bytes; /* of their addresses, and of the names and groups of all */
};
MUST_CHECK enum db_result store_roster_size(struct db *d, struct str account,
	struct roster_size *out);
/* How many wait for this account's answer. */
MUST_CHECK enum db_result store_roster_requests(struct db *d, struct str account, int64_t *n);
/* Calls `each` with the account of every roster that has this contact. */
MUST_CHECK enum db_result store_roster_owners(struct db *d, struct str contact,
	void (*each)(void *ctx, struct str account), void *ctx);

#endif

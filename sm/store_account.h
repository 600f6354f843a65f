/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accounts and what is kept of their passwords in store.db (common/credential.h), never these. All
 * functions are for a desk's thread, or for the CLI when sm is stopped. */
#ifndef SM_STORE_ACCOUNT_H
#define SM_STORE_ACCOUNT_H

#include "common/credential.h"
#include "common/jid.h"
#include "sm/db.h"

/* `account` is a prepared bare JID; for what changes something, the caller has opened the
 * transaction (a desk does). DB_CONSTRAINT: it exists already. */
MUST_CHECK enum db_result store_account_add(struct db *d, struct str account,
	struct str credentials);
/* Is it there with just these? For one that was asked for twice: a salt says enough. */
MUST_CHECK enum db_result store_account_same(struct db *d, struct str account,
	struct str credentials, bool *same);
/* What was kept before is gone, that of mechanisms which the domain lists no longer included. */
MUST_CHECK enum db_result store_account_passwd(struct db *d, struct str account,
	struct str credentials, bool *found);
/* Adds those that the account lacks, if the verifier is still its (the password has not been
 * changed since that proved something). */
MUST_CHECK enum db_result store_account_complete(struct db *d, struct str account,
	const struct verifier *proved, struct str credentials);
/* What tells one password of an account from the next: the salt of the verifier that every account
 * has. */
struct password_mark {
	uint8_t salt[VERIFIER_SALT];
};
/* found: there is such an account, with such a verifier. */
MUST_CHECK enum db_result store_account_mark(struct db *d, struct str account,
	struct password_mark *mark, bool *found);
/* Adds those that the account lacks, if it still has the password of the mark. */
MUST_CHECK enum db_result store_account_add_missing(struct db *d, struct str account,
	const struct password_mark *mark, struct str credentials, bool *same);
MUST_CHECK enum db_result store_account_remove(struct db *d, struct str account, bool *found);
/* A disabled account keeps all that it has, but nobody logs in to it. */
MUST_CHECK enum db_result store_account_disable(struct db *d, struct str account, bool disabled,
	bool *found);
/* found: does the account exist; v->iterations 0 when it has no verifier for the hash. */
MUST_CHECK enum db_result store_account_verifier(struct db *d, struct str account, enum hash hash,
	struct verifier *v, bool *found);
MUST_CHECK enum db_result store_account_exists(struct db *d, struct str account, bool *found);
/* What has become of the account that a session is of, which began then (wall clock, seconds). */
enum standing { STANDING_GOOD, STANDING_DISABLED, STANDING_GONE /* or another of that name */ };
MUST_CHECK enum db_result store_account_standing(struct db *d, struct str account, int64_t since,
	enum standing *out);
/* Which kinds the account has, as CREDENTIAL_BITs; 0 for one that does not exist. */
MUST_CHECK enum db_result store_account_kinds(struct db *d, struct str account, uint32_t *kinds);
/* A value that is no verifier: *n bytes of it to `out`, at most `room`; 0: there is none. */
MUST_CHECK enum db_result store_account_credential(struct db *d, struct str account,
	enum credential_kind kind, uint8_t *out, size_t room, size_t *n, bool *disabled);
/* Calls `each` with accounts after `after` in order, at most `most`. */
MUST_CHECK enum db_result store_account_list(struct db *d, struct str after, unsigned most,
	void (*each)(void *ctx, struct str account, int64_t created, bool disabled), void *ctx);
struct rounds {
	uint32_t iterations, upto;
};
/* Rounds that verifiers of this hash have, the smallest first, and how many of a sample have those
 * or smaller ones; *n, at most `room`. */
MUST_CHECK enum db_result store_account_rounds(struct db *d, enum hash hash, struct rounds *out,
	size_t room, size_t *n);
/* A secret of the server by name ("fake-salt", "nonce", ...), 32 random bytes, made at first
 * use. */
MUST_CHECK enum db_result store_secret(struct db *d, const char *name, uint8_t out[32]);

/* Numbered schema steps of store.db (sm/schema.c); for desk_new. Backup copy before a step; newer
 * schema: false and why. */
bool store_migrate(struct db *d, const char *path, struct buf *why);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accounts and their verifiers in store.db. Never a password: per hash salt, iterations, StoredKey,
 * ServerKey (RFC 5802 3). All functions are for a desk's thread, or for the CLI when sm is
 * stopped. */
#ifndef SM_STORE_ACCOUNT_H
#define SM_STORE_ACCOUNT_H

#include "common/crypt.h"
#include "common/jid.h"
#include "sm/db.h"

struct verifier {
	enum hash hash;
	uint32_t iterations; /* 0: there is none */
	uint8_t salt[16];
	uint8_t stored_key[HASH_MAX], server_key[HASH_MAX];
	bool disabled; /* the account is; only read, never written by add and passwd */
};

/* What a new account gets verifiers for: X(hash, the setting with its rounds). */
#define VERIFIER_HASHES(X) \
	X(HASH_SHA1, scram_sha1_iterations) X(HASH_SHA256, scram_sha256_iterations)
#define VERIFIER_COUNT 2

/* Makes one verifier, with a new salt, from an OpaqueString-prepared password: milliseconds of
 * CPU. */
void verifier_make(struct verifier *v, enum hash hash, struct str prepared_password,
	uint32_t iterations);

/* `account` is a prepared bare JID; for what changes something, the caller has opened the
 * transaction (a desk does). DB_CONSTRAINT: it exists already. */
MUST_CHECK enum db_result store_account_add(struct db *d, struct str account,
	const struct verifier *v, size_t n);
MUST_CHECK enum db_result store_account_passwd(struct db *d, struct str account,
	const struct verifier *v, size_t n, bool *found);
MUST_CHECK enum db_result store_account_remove(struct db *d, struct str account, bool *found);
/* found: does the account exist; v->iterations 0 when it has no verifier for the hash. */
MUST_CHECK enum db_result store_account_verifier(struct db *d, struct str account, enum hash hash,
	struct verifier *v, bool *found);
MUST_CHECK enum db_result store_account_exists(struct db *d, struct str account, bool *found);
/* Calls `each` with accounts after `after` in order, at most `most`. */
MUST_CHECK enum db_result store_account_list(struct db *d, struct str after, unsigned most,
	void (*each)(void *ctx, struct str account, int64_t created), void *ctx);
/* A secret of the server by name ("fake-salt", "nonce", ...), 32 random bytes, made at first
 * use. */
MUST_CHECK enum db_result store_secret(struct db *d, const char *name, uint8_t out[32]);

/* Numbered schema steps of store.db (sm/schema.c); for desk_new. Backup copy before a step; newer
 * schema: false and why. */
bool store_migrate(struct db *d, const char *path, struct buf *why);

#endif

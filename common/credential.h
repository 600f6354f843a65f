/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is kept of a password instead of it (credential.def), and lists of that: from whoever was
 * told the password (the CLI, a worker at a PLAIN login, registration) to the store. A list is
 * (u8 kind, u32 length, value)*; it is as secret as the store. Plain functions, any thread. */
#ifndef COMMON_CREDENTIAL_H
#define COMMON_CREDENTIAL_H

#include "common/buf.h"
#include "common/conf.h"
#include "common/crypt.h"

#define VERIFIER_SALT 16
#define VERIFIER_BYTES(hash_size) (4 + VERIFIER_SALT + 2 * (hash_size))

/* RFC 5802 3 */
struct verifier {
	enum hash hash;
	uint32_t iterations; /* 0: there is none */
	uint8_t salt[VERIFIER_SALT];
	uint8_t stored_key[HASH_MAX], server_key[HASH_MAX];
	bool disabled; /* the account is; only read from the store, in no list */
};

/* The hashes of verifiers, and the settings with the rounds of new ones: X(hash, setting). */
#define VERIFIER_HASHES(X) \
	X(HASH_SHA1, scram_sha1_iterations) \
	X(HASH_SHA256, scram_sha256_iterations) X(HASH_SHA512, scram_sha512_iterations)

enum credential_kind {
#define CREDENTIAL(kind, name, mechanism, make, shortest, longest, meaning) \
	CREDENTIAL_##name = (kind),
#include "common/credential.def"
#undef CREDENTIAL
};
#define CREDENTIAL_BIT(kind) (UINT32_C(1) << (kind))

/* Which are made, and how; a plain value. */
struct credential_rules {
	uint32_t kinds;                   /* CREDENTIAL_BITs */
	uint32_t rounds[HASH_SHA512 + 1]; /* PBKDF2's, by hash */
};

struct credential {
	enum credential_kind kind;
	struct str value; /* borrows */
};

/* All that an account of this domain has, when it is new. */
void credential_rules(struct credential_rules *out, const struct conf *conf,
	const struct conf_domain *domain);
/* Those that every account has, whatever its domain lists. */
uint32_t credential_always(void);
/* Appends everything that the rules want of a password (prepared: prep_password) of an account
 * (bare, prepared). Milliseconds of CPU for each verifier: never on a loop. */
void credential_make(struct buf *list, const struct credential_rules *rules, struct str account,
	struct str password);

void credential_put(struct buf *list, enum credential_kind kind, struct str value);
/* Takes the next one off the front. False: at the end (list->n 0), or malformed. */
MUST_CHECK bool credential_next(struct str *list, struct credential *out);
/* Are these credentials that we know, each of its size, none twice, and all of `needed` there? */
MUST_CHECK bool credential_list_ok(struct str list, uint32_t needed);

/* One verifier, with a new salt. */
void verifier_make(struct verifier *v, enum hash hash, struct str password, uint32_t iterations);
/* The same from a SaltedPassword (RFC 5802 3) of hash_size bytes. */
void verifier_of_salted(struct verifier *v, enum hash hash, const uint8_t *salted);
void credential_put_verifier(struct buf *list, const struct verifier *v);
/* False: it is no verifier, or not one that could have been made. */
MUST_CHECK bool credential_verifier(const struct credential *c, struct verifier *out);

#endif

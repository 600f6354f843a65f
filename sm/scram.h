/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The server's check of SCRAM (RFC 5802 3, RFC 7677) as plain functions: whether an AuthMessage
 * answers our challenge, and whether a proof fits a verifier. */
#ifndef SM_SCRAM_H
#define SM_SCRAM_H

#include "sm/store_account.h"

/* Is this client-first-bare "," server-first "," client-final-without-proof (RFC 5802 7), with one
 * nonce that is the client's part, more, and `nonce` at its end, and with the salt and rounds of
 * `v`? Channel binding is not checked here: only the worker has the channel (sasl_scram.c). */
MUST_CHECK bool scram_message_fits(struct str message, struct str nonce, const struct verifier *v);
/* ClientProof (hash_size bytes) against StoredKey, in constant time; ServerSignature to `signature`
 * in any case. */
MUST_CHECK bool scram_proof_fits(const struct verifier *v, struct str message, const uint8_t *proof,
	uint8_t *signature);
/* The same for a ClientKey itself. */
MUST_CHECK bool scram_key_fits(const struct verifier *v, struct str client_key);

#endif

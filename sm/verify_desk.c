/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is found out about one question: the verifier, whether the account exists or not, and
 * whether the proof fits. */
#include "sm/verify_work.h"

#include "common/b64.h"
#include "common/condition.h"
#include "sm/scram.h"

#include <string.h>

#define NONCE_BYTES 18 /* before base64 */

static uint32_t new_iterations(const struct verify *v, enum hash hash)
{
	return (size_t)hash < COUNT(v->iterations) ? atomic_load(&v->iterations[hash]) : 0;
}

static void derive(const struct verify *v, char what, const struct question *q, uint8_t out[32])
{
	struct buf in = {0};

	buf_putc(&in, what);
	buf_u8(&in, (uint8_t)q->hash);
	buf_put(&in, q->who.text);
	hmac_bytes(HASH_SHA256, str_at(v->salt_secret, sizeof v->salt_secret), buf_str(&in), out);
	buf_free(&in);
}

/* What an account looks like that does not exist: always the same, and nothing has its keys. */
static void pretend(const struct verify *v, const struct question *q, struct verifier *out)
{
	uint8_t bytes[32];

	*out = (struct verifier){.hash = q->hash, .iterations = new_iterations(v, q->hash)};
	derive(v, 's', q, bytes);
	memcpy(out->salt, bytes, sizeof out->salt);
	derive(v, 'k', q, bytes);
	for (size_t i = 0; i < hash_size(q->hash); i++) {
		out->stored_key[i] = bytes[i % sizeof bytes];
		out->server_key[i] = out->stored_key[i];
	}
}

/* Both are made, whichever is taken: time must not tell. real: the account exists, with a verifier
 * for the hash. */
static enum db_result find(const struct question *q, struct db *d, struct verifier *out, bool *real)
{
	struct verifier kept;
	bool found;
	enum db_result r = store_account_verifier(d, q->who.text, q->hash, &kept, &found);

	pretend(q->v, q, out);
	*real = r == DB_OK && found && kept.iterations > 0;
	if (*real)
		*out = kept;
	mem_wipe(&kept, sizeof kept);
	return r;
}

void verify_nonce(const struct question *q, struct buf *out)
{
	uint8_t digest[32];
	struct buf in = {0};

	buf_u64(&in, q->conn);
	buf_u32(&in, q->attempt);
	hmac_bytes(HASH_SHA256, str_at(q->v->nonce_secret, sizeof q->v->nonce_secret), buf_str(&in),
		digest);
	buf_free(&in);
	b64_encode(out, str_at(digest, NONCE_BYTES));
}

enum db_result verify_run_start(struct job *j, struct db *d)
{
	struct question *q = (struct question *)j;

	return find(q, d, &q->verifier, &q->real);
}

static bool proof_fits(struct question *q, const struct verifier *v)
{
	struct buf nonce = {0};
	bool fits, is_ours;

	if (q->form == PROTO_FORM_CLIENT_KEY)
		return scram_key_fits(v, q->proof);
	verify_nonce(q, &nonce);
	is_ours = scram_message_fits(q->message, buf_str(&nonce), v);
	buf_free(&nonce);
	fits = scram_proof_fits(v, q->message, (const uint8_t *)q->proof.p, q->signature);
	return is_ours && fits;
}

void verify_judge(struct question *q, const struct verifier *v, bool real)
{
	bool fits = proof_fits(q, v);

	if (!real || !fits)
		q->cond = SASL_not_authorized;
	else if (v->disabled)
		q->cond = SASL_account_disabled;
	else
		q->cond = COND_none;
}

enum db_result verify_run_prove(struct job *j, struct db *d)
{
	struct question *q = (struct question *)j;
	struct verifier v;
	bool real;
	enum db_result r = find(q, d, &v, &real);

	verify_judge(q, &v, real);
	mem_wipe(&v, sizeof v);
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is found out about one question: what the proof is checked against, whether the account
 * exists or not. */
#include "sm/verify_work.h"

#include "common/b64.h"

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

/* Rounds as accounts have them, those from before the setting was changed too: which ones the name
 * decides. Some have the new ones at once, as whoever changes the password then. */
static uint32_t pretended_rounds(const struct question *q)
{
	enum { NEW_PART = 8 };
	const struct rounds *r = q->v->rounds[q->hash];
	size_t n = q->v->rounds_n[q->hash];
	uint32_t all = n ? r[n - 1].upto : 0;
	uint64_t at = 0;
	uint8_t bytes[32];
	struct str rest = str_at(bytes, sizeof bytes);

	derive(q->v, 'r', q, bytes);
	at = str_take_u64(&rest, &at) ? at % (all + all / NEW_PART + 1) : 0;
	for (size_t i = 0; i < n; i++) {
		if (at < r[i].upto)
			return r[i].iterations;
	}
	return new_iterations(q->v, q->hash);
}

/* What an account looks like that does not exist: always the same, and nothing has its keys. Other
 * rounds have another salt, as with accounts. */
static void pretend(struct question *q)
{
	struct verifier *v = &q->verifier;
	uint8_t bytes[32];
	struct buf in = {0};

	*v = (struct verifier){.hash = q->hash, .iterations = pretended_rounds(q)};
	derive(q->v, 's', q, bytes);
	buf_add(&in, bytes, sizeof bytes);
	buf_u32(&in, v->iterations);
	hash_bytes(HASH_SHA256, buf_str(&in), bytes);
	buf_wipe(&in);
	memcpy(v->salt, bytes, sizeof v->salt);
	derive(q->v, 'k', q, bytes);
	for (size_t i = 0; i < hash_size(q->hash); i++) {
		v->stored_key[i] = bytes[i % sizeof bytes];
		v->server_key[i] = v->stored_key[i];
	}
}

/* What of q->kinds the account lacks. One that does not exist has everything, or but what every
 * account has, as its name decides: so it is with accounts, too, of before and after a mechanism
 * was listed. That is for workers that were taken over: clients see nothing of it
 * (c2s/sasl_plain.c). */
static enum db_result find_lacks(struct question *q, struct db *d)
{
	uint32_t have, optional = q->kinds & ~credential_always();
	uint8_t bytes[32];
	enum db_result r;

	q->lacks = 0;
	if (!optional)
		return DB_OK;
	r = store_account_kinds(d, q->who.text, &have);
	derive(q->v, 'w', q, bytes);
	q->lacks = q->real ? optional & ~have : bytes[0] & 1 ? optional : 0;
	return r;
}

/* Both are made, whichever is taken: time must not tell. */
enum db_result verify_find_verifier(struct question *q, struct db *d)
{
	struct verifier kept;
	bool found;
	enum db_result r = store_account_verifier(d, q->who.text, q->hash, &kept, &found);

	pretend(q);
	q->real = r == DB_OK && found && kept.iterations > 0;
	q->disabled = q->real && kept.disabled;
	if (q->real)
		q->verifier = kept;
	mem_wipe(&kept, sizeof kept);
	return r == DB_OK ? find_lacks(q, d) : r;
}

enum db_result verify_find_credential(struct question *q, struct db *d, enum credential_kind kind,
	size_t size)
{
	uint8_t kept[sizeof q->secret], bytes[32];
	size_t n;
	enum db_result r = store_account_credential(d, q->who.text, kind, kept, sizeof kept, &n,
		&q->disabled);

	if (r == DB_OK && n % size)
		r = DB_CORRUPT; /* damage, as in read_verifier */
	derive(q->v, 'c', q, bytes);
	q->real = r == DB_OK && n > 0;
	q->secret_n = q->real ? n : size;
	for (size_t i = 0; i < q->secret_n; i++)
		q->secret[i] = q->real ? kept[i] : bytes[i % sizeof bytes];
	mem_wipe(kept, sizeof kept);
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
	return verify_find_verifier((struct question *)j, d);
}

enum db_result verify_run_prove(struct job *j, struct db *d)
{
	struct question *q = (struct question *)j;
	enum db_result r = q->form->find(q, d);

	q->form->judge(q);
	return r;
}

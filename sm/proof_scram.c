/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Proofs by a verifier: SCRAM's, and the ClientKey that a worker has derived from a password. */
#include "sm/scram.h"
#include "sm/verify_work.h"

#define MESSAGE_MOST 16384 /* bytes: more than any element before login may have */

static bool is_known_hash(unsigned hash)
{
	static const bool known[] = {
#define ROW(value, setting) [value] = true,
		VERIFIER_HASHES(ROW)
#undef ROW
	};

	return hash < COUNT(known) && known[hash];
}

bool proof_is_scram(const struct msg_sasl_prove *m)
{
	return is_known_hash(m->hash) && m->proof.n == hash_size((enum hash)m->hash) &&
		m->message.n > 0 && m->message.n <= MESSAGE_MOST;
}

bool proof_is_client_key(const struct msg_sasl_prove *m)
{
	return is_known_hash(m->hash) && m->proof.n == hash_size((enum hash)m->hash) &&
		m->message.n == 0;
}

void proof_judge_scram(struct question *q)
{
	struct buf nonce = {0};
	bool fits, is_ours;

	verify_nonce(q, &nonce);
	is_ours = scram_message_fits(q->message, buf_str(&nonce), &q->verifier);
	buf_free(&nonce);
	fits = scram_proof_fits(&q->verifier, q->message, (const uint8_t *)q->proof.p,
		q->signature);
	q->signature_n = hash_size(q->hash);
	proof_decide(q, is_ours && fits);
}

void proof_judge_client_key(struct question *q)
{
	proof_decide(q, scram_key_fits(&q->verifier, q->proof));
}

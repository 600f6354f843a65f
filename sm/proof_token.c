/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Proofs by a token (FAST, XEP-0484; the mechanisms of draft-schmaus-kitten-sasl-ht-09). The
 * client's message is HMAC(token, "Initiator" || channel binding data), our answer the same of
 * "Responder". A token is good for the mechanism that it was made for and no other, whatever the
 * HMAC says. Nothing here costs more than a look-up and four HMACs; what a use changes is written
 * first, and only where it must be: not each time. */
#include "sm/verify_work.h"

#include <string.h>
#include <time.h>

#define CHANNEL_MOST 512  /* bytes of channel binding data */
#define SEEN_SECONDS 3600 /* how exactly it is known when a client was last here */

bool proof_is_token(const struct msg_sasl_prove *m)
{
	return m->hash == HASH_SHA256 && m->proof.n == hash_size(HASH_SHA256) &&
		m->message.n <= CHANNEL_MOST && m->client.n && m->client.n <= CLIENT_ID_MOST &&
		m->mechanism.n && m->count <= INT64_MAX;
}

enum db_result proof_find_tokens(struct question *q, struct db *d)
{
	enum db_result r = store_client_tokens(d, q->who.text, q->client, &q->tokens);

	q->disabled = q->tokens.disabled;
	return r;
}

static void hashed(const struct token *t, const char *who, struct str channel, uint8_t *out)
{
	struct buf in = {0};

	buf_puts(&in, who);
	buf_put(&in, channel);
	hmac_bytes(HASH_SHA256, str_at(t->text, TOKEN_TEXT), buf_str(&in), out);
	buf_free(&in);
}

/* For a slot that is empty the same is done with a token of zeros, which fits nothing. */
static bool fits(const struct question *q, enum token_slot slot)
{
	const struct token *t = &q->tokens.token[slot];
	uint8_t wanted[HASH_MAX];
	bool same;

	hashed(t, "Initiator", q->message, wanted);
	same = same_bytes(wanted, q->proof.p, hash_size(HASH_SHA256));
	mem_wipe(wanted, sizeof wanted);
	return same && q->tokens.has[slot] && str_is(q->mechanism, t->mechanism);
}

/* XEP-0484 5.2: who has an old token hears that it is old, and asks for the password. */
static enum cond judge_age(const struct question *q, const struct token *t, int64_t now)
{
	if (t->expiry <= now)
		return SASL_credentials_expired;
	return q->count && (int64_t)q->count <= t->count ? SASL_not_authorized : COND_none;
}

void proof_judge_token(struct question *q)
{
	bool new = fits(q, TOKEN_NEW), current = fits(q, TOKEN_CURRENT);
	const struct token *t = &q->tokens.token[new ? TOKEN_NEW : TOKEN_CURRENT];
	int64_t now = (int64_t)time(NULL);

	hashed(t, "Responder", q->message, q->signature);
	q->signature_n = hash_size(HASH_SHA256);
	q->real = new || current;
	proof_decide(q, true);
	if (q->cond == COND_none)
		q->cond = judge_age(q, t, now);
	if (q->cond != COND_none)
		return;
	q->use = (struct token_use){.slot = new ? TOKEN_NEW : TOKEN_CURRENT,
		.count = (int64_t)q->count,
		.invalidate = q->invalidate,
		.now = now};
	q->must_settle = new || q->count || q->invalidate;
	q->settles = q->must_settle || now - q->tokens.last_seen >= SEEN_SECONDS;
	if (!q->invalidate && now - t->made >= q->rotation)
		q->flags |= PROTO_VERDICT_TOKEN_DUE;
}

/* On the writing desk: another use may have come in between. */
enum db_result proof_settle_token(struct question *q, struct db *d)
{
	bool fit;
	enum db_result r = store_client_use(d, q->who.text, q->client,
		&q->tokens.token[q->use.slot], &q->use, &fit);

	if (r == DB_OK && !fit)
		q->cond = SASL_not_authorized;
	return r;
}

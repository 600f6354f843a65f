/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Proofs that name no account: sm makes a name that nobody has, and binds the connection to a full
 * JID of it. */
#include "common/hex.h"
#include "common/rand.h"
#include "sm/verify_work.h"

#include <string.h>

#define NAME_BYTES 16 /* of randomness: nobody has the name, nor guesses it */
#define DIGEST_BYTES 16

bool proof_is_nothing(const struct msg_sasl_prove *m)
{
	return m->hash == 0 && m->proof.n == 0 && m->message.n == 0;
}

/* Localpart and resource are the same, as Openfire's are: the name is taken whole or not at all. */
static void name_somebody(struct question *q)
{
	char hex[2 * NAME_BYTES + 1];

	rand_hex(hex, NAME_BYTES);
	q->who = jid_join(&q->named, str_of(hex), jid_domain(q->who), str_of(hex));
	q->flags = PROTO_FLAG_ANONYMOUS;
	q->cond = COND_none;
}

void proof_judge_anonymous(struct question *q)
{
	name_somebody(q);
}

bool proof_is_shared_secret(const struct msg_sasl_prove *m)
{
	return m->hash == 0 && m->proof.n == 2 * DIGEST_BYTES && m->message.n == 0;
}

static const char *secret_of(const struct question *q)
{
	const struct conf_domain *d = conf_domain(q->v->conf, jid_domain(q->who));

	return d && *d->shared_secret ? d->shared_secret : q->v->conf->shared_secret;
}

/* The digest of no secret is none. */
void proof_judge_shared_secret(struct question *q)
{
	const char *secret = secret_of(q);
	uint8_t digest[DIGEST_BYTES];
	struct buf wanted = {0};
	bool fits;

	hash_bytes(HASH_MD5, str_of(secret), digest);
	hex_put(&wanted, str_at(digest, sizeof digest));
	fits = same_bytes(wanted.p, q->proof.p, 2 * DIGEST_BYTES) && *secret;
	mem_wipe(digest, sizeof digest);
	buf_wipe(&wanted);
	if (fits)
		name_somebody(q);
	else
		q->cond = SASL_not_authorized;
}

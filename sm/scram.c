/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a SCRAM exchange must have said, and what its proof must be. */
#include "sm/scram.h"

#include "common/b64.h"
#include "common/scram_text.h"

static bool is_salt(struct str text, const struct verifier *v)
{
	struct buf wanted = {0};
	bool same;

	b64_encode(&wanted, str_at(v->salt, sizeof v->salt));
	same = str_eq(text, buf_str(&wanted));
	buf_free(&wanted);
	return same;
}

static bool is_rounds(struct str text, const struct verifier *v)
{
	uint64_t rounds;

	return str_u64(text, &rounds) && rounds == v->iterations;
}

/* Takes client-first-bare: name, nonce, extensions. They end at "r=" of what follows. */
static bool take_first(struct str *s, struct str *nonce)
{
	struct str name;

	return scram_take(s, 'n', &name) && scram_take(s, 'r', nonce) &&
		scram_skip_extensions(s, 'r');
}

static bool skip_optional(struct str *s, char key)
{
	struct str value;

	return !s->n || s->p[0] != key || scram_take(s, key, &value);
}

/* server-first, and the two extensions that our workers may put there: h= (XEP-0474), t=
 * (XEP-0515). */
static bool take_challenge(struct str *s, struct str *nonce, const struct verifier *v)
{
	struct str salt, rounds;

	return scram_take(s, 'r', nonce) && scram_take(s, 's', &salt) &&
		scram_take(s, 'i', &rounds) && skip_optional(s, 'h') && skip_optional(s, 't') &&
		is_salt(salt, v) && is_rounds(rounds, v);
}

/* client-final-without-proof. What c= says of the channel is for the worker to compare, which has
 * the other end of it; here it is only part of what the proof covers. */
static bool take_final(struct str *s, struct str *nonce)
{
	struct str binding;

	return scram_take(s, 'c', &binding) && scram_take(s, 'r', nonce) &&
		scram_skip_extensions(s, '\0');
}

bool scram_message_fits(struct str message, struct str nonce, const struct verifier *v)
{
	struct str rest = message, first, challenge, final;

	if (str_ends(message, STR(",")) || !take_first(&rest, &first) ||
		!take_challenge(&rest, &challenge, v) || !take_final(&rest, &final))
		return false;
	return challenge.n >= first.n + nonce.n && str_starts(challenge, first) &&
		str_ends(challenge, nonce) && str_eq(challenge, final);
}

bool scram_key_fits(const struct verifier *v, struct str client_key)
{
	uint8_t stored[HASH_MAX];
	bool same;

	hash_bytes(v->hash, client_key, stored);
	same = same_bytes(stored, v->stored_key, hash_size(v->hash));
	mem_wipe(stored, sizeof stored);
	return same;
}

bool scram_proof_fits(const struct verifier *v, struct str message, const uint8_t *proof,
	uint8_t *signature)
{
	uint8_t key[HASH_MAX];
	size_t n = hash_size(v->hash);
	bool same;

	hmac_bytes(v->hash, str_at(v->stored_key, n), message, key); /* ClientSignature */
	for (size_t i = 0; i < n; i++)
		key[i] ^= proof[i];
	same = scram_key_fits(v, str_at(key, n));
	mem_wipe(key, sizeof key);
	hmac_bytes(v->hash, str_at(v->server_key, n), message, signature);
	return same;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a SCRAM exchange must have said, and what its proof must be. */
#include "sm/scram.h"

#include "common/b64.h"

/* Takes "KEY=value" and the comma behind it off the front. */
static bool take(struct str *s, char key, struct str *value)
{
	struct str head;

	if (s->n < 2 || s->p[0] != key || s->p[1] != '=')
		return false;
	str_cut(*s, ',', &head, s);
	*value = str_skip(head, 2);
	return value->n > 0;
}

/* RFC 5802 7: optional extensions, "a=value", that may be ignored; never m=, which is mandatory,
 * nor what has its own place. */
static bool skip_extensions(struct str *s, char until)
{
	static const struct str taken = {"mnrcspv", 7};
	struct str value;

	while (s->n && s->p[0] != until) {
		char key = s->p[0];
		bool is_letter = (key >= 'a' && key <= 'z') || (key >= 'A' && key <= 'Z');

		if (!is_letter || str_find(taken, key) < taken.n || !take(s, key, &value))
			return false;
	}
	return true;
}

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

bool scram_message_fits(struct str message, struct str nonce, const struct verifier *v)
{
	struct str rest = message, name, first, challenge, salt, rounds, binding, final;

	if (!take(&rest, 'n', &name) || !take(&rest, 'r', &first) || !skip_extensions(&rest, 'r'))
		return false;
	if (!take(&rest, 'r', &challenge) || !take(&rest, 's', &salt) || !take(&rest, 'i', &rounds))
		return false;
	if (!take(&rest, 'c', &binding) || !take(&rest, 'r', &final) ||
		!skip_extensions(&rest, '\0'))
		return false;
	if (message.p[message.n - 1] == ',')
		return false;
	if (challenge.n < first.n + nonce.n || !str_starts(challenge, first) ||
		!str_ends(challenge, nonce))
		return false;
	return str_eq(challenge, final) && is_salt(salt, v) && is_rounds(rounds, v);
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

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See scram.h. */
#include "t/bench/scram.h"
#include "t/bench/mechanism.h"

#include "common/b64.h"
#include "common/rand.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define SALTS 16384 /* at most; beyond, each is derived again */

struct salted {
	char salt[48]; /* as it was sent */
	uint64_t rounds;
	uint8_t bytes[SCRAM_MOST];
};
static struct salted known[SALTS];
static size_t known_count;

/* Fetched once: OpenSSL would look it up again for each use. */
static const EVP_MD *digest(void)
{
	static EVP_MD *fetched;

	if (!fetched)
		fetched = EVP_MD_fetch(NULL, load.mechanism->hash, NULL);
	CHECK(fetched);
	return fetched;
}

static size_t size(void)
{
	return (size_t)EVP_MD_get_size(digest());
}

static void hmac(const uint8_t *key, struct str text, uint8_t *out)
{
	unsigned n;

	CHECK(HMAC(digest(), key, (int)size(), (const unsigned char *)text.p, text.n, out, &n));
}

/* RFC 5801 4, RFC 9266 */
static const char *gs2_header(void)
{
	return load.mechanism->bound ? "p=tls-exporter,," : "n,,";
}

static void put_binding(struct client *c, struct buf *out)
{
	struct buf input = {0};

	buf_puts(&input, gs2_header());
	if (load.mechanism->bound)
		wire_exporter(&c->wire, &input);
	b64_encode(out, buf_str(&input));
	buf_free(&input);
}

void scram_first(struct client *c, struct buf *out)
{
	char nonce[37];

	rand_hex(nonce, 18);
	buf_clear(&c->first);
	buf_printf(&c->first, "n=u%05u,r=%s", c->number, nonce);
	buf_puts(out, gs2_header());
	buf_put(out, buf_str(&c->first));
}

static bool derive(uint8_t *out, struct str salt64, uint64_t rounds)
{
	struct buf salt = {0};
	bool good = b64_decode(&salt, salt64) &&
		PKCS5_PBKDF2_HMAC(load.o.password, -1, (const unsigned char *)salt.p, (int)salt.n, (int)rounds,
			digest(), (int)size(), out);

	buf_free(&salt);
	return good;
}

static bool salted_password(uint8_t *out, struct str salt, uint64_t rounds)
{
	for (size_t i = 0; i < known_count; i++) {
		if (known[i].rounds == rounds && str_is(salt, known[i].salt)) {
			memcpy(out, known[i].bytes, sizeof known[i].bytes);
			return true;
		}
	}
	if (!derive(out, salt, rounds))
		return false;
	if (known_count < SALTS && salt.n < sizeof known[0].salt) {
		struct salted *s = &known[known_count++];

		memcpy(s->salt, salt.p, salt.n);
		s->rounds = rounds;
		memcpy(s->bytes, out, sizeof s->bytes);
	}
	return true;
}

static bool read_challenge(struct str challenge, struct str *nonce, struct str *salt, uint64_t *rounds)
{
	struct str rest, last, extension;

	str_cut(challenge, ',', nonce, &rest);
	str_cut(rest, ',', salt, &rest);
	str_cut(rest, ',', &last, &extension);
	return str_starts(*nonce, STR("r=")) && str_starts(*salt, STR("s=")) && str_starts(last, STR("i=")) &&
		str_u64(str_skip(last, 2), rounds) && *rounds > 0 && *rounds < 10000000;
}

bool scram_respond(struct client *c, struct str challenge, struct buf *out)
{
	struct str nonce, salt;
	uint64_t rounds;
	uint8_t key[64], stored[64], signature[64];
	unsigned n;

	if (!read_challenge(challenge, &nonce, &salt, &rounds) ||
		!salted_password(c->salted, str_skip(salt, 2), rounds))
		return false;
	buf_puts(out, "c=");
	put_binding(c, out);
	buf_printf(out, ",%.*s", STR_ARG(nonce));
	buf_printf(&c->first, ",%.*s,%.*s", STR_ARG(challenge), STR_ARG(buf_str(out)));
	hmac(c->salted, STR("Client Key"), key);
	CHECK(EVP_Digest(key, size(), stored, &n, digest(), NULL));
	hmac(stored, buf_str(&c->first), signature);
	for (size_t i = 0; i < size(); i++)
		key[i] ^= signature[i];
	buf_puts(out, ",p=");
	b64_encode(out, str_at(key, size()));
	return true;
}

bool scram_proves(struct client *c, struct str words)
{
	uint8_t key[64], signature[64];
	struct buf wanted = {0};
	bool same;

	hmac(c->salted, STR("Server Key"), key);
	hmac(key, buf_str(&c->first), signature);
	buf_puts(&wanted, "v=");
	b64_encode(&wanted, str_at(signature, size()));
	same = str_eq(buf_str(&wanted), words);
	buf_free(&wanted);
	return same;
}

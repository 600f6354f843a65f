/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hashes by wolfCrypt. Its calls fail only for arguments that we never pass, so each result is
 * CHECKed. Every state that has seen a key is wiped. */
#include "common/crypt.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/md5.h>
#include <wolfssl/wolfcrypt/sha.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <wolfssl/wolfcrypt/sha512.h>

#include <string.h>

#define BLOCK_MAX 128 /* bytes: the input block of SHA-512 */

struct state {
	enum hash hash;
	union {
		wc_Md5 md5;
		wc_Sha sha1;
		wc_Sha256 sha256;
		wc_Sha512 sha512;
	} as;
};

/* The two halves of an HMAC (RFC 2104), keyed and ready to be copied. */
struct keyed {
	struct state inner, outer;
};

size_t hash_size(enum hash h)
{
	switch (h) {
	case HASH_SHA1:
		return WC_SHA_DIGEST_SIZE;
	case HASH_SHA256:
		return WC_SHA256_DIGEST_SIZE;
	case HASH_SHA512:
		return WC_SHA512_DIGEST_SIZE;
	case HASH_MD5:
		return WC_MD5_DIGEST_SIZE;
	}
	CHECK(!"a hash that we know");
}

static size_t block_size(enum hash h)
{
	return h == HASH_SHA512 ? WC_SHA512_BLOCK_SIZE : WC_SHA256_BLOCK_SIZE;
}

static void state_start(struct state *s, enum hash h)
{
	int failed = -1;

	s->hash = h;
	switch (h) {
	case HASH_SHA1:
		failed = wc_InitSha(&s->as.sha1);
		break;
	case HASH_SHA256:
		failed = wc_InitSha256(&s->as.sha256);
		break;
	case HASH_SHA512:
		failed = wc_InitSha512(&s->as.sha512);
		break;
	case HASH_MD5:
		failed = wc_InitMd5(&s->as.md5);
		break;
	}
	CHECK(!failed);
}

static void state_add(struct state *s, const void *bytes, size_t n)
{
	int failed = -1;

	CHECK(n <= UINT32_MAX);
	if (n == 0)
		return;
	switch (s->hash) {
	case HASH_SHA1:
		failed = wc_ShaUpdate(&s->as.sha1, bytes, (word32)n);
		break;
	case HASH_SHA256:
		failed = wc_Sha256Update(&s->as.sha256, bytes, (word32)n);
		break;
	case HASH_SHA512:
		failed = wc_Sha512Update(&s->as.sha512, bytes, (word32)n);
		break;
	case HASH_MD5:
		failed = wc_Md5Update(&s->as.md5, bytes, (word32)n);
		break;
	}
	CHECK(!failed);
}

static void state_digest(struct state *s, uint8_t *out)
{
	int failed = -1;

	switch (s->hash) {
	case HASH_SHA1:
		failed = wc_ShaFinal(&s->as.sha1, out);
		break;
	case HASH_SHA256:
		failed = wc_Sha256Final(&s->as.sha256, out);
		break;
	case HASH_SHA512:
		failed = wc_Sha512Final(&s->as.sha512, out);
		break;
	case HASH_MD5:
		failed = wc_Md5Final(&s->as.md5, out);
		break;
	}
	CHECK(!failed);
}

static void state_copy(struct state *to, struct state *from)
{
	int failed = -1;

	to->hash = from->hash;
	switch (from->hash) {
	case HASH_SHA1:
		failed = wc_ShaCopy(&from->as.sha1, &to->as.sha1);
		break;
	case HASH_SHA256:
		failed = wc_Sha256Copy(&from->as.sha256, &to->as.sha256);
		break;
	case HASH_SHA512:
		failed = wc_Sha512Copy(&from->as.sha512, &to->as.sha512);
		break;
	case HASH_MD5:
		failed = wc_Md5Copy(&from->as.md5, &to->as.md5);
		break;
	}
	CHECK(!failed);
}

static void state_end(struct state *s)
{
	switch (s->hash) {
	case HASH_SHA1:
		wc_ShaFree(&s->as.sha1);
		break;
	case HASH_SHA256:
		wc_Sha256Free(&s->as.sha256);
		break;
	case HASH_SHA512:
		wc_Sha512Free(&s->as.sha512);
		break;
	case HASH_MD5:
		wc_Md5Free(&s->as.md5);
		break;
	}
	mem_wipe(s, sizeof *s);
}

void hash_bytes(enum hash h, struct str in, uint8_t *out)
{
	struct state s;

	state_start(&s, h);
	state_add(&s, in.p, in.n);
	state_digest(&s, out);
	state_end(&s);
}

static void keyed_start(struct keyed *k, enum hash h, struct str key)
{
	uint8_t pad[BLOCK_MAX] = {0};
	size_t n = block_size(h);

	if (key.n > n)
		hash_bytes(h, key, pad);
	else if (key.n)
		memcpy(pad, key.p, key.n);
	for (size_t i = 0; i < n; i++)
		pad[i] ^= 0x36;
	state_start(&k->inner, h);
	state_add(&k->inner, pad, n);
	for (size_t i = 0; i < n; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	state_start(&k->outer, h);
	state_add(&k->outer, pad, n);
	mem_wipe(pad, sizeof pad);
}

static void keyed_end(struct keyed *k)
{
	state_end(&k->inner);
	state_end(&k->outer);
}

/* HMAC of a ‖ b. `work` holds copies of the keyed states between calls; `out` may be `a`. */
static void keyed_digest(struct keyed *k, struct state *work, struct str a, struct str b,
	uint8_t *out)
{
	state_copy(work, &k->inner);
	state_add(work, a.p, a.n);
	state_add(work, b.p, b.n);
	state_digest(work, out);
	state_copy(work, &k->outer);
	state_add(work, out, hash_size(k->inner.hash));
	state_digest(work, out);
}

void hmac_bytes(enum hash h, struct str key, struct str in, uint8_t *out)
{
	struct keyed k;
	struct state work;

	keyed_start(&k, h, key);
	keyed_digest(&k, &work, in, STR_NONE, out);
	state_end(&work);
	keyed_end(&k);
}

#define MD5_BYTES WC_MD5_DIGEST_SIZE
_Static_assert(sizeof(((wc_Md5 *)0)->digest) == MD5_BYTES, "the chaining value, as words");
_Static_assert(HMAC_MD5_STATE == 2 * MD5_BYTES, "one of each half");

/* What wolfCrypt has of MD5 behind one block: the words of RFC 1321 3.3 in the machine's order,
 * which t/unit/crypt.c knows the answers for. */
static void md5_save(const struct state *s, uint8_t *out)
{
	CHECK(s->hash == HASH_MD5 && s->as.md5.buffLen == 0);
	for (size_t i = 0; i < MD5_BYTES; i++)
		out[i] = (uint8_t)(s->as.md5.digest[i / 4] >> 8 * (i % 4));
}

static void md5_load(struct state *s, const uint8_t *saved)
{
	static const uint8_t block[WC_MD5_BLOCK_SIZE];

	state_start(s, HASH_MD5);
	state_add(s, block, sizeof block); /* so that its length is counted */
	for (size_t i = 0; i < MD5_BYTES / 4; i++) {
		const uint8_t *w = saved + 4 * i;

		s->as.md5.digest[i] = w[0] | (word32)w[1] << 8 | (word32)w[2] << 16 |
			(word32)w[3] << 24;
	}
}

void hmac_md5_state(struct str key, uint8_t state[HMAC_MD5_STATE])
{
	struct keyed k;

	keyed_start(&k, HASH_MD5, key);
	md5_save(&k.inner, state);
	md5_save(&k.outer, state + MD5_BYTES);
	keyed_end(&k);
}

void hmac_md5_resume(const uint8_t state[HMAC_MD5_STATE], struct str in, uint8_t out[16])
{
	struct keyed k;
	struct state work;

	md5_load(&k.inner, state);
	md5_load(&k.outer, state + MD5_BYTES);
	keyed_digest(&k, &work, in, STR_NONE, out);
	state_end(&work);
	keyed_end(&k);
}

void pbkdf2(enum hash h, struct str password, struct str salt, uint32_t iterations, uint8_t *out)
{
	const size_t n = hash_size(h);
	uint8_t u[HASH_MAX];
	struct keyed k;
	struct state work;

	CHECK(iterations > 0);
	keyed_start(&k, h, password);
	keyed_digest(&k, &work, salt, STR("\0\0\0\1"), u); /* U1, of block number one */
	memcpy(out, u, n);
	for (uint32_t round = 1; round < iterations; round++) {
		keyed_digest(&k, &work, str_at(u, n), STR_NONE, u);
		for (size_t i = 0; i < n; i++)
			out[i] ^= u[i];
	}
	state_end(&work);
	keyed_end(&k);
	mem_wipe(u, sizeof u);
}

bool same_bytes(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t different = 0;

	for (size_t i = 0; i < n; i++)
		different |= x[i] ^ y[i];
	return different == 0;
}

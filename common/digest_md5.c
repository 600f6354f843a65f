/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See digest_md5.h. */
#include "common/digest_md5.h"

#include "common/buf.h"
#include "common/hex.h"

static void add(struct buf *b, struct str s)
{
	buf_putc(b, ':');
	buf_put(b, s);
}

/* HEX(H(b)), appended to `out`; b is wiped. */
static void add_hash(struct buf *out, struct buf *b)
{
	uint8_t digest[DIGEST_MD5_BYTES];

	hash_bytes(HASH_MD5, buf_str(b), digest);
	hex_put(out, str_at(digest, sizeof digest));
	mem_wipe(digest, sizeof digest);
	buf_wipe(b);
}

void digest_md5_secret(struct str user, struct str realm, struct str password,
	uint8_t out[DIGEST_MD5_BYTES])
{
	struct buf b = {0};

	buf_put(&b, user);
	add(&b, realm);
	add(&b, password);
	hash_bytes(HASH_MD5, buf_str(&b), out);
	buf_wipe(&b);
}

void digest_md5_answer(const uint8_t secret[DIGEST_MD5_BYTES], const struct digest_md5 *d,
	bool ours, uint8_t out[DIGEST_MD5_BYTES])
{
	struct buf a1 = {0}, a2 = {0}, all = {0};

	buf_add(&a1, secret, DIGEST_MD5_BYTES);
	add(&a1, d->nonce);
	add(&a1, d->cnonce);
	if (d->authzid.n)
		add(&a1, d->authzid);
	buf_puts(&a2, ours ? "" : "AUTHENTICATE");
	add(&a2, d->uri);
	add_hash(&all, &a1);
	add(&all, d->nonce);
	buf_puts(&all, ":00000001");
	add(&all, d->cnonce);
	buf_puts(&all, ":auth:");
	add_hash(&all, &a2);
	hash_bytes(HASH_MD5, buf_str(&all), out);
	buf_wipe(&all);
}

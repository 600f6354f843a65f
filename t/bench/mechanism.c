/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See mechanism.h. SCRAM is in scram.c. */
#include "t/bench/mechanism.h"
#include "t/bench/scram.h"

#include "common/b64.h"
#include "common/hex.h"
#include "common/rand.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define MD5_BYTES 16

/* RFC 4616 */
static void plain_first(struct client *c, struct buf *out)
{
	buf_putc(out, 0);
	buf_printf(out, "u%05u", c->number);
	buf_putc(out, 0);
	buf_puts(out, load.o.password);
}

/* RFC 4422 A: the certificate says who. */
static void external_first(struct client *c, struct buf *out)
{
	(void)c;
	(void)out;
}

/* RFC 2195 */
static bool cram_respond(struct client *c, struct str challenge, struct buf *out)
{
	uint8_t digest[MD5_BYTES];
	unsigned n;

	CHECK(HMAC(EVP_md5(), load.o.password, (int)strlen(load.o.password), (const unsigned char *)challenge.p,
		challenge.n, digest, &n));
	buf_printf(out, "u%05u ", c->number);
	hex_put(out, str_at(digest, sizeof digest));
	return true;
}

static void md5(struct str words, struct buf *out)
{
	uint8_t digest[MD5_BYTES];
	unsigned n;

	CHECK(EVP_Digest(words.p, words.n, digest, &n, EVP_md5(), NULL));
	buf_put(out, str_at(digest, sizeof digest));
}

static void md5_hex(struct str words, struct buf *out)
{
	struct buf digest = {0};

	md5(words, &digest);
	hex_put(out, buf_str(&digest));
	buf_free(&digest);
}

/* RFC 2831 2.1.2.1: HEX(KD(HEX(H(A1)), ...)) of this A2, with H(A1) in c->first after the nonces. */
static void digest_answer(struct client *c, const char *a2, struct buf *out)
{
	struct buf words = {0};

	buf_put(&words, str_skip(buf_str(&c->first), c->nonces));
	buf_putc(&words, ':');
	buf_put(&words, str_head(buf_str(&c->first), c->nonces));
	md5_hex(str_of(a2), &words);
	md5_hex(buf_str(&words), out);
	buf_free(&words);
}

/* Keeps "nonce:00000001:cnonce:auth:" and HEX(H(A1)). */
static void digest_keep(struct client *c, struct str nonce, const char *cnonce)
{
	struct buf secret = {0}, a1 = {0};

	buf_printf(&secret, "u%05u:" LOAD_DOMAIN ":%s", c->number, load.o.password);
	md5(buf_str(&secret), &a1);
	buf_printf(&a1, ":%.*s:%s", STR_ARG(nonce), cnonce);
	buf_clear(&c->first);
	buf_printf(&c->first, "%.*s:00000001:%s:auth:", STR_ARG(nonce), cnonce);
	c->nonces = c->first.n;
	md5_hex(buf_str(&a1), &c->first);
	buf_free(&secret);
	buf_free(&a1);
}

static bool digest_respond(struct client *c, struct str challenge, struct buf *out)
{
	struct str nonce = client_find(challenge, "nonce=\"", '"');
	char cnonce[37];

	if (!nonce.n)
		return false;
	rand_hex(cnonce, 18);
	digest_keep(c, nonce, cnonce);
	buf_printf(out,
		"charset=utf-8,username=\"u%05u\",realm=\"" LOAD_DOMAIN "\",nonce=\"%.*s\",nc=00000001,cnonce=\"%s\","
		"digest-uri=\"xmpp/" LOAD_DOMAIN "\",qop=auth,response=",
		c->number, STR_ARG(nonce), cnonce);
	digest_answer(c, "AUTHENTICATE:xmpp/" LOAD_DOMAIN, out);
	return true;
}

static bool digest_proves(struct client *c, struct str words)
{
	struct buf wanted = {0};
	bool same;

	buf_puts(&wanted, "rspauth=");
	digest_answer(c, ":xmpp/" LOAD_DOMAIN, &wanted);
	same = str_eq(buf_str(&wanted), words);
	buf_free(&wanted);
	return same;
}

/* XEP-0484 and draft-schmaus-kitten-sasl-ht: HMAC(token, who), without channel binding. */
static struct str token_mac(struct client *c, const char *who, uint8_t *out)
{
	struct str token = client_token(c);
	unsigned n = 0;

	CHECK(HMAC(EVP_sha256(), token.p, (int)token.n, (const unsigned char *)who, strlen(who), out, &n));
	return str_at(out, n);
}

static void token_first(struct client *c, struct buf *out)
{
	uint8_t mac[32];

	buf_printf(out, "u%05u", c->number);
	buf_putc(out, 0);
	buf_put(out, token_mac(c, "Initiator", mac));
}

static bool token_proves(struct client *c, struct str words)
{
	uint8_t mac[32];

	return str_eq(token_mac(c, "Responder", mac), words);
}

#define SCRAM .first = scram_first, .respond = scram_respond, .proves = scram_proves
static const struct mechanism table[] = {
	{"SCRAM-SHA-1", "SHA1", SCRAM},
	{"SCRAM-SHA-256", "SHA256", SCRAM},
	{"SCRAM-SHA-512", "SHA512", SCRAM},
	{"SCRAM-SHA-1-PLUS", "SHA1", SCRAM, .bound = true},
	{"SCRAM-SHA-256-PLUS", "SHA256", SCRAM, .bound = true},
	{"SCRAM-SHA-512-PLUS", "SHA512", SCRAM, .bound = true},
	{.name = "PLAIN", .first = plain_first},
	{.name = "DIGEST-MD5", .respond = digest_respond, .proves = digest_proves},
	{.name = "CRAM-MD5", .respond = cram_respond},
	{.name = "ANONYMOUS"},
	{.name = "EXTERNAL", .first = external_first},
	{.name = "HT-SHA-256-NONE", .first = token_first, .proves = token_proves, .tokens = true},
};

const struct mechanism *mechanism_named(const char *name)
{
	for (size_t i = 0; i < COUNT(table); i++) {
		if (!strcmp(table[i].name, name))
			return &table[i];
	}
	return NULL;
}

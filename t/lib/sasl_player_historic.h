/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Players (t/lib/sasl_player.h) of the historic mechanisms, and of those that name nobody. */
#ifndef T_LIB_SASL_PLAYER_HISTORIC_H
#define T_LIB_SASL_PLAYER_HISTORIC_H

#include "common/digest_md5.h"
#include "common/hex.h"
#include "t/lib/sasl_player.h"

/* --- DIGEST-MD5 (RFC 2831): no directive but those that prove, so that no change of one may go unseen ------------- */

static struct str digest_nonce(struct str heard)
{
	struct str before = STR_NONE, rest = heard, nonce = STR_NONE;

	while (!str_ends(before, STR("nonce=")) && str_cut(rest, '"', &before, &rest))
		;
	str_cut(rest, '"', &nonce, &rest);
	return nonce;
}

static bool digest_speak(struct attempt *a, unsigned step, struct str heard, struct buf *out)
{
	struct buf nonce = {0};
	struct digest_md5 d = {
		.cnonce = STR("cnonce"), .uri = STR("xmpp/localhost"), .authzid = str_of(a->authzid ? a->authzid : "")};
	uint8_t secret[DIGEST_MD5_BYTES], digest[DIGEST_MD5_BYTES];

	if (step > 1)
		return false;
	buf_put(&nonce, digest_nonce(heard));
	if (a->twist == TWIST_wrong_nonce && nonce.n)
		nonce.p[nonce.n - 1] ^= 1;
	d.nonce = buf_str(&nonce);
	digest_md5_secret(str_of(a->user), STR("localhost"), str_of(a->password), secret);
	digest_md5_answer(secret, &d, true, digest);
	buf_puts(&a->signature, "rspauth=");
	hex_put(&a->signature, str_at(digest, sizeof digest));
	digest_md5_answer(secret, &d, false, digest);
	buf_printf(out, "username=\"%s\",realm=\"localhost\",nonce=\"%s\",nc=00000001,cnonce=\"cnonce\",", a->user,
		buf_cstr(&nonce));
	if (a->authzid)
		buf_printf(out, "authzid=\"%s\",", a->authzid);
	buf_puts(out, "digest-uri=\"xmpp/localhost\",response=");
	hex_put(out, str_at(digest, sizeof digest));
	buf_free(&nonce);
	return true;
}

static bool digest_believes(const struct attempt *a, struct str data)
{
	return str_eq(buf_str(&a->signature), data);
}

static const struct player player_digest = {.speak = digest_speak, .believes = digest_believes};

/* --- CRAM-MD5 (RFC 2195) ----------------------------------------------------------------------------------------- */

static bool cram_speak(struct attempt *a, unsigned step, struct str heard, struct buf *out)
{
	struct buf challenge = {0};
	uint8_t digest[16];

	if (step > 1)
		return false;
	buf_put(&challenge, heard);
	if (a->twist == TWIST_wrong_nonce && challenge.n > 1)
		challenge.p[1] ^= 1;
	hmac_bytes(HASH_MD5, str_of(a->password), buf_str(&challenge), digest);
	buf_printf(out, "%s ", a->user);
	hex_put(out, str_at(digest, sizeof digest));
	buf_free(&challenge);
	return true;
}

static const struct player player_cram = {.speak = cram_speak, .believes = believes_silence};

/* --- nobody ------------------------------------------------------------------------------------------------------ */

static bool anonymous_speak(struct attempt *a, unsigned step, struct str heard, struct buf *out)
{
	(void)a;
	(void)heard;
	buf_puts(out, step == 1 ? "trace" : "");
	return step == 1;
}

static const struct player player_anonymous = {
	.speak = anonymous_speak, .believes = believes_silence, .takes_anything = true};

static bool shared_secret_speak(struct attempt *a, unsigned step, struct str heard, struct buf *out)
{
	const char *secret = a->twist == TWIST_wrong_password ? "another" : WORLD_SECRET;
	uint8_t digest[16];

	(void)heard;
	if (step > 1)
		return false;
	hash_bytes(HASH_MD5, str_of(secret), digest);
	buf_puts(out, "spark");
	buf_putc(out, '\0');
	hex_put(out, str_at(digest, sizeof digest));
	return true;
}

static const struct player player_shared_secret = {
	.speak = shared_secret_speak, .believes = believes_silence, .takes_anything = true};

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CRAM-MD5 (RFC 2195). The challenge is a message id, as it must be, with sm's part of the nonce in
 * it; the response names the account and proves it, there is no authzid. */
#include "c2s/sasl.h"
#include "common/b64.h"
#include "common/hex.h"
#include "common/rand.h"
#include <time.h>

#define NONCE_BYTES 18 /* of our part, before base64 */
#define DIGEST_BYTES 16

struct cram {
	struct buf challenge;
	uint8_t proof[DIGEST_BYTES];
	bool answered;
};

static enum sasl_step cram_start(struct sasl *x, struct str bytes)
{
	(void)bytes;
	x->ask = (struct sasl_question){.code = MSG_sasl_start, .form = PROTO_FORM_CRAM_MD5};
	return SASL_ASK;
}

static enum sasl_step cram_salt(struct sasl *x, const struct msg_sasl_salt *m)
{
	struct cram *k = x->own;
	uint8_t ours[NONCE_BYTES];
	rand_bytes(ours, sizeof ours);
	buf_putc(&k->challenge, '<');
	b64_encode(&k->challenge, str_at(ours, sizeof ours));
	buf_put(&k->challenge, m->nonce);
	buf_printf(&k->challenge, ".%lld@", (long long)time(NULL));
	buf_put(&k->challenge, x->domain);
	buf_putc(&k->challenge, '>');
	buf_put(&x->say, buf_str(&k->challenge));
	return SASL_SAY;
}

/* user SP digest; a name may have spaces, a digest has none. */
static bool split(struct str bytes, struct str *user, uint8_t digest[DIGEST_BYTES])
{
	const size_t tail = 1 + 2 * DIGEST_BYTES;
	if (bytes.n <= tail || bytes.p[bytes.n - tail] != ' ')
		return false;
	*user = str_head(bytes, bytes.n - tail);
	return str_utf8(*user) && str_find(*user, 0) == user->n &&
		hex_take(str_skip(bytes, bytes.n - tail + 1), digest, DIGEST_BYTES);
}

static enum sasl_step cram_answer(struct sasl *x, struct str bytes)
{
	struct cram *k = x->own;
	struct str user;
	if (k->answered || !split(bytes, &user, k->proof))
		return sasl_refuse(x, SASL_malformed_request);
	k->answered = true;
	enum cond why = sasl_claim(x, user, STR_NONE);
	if (why)
		return sasl_refuse(x, why);
	x->ask = (struct sasl_question){.code = MSG_sasl_prove,
		.form = PROTO_FORM_CRAM_MD5,
		.message = buf_str(&k->challenge),
		.proof = str_at(k->proof, sizeof k->proof)};
	return SASL_ASK;
}

static void cram_end(void *own)
{
	struct cram *k = own;
	buf_free(&k->challenge);
}

/* clang-format off */
const struct sasl_mech sasl_cram_md5 = {
	.name = "CRAM-MD5", .needs = SASL_NEEDS_VERSION_2, .size = sizeof(struct cram), .start = cram_start,
	.answer = cram_answer, .salt = cram_salt, .end = cram_end,
};

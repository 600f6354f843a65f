/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * DIGEST-MD5 (RFC 2831; historic by RFC 6331), as far as XMPP needs it: algorithm md5-sess, qop
 * auth, no subsequent authentication. rspauth comes with the success (RFC 6120 6.3.10), or in a
 * challenge of its own (RFC 2831 2.1.3, RFC 3920), which the client answers with nothing: its bytes
 * do not tell what it waits for, so the operator does. What is computed of the password is sm's:
 * here the client's response is read, and its fields go there. */
#include "c2s/directive.h"
#include "c2s/sasl.h"
#include "common/b64.h"
#include "common/hex.h"
#include "common/latin1.h"
#include "common/rand.h"

#define NONCE_BYTES 18 /* of our part, before base64 */
#define DIGEST_BYTES 16

struct digest {
	struct buf nonce;   /* whole, once sm's part is known */
	struct buf message; /* for sm */
	uint8_t proof[DIGEST_BYTES];
};

static enum sasl_step digest_start(struct sasl *x, struct str bytes)
{
	(void)bytes;
	x->ask = (struct sasl_question){.code = MSG_sasl_start, .form = PROTO_FORM_DIGEST_MD5};
	return SASL_ASK;
}

static enum sasl_step digest_salt(struct sasl *x, const struct msg_sasl_salt *m)
{
	struct digest *g = x->own;
	uint8_t ours[NONCE_BYTES];
	if (str_find(m->nonce, '"') < m->nonce.n || str_find(m->nonce, '\\') < m->nonce.n)
		return sasl_refuse(x, SASL_temporary_auth_failure);
	rand_bytes(ours, sizeof ours);
	b64_encode(&g->nonce, str_at(ours, sizeof ours));
	buf_put(&g->nonce, m->nonce);
	buf_puts(&x->say, "realm=\"");
	buf_put(&x->say, x->domain);
	buf_puts(&x->say, "\",nonce=\"");
	buf_put(&x->say, buf_str(&g->nonce));
	buf_puts(&x->say, "\",qop=\"auth\",charset=utf-8,algorithm=md5-sess");
	return SASL_SAY;
}

static bool is_charset(struct str s)
{
	static const char *const spellings[] = {"utf-8", "UTF-8", "utf8"};
	for (size_t i = 0; i < COUNT(spellings); i++) {
		if (str_is(s, spellings[i]))
			return true;
	}
	return false;
}

static bool is_number(struct str s)
{
	uint64_t n;
	return str_u64(s, &n);
}

/* What must be there, and what each is when it is there (RFC 2831 2.1.2). */
static bool in_shape(const struct directives *d)
{
	static const enum directive needed[] = {DIRECTIVE_username, DIRECTIVE_nonce,
		DIRECTIVE_cnonce, DIRECTIVE_nc, DIRECTIVE_digest_uri, DIRECTIVE_response};
	uint8_t bytes[DIGEST_BYTES];
	for (size_t i = 0; i < COUNT(needed); i++) {
		if (!d->value[needed[i]].n)
			return false;
	}
	if (d->has[DIRECTIVE_charset] && !is_charset(d->value[DIRECTIVE_charset]))
		return false;
	if (d->has[DIRECTIVE_maxbuf] && !is_number(d->value[DIRECTIVE_maxbuf]))
		return false;
	if (d->has[DIRECTIVE_authzid] && !d->value[DIRECTIVE_authzid].n)
		return false;
	if (d->has[DIRECTIVE_charset] && !str_utf8(d->value[DIRECTIVE_username]))
		return false;
	return d->value[DIRECTIVE_nc].n == 8 && str_utf8(d->value[DIRECTIVE_authzid]) &&
		hex_take(d->value[DIRECTIVE_response], bytes, sizeof bytes);
}

/* Does it answer our challenge? A realm that is left out is the empty one (2.1.2), which is not
 * ours; a qop that is left out is auth. */
static bool is_answer(const struct sasl *x, const struct directives *d)
{
	const struct digest *g = x->own;
	return str_eq(d->value[DIRECTIVE_nonce], buf_str(&g->nonce)) &&
		str_is(d->value[DIRECTIVE_nc], "00000001") &&
		(!d->has[DIRECTIVE_qop] || str_is(d->value[DIRECTIVE_qop], "auth")) &&
		str_eq(d->value[DIRECTIVE_realm], x->domain);
}

/* Without charset=utf-8 the name is in ISO 8859-1. */
static enum cond claim(struct sasl *x, const struct directives *d)
{
	struct buf name = {0};
	enum cond why;
	if (d->has[DIRECTIVE_charset])
		buf_put(&name, d->value[DIRECTIVE_username]);
	else
		latin1_to_utf8(&name, d->value[DIRECTIVE_username]);
	why = sasl_claim(x, buf_str(&name), d->value[DIRECTIVE_authzid]);
	buf_free(&name);
	return why;
}

static enum sasl_step prove(struct sasl *x, const struct directives *d)
{
	static const enum directive sent[] = {
		DIRECTIVE_nonce, DIRECTIVE_cnonce, DIRECTIVE_digest_uri, DIRECTIVE_authzid};
	struct digest *g = x->own;
	enum cond why = claim(x, d);
	if (why)
		return sasl_refuse(x, why);
	for (size_t i = 0; i < COUNT(sent); i++) {
		if (i)
			buf_putc(&g->message, 0);
		buf_put(&g->message, d->value[sent[i]]);
	}
	if (!hex_take(d->value[DIRECTIVE_response], g->proof, sizeof g->proof))
		return sasl_refuse(x, SASL_malformed_request);
	x->ask = (struct sasl_question){.code = MSG_sasl_prove,
		.form = PROTO_FORM_DIGEST_MD5,
		.message = buf_str(&g->message),
		.proof = str_at(g->proof, sizeof g->proof)};
	return SASL_ASK;
}

static enum sasl_step digest_answer(struct sasl *x, struct str bytes)
{
	struct digest *g = x->own;
	struct directives d = {0};
	enum sasl_step next;
	if (x->accepted) /* rspauth was the challenge */
		return bytes.n ? sasl_refuse(x, SASL_malformed_request) : SASL_ACCEPT;
	if (g->message.n || !directives_read(&d, bytes) || !in_shape(&d))
		next = sasl_refuse(x, SASL_malformed_request);
	else if (!is_answer(x, &d))
		next = sasl_refuse(x, SASL_not_authorized);
	else
		next = prove(x, &d);
	directives_free(&d);
	return next;
}

static enum sasl_step digest_verdict(struct sasl *x, const struct msg_sasl_verdict *m)
{
	if (m->cond)
		return sasl_refuse(x, m->cond);
	buf_puts(&x->say, "rspauth=");
	hex_put(&x->say, m->signature);
	return x->more_rounds ? SASL_SAY : SASL_ACCEPT;
}

static void digest_end(void *own)
{
	struct digest *g = own;
	buf_free(&g->nonce);
	buf_free(&g->message);
}

/* clang-format off */
const struct sasl_mech sasl_digest_md5 = {
	.name = "DIGEST-MD5", .needs = SASL_NEEDS_VERSION_2, .size = sizeof(struct digest), .start = digest_start,
	.answer = digest_answer, .salt = digest_salt, .verdict = digest_verdict, .end = digest_end,
};

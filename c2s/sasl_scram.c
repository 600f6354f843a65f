/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SCRAM-SHA-1 (RFC 5802) and SCRAM-SHA-256 (RFC 7677), without channel binding so far. The nonce
 * is the client's part, ours, and sm's at the end, so that neither a replayed message nor a
 * worker that was taken over can make sm check an old proof again. */
#include "c2s/sasl.h"
#include "common/b64.h"
#include "common/rand.h"

#define NONCE_BYTES 18 /* of our part, before base64 */

struct scram {
	enum hash hash;
	struct buf gs2;        /* the client's gs2-header, as it must come back in c= */
	struct buf first_bare; /* client-first-message-bare */
	struct buf nonce;      /* whole, once sm's part is known */
	struct buf server_first;
	struct buf message; /* AuthMessage */
	struct buf proof;
};

/* Takes `k=value` up to the next comma (or the end) off the front of *s. */
static bool take(struct str *s, char key, struct str *value)
{
	if (s->n < 2 || s->p[0] != key || s->p[1] != '=')
		return false;
	struct str head, tail;
	str_cut(*s, ',', &head, &tail);
	*value = str_skip(head, 2);
	*s = tail;
	return true;
}

/* RFC 5802 5.1: "=2C" and "=3D" only; any other '=' is a fault. */
static bool unescape_name(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		struct str code = str_head(str_skip(name, i), 3);
		if (name.p[i] != '=') {
			buf_putc(out, name.p[i]);
			continue;
		}
		if (!str_is(code, "=2C") && !str_is(code, "=3D"))
			return false;
		buf_putc(out, code.p[2] == 'C' ? ',' : '=');
		i += 2;
	}
	return out->n;
}

/* printable = %x21-2B / %x2D-7E */
static bool nonce_ok(struct str nonce)
{
	for (size_t i = 0; i < nonce.n; i++) {
		if (nonce.p[i] < 0x21 || nonce.p[i] > 0x7e || nonce.p[i] == ',')
			return false;
	}
	return nonce.n;
}

/* gs2-header: flag "," ["a=" authzid] ",". We offer no -PLUS, so 'y' is right, and 'p' is not
 * (RFC 5802 6). */
static bool take_gs2(struct str *s, struct str *header, struct str *authzid)
{
	struct str all = *s, flag, rest;
	*authzid = STR_NONE;
	if (!str_cut(*s, ',', &flag, &rest) || (!str_is(flag, "n") && !str_is(flag, "y")))
		return false;
	if (rest.n && rest.p[0] != ',' && !take(&rest, 'a', authzid))
		return false;
	if (!authzid->n) {
		if (!str_starts(rest, STR(",")))
			return false;
		rest = str_skip(rest, 1);
	}
	*header = str_head(all, all.n - rest.n);
	*s = rest;
	return true;
}

/* client-first-message-bare: no m= (an extension that must be understood), name, nonce; what
 * follows may be ignored. */
static bool read_first(struct str bare, struct buf *name, struct str *nonce)
{
	struct str escaped;
	return take(&bare, 'n', &escaped) && take(&bare, 'r', nonce) &&
		unescape_name(name, escaped) && nonce_ok(*nonce);
}

static enum cond claim(struct sasl *x, struct str name, struct str escaped_authzid)
{
	struct buf authzid = {0};
	enum cond why = SASL_malformed_request;
	if (!escaped_authzid.n || unescape_name(&authzid, escaped_authzid))
		why = sasl_claim(x, name, buf_str(&authzid));
	buf_free(&authzid);
	return why;
}

static enum sasl_step scram_start(struct sasl *x, struct str bytes)
{
	struct scram *s = x->own;
	struct str header, authzid, nonce, bare = bytes;
	struct buf name = {0};
	enum cond why = SASL_malformed_request;
	if (str_utf8(bytes) && str_find(bytes, 0) == bytes.n &&
		take_gs2(&bare, &header, &authzid) && read_first(bare, &name, &nonce))
		why = claim(x, buf_str(&name), authzid);
	buf_free(&name);
	if (why)
		return sasl_refuse(x, why);
	buf_put(&s->gs2, header);
	buf_put(&s->first_bare, bare);
	buf_put(&s->nonce, nonce);
	x->ask = (struct sasl_question){.code = MSG_sasl_start, .hash = s->hash};
	return SASL_ASK;
}

static enum sasl_step scram_salt(struct sasl *x, const struct msg_sasl_salt *m)
{
	struct scram *s = x->own;
	uint8_t ours[NONCE_BYTES];
	if (!nonce_ok(m->nonce) || !m->iterations)
		return sasl_refuse(x, SASL_temporary_auth_failure);
	rand_bytes(ours, sizeof ours);
	b64_encode(&s->nonce, str_at(ours, sizeof ours));
	buf_put(&s->nonce, m->nonce);
	buf_puts(&s->server_first, "r=");
	buf_put(&s->server_first, buf_str(&s->nonce));
	buf_puts(&s->server_first, ",s=");
	b64_encode(&s->server_first, m->salt);
	buf_printf(&s->server_first, ",i=%u", (unsigned)m->iterations);
	buf_put(&x->say, buf_str(&s->server_first));
	return SASL_SAY;
}

/* Does c= carry the gs2-header of the first message again? */
static bool binding_ok(const struct scram *s, struct str encoded)
{
	struct buf header = {0};
	bool ok = b64_decode(&header, encoded) && str_eq(buf_str(&header), buf_str(&s->gs2));
	buf_free(&header);
	return ok;
}

/* client-final-message: c=, r=, extensions that may be ignored, p= at the end. `without` is all
 * before ",p=". */
static bool read_final(struct str bytes, struct str *binding, struct str *nonce, struct str *proof,
	struct str *without)
{
	struct str rest = bytes, ignored;
	if (!take(&rest, 'c', binding) || !take(&rest, 'r', nonce))
		return false;
	while (rest.n && rest.p[0] != 'p') {
		if (rest.p[0] == 'm' || !take(&rest, rest.p[0], &ignored))
			return false;
	}
	size_t tail = rest.n;
	if (!take(&rest, 'p', proof) || rest.n || bytes.p[bytes.n - 1] == ',')
		return false;
	*without = str_head(bytes, bytes.n - tail - 1);
	return true;
}

static enum sasl_step scram_answer(struct sasl *x, struct str bytes)
{
	struct scram *s = x->own;
	struct str binding, nonce, proof, without;
	if (s->message.n || !str_utf8(bytes) ||
		!read_final(bytes, &binding, &nonce, &proof, &without))
		return sasl_refuse(x, SASL_malformed_request);
	if (!b64_decode(&s->proof, proof) || s->proof.n != hash_size(s->hash))
		return sasl_refuse(x, SASL_malformed_request);
	if (!binding_ok(s, binding) || !str_eq(nonce, buf_str(&s->nonce)))
		return sasl_refuse(x, SASL_not_authorized);
	buf_put(&s->message, buf_str(&s->first_bare));
	buf_putc(&s->message, ',');
	buf_put(&s->message, buf_str(&s->server_first));
	buf_putc(&s->message, ',');
	buf_put(&s->message, without);
	x->ask = (struct sasl_question){MSG_sasl_prove, s->hash, PROTO_FORM_SCRAM,
		buf_str(&s->message), buf_str(&s->proof)};
	return SASL_ASK;
}

static enum sasl_step scram_verdict(struct sasl *x, const struct msg_sasl_verdict *m)
{
	if (m->cond)
		return sasl_refuse(x, m->cond);
	buf_puts(&x->say, "v=");
	b64_encode(&x->say, m->signature);
	return SASL_ACCEPT;
}

static enum sasl_step start_sha1(struct sasl *x, struct str bytes)
{
	((struct scram *)x->own)->hash = HASH_SHA1;
	return scram_start(x, bytes);
}

static enum sasl_step start_sha256(struct sasl *x, struct str bytes)
{
	((struct scram *)x->own)->hash = HASH_SHA256;
	return scram_start(x, bytes);
}

static void scram_end(void *own)
{
	struct scram *s = own;
	buf_free(&s->gs2);
	buf_free(&s->first_bare);
	buf_free(&s->nonce);
	buf_free(&s->server_first);
	buf_free(&s->message);
	buf_wipe(&s->proof);
}

/* clang-format off */
#define SCRAM(word, first) \
	{.name = word, .client_first = true, .size = sizeof(struct scram), .start = first, \
		.answer = scram_answer, .salt = scram_salt, .verdict = scram_verdict, \
		.end = scram_end}

const struct sasl_mech sasl_scram_sha1 = SCRAM("SCRAM-SHA-1", start_sha1);
const struct sasl_mech sasl_scram_sha256 = SCRAM("SCRAM-SHA-256", start_sha256);

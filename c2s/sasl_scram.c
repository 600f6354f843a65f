/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SCRAM (RFC 5802, RFC 7677) on three hashes, each with and without channel binding. The nonce is
 * the client's part, ours, and sm's at the end, so that neither a replayed message nor a worker
 * that was taken over can make sm check an old proof again.
 *
 * Who checks what: sm checks the proof, over all that was said. The binding is compared here,
 * because here is the channel: it protects a client from somebody between it and this worker, who
 * has another channel on each side. A worker that lies about it harms nobody but clients that talk
 * to it anyway. */
#include "c2s/sasl.h"
#include "common/b64.h"
#include "common/rand.h"
#include "common/scram_text.h"

#define NONCE_BYTES 18    /* of our part, before base64 */
#define NONCE_MOST 1024   /* of the client's, which comes back to it, and twice to sm */
#define MESSAGE_MOST 4096 /* bytes of one of the client's messages */

struct scram {
	enum { SCRAM_CLAIMS, SCRAM_PROVES, SCRAM_IS_JUDGED } at;
	bool binds;
	enum tls_binding binding; /* when it binds */
	struct buf gs2;           /* the client's gs2-header, as it must come back in c= */
	struct buf first_bare;    /* client-first-message-bare */
	struct buf nonce;         /* whole, once sm's part is known */
	struct buf server_first;
	struct buf message; /* AuthMessage */
	struct buf proof;
};

/* What stands before client-first-message-bare. */
struct gs2 {
	char flag;          /* n, y, p */
	struct str type;    /* of p */
	struct str authzid; /* escaped; empty: none */
	struct str header;  /* all of it */
};

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
	return nonce.n && nonce.n <= NONCE_MOST;
}

/* cb-name = 1*(ALPHA / DIGIT / "." / "-") */
static bool type_ok(struct str type)
{
	for (size_t i = 0; i < type.n; i++) {
		char c = type.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '-')
			return false;
	}
	return type.n;
}

static bool take_flag(struct str *s, struct gs2 *g)
{
	struct str flag;
	*g = (struct gs2){0};
	if (!str_cut(*s, ',', &flag, s) || !flag.n)
		return false;
	g->flag = flag.p[0];
	g->type = str_skip(flag, 2);
	if (g->flag == 'p')
		return str_starts(flag, STR("p=")) && type_ok(g->type);
	return (g->flag == 'n' || g->flag == 'y') && flag.n == 1;
}

/* gs2-header: flag "," ["a=" authzid] ",". */
static bool take_gs2(struct str *s, struct gs2 *g)
{
	struct str all = *s, authzid;
	if (!take_flag(s, g) || !str_cut(*s, ',', &authzid, s))
		return false;
	g->authzid = str_skip(authzid, 2);
	g->header = str_head(all, all.n - s->n);
	return !authzid.n || (str_starts(authzid, STR("a=")) && g->authzid.n);
}

/* client-first-message-bare: no m= (an extension that must be understood), name, nonce; what
 * follows may be ignored. */
static bool read_first(struct str bare, struct buf *name, struct str *nonce)
{
	struct str escaped;
	return scram_take(&bare, 'n', &escaped) && scram_take(&bare, 'r', nonce) &&
		scram_skip_extensions(&bare, '\0') && unescape_name(name, escaped) &&
		nonce_ok(*nonce);
}

/* RFC 5802 6. 'y' says "I could, but you cannot": said to us who can, it was put into the client's
 * mouth by somebody who took -PLUS out of ours. One -PLUS of any hash is enough for that, since it
 * is for the client to choose among all that are offered. */
static bool flag_fits(const struct sasl *x, const struct gs2 *g, enum tls_binding *type)
{
	bool plus = x->mech->needs & SASL_NEEDS_BINDING;
	if (g->flag == 'p')
		return plus && binding_find(g->type, type) &&
			sasl_channel_offers(&x->channel, *type);
	return !plus && !(g->flag == 'y' && x->channel.plus);
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

static bool text_ok(struct str bytes)
{
	return bytes.n <= MESSAGE_MOST && str_utf8(bytes) && str_find(bytes, 0) == bytes.n &&
		!str_ends(bytes, STR(","));
}

/* Reads the first message and what is before it; *bare is left with the former. */
static enum cond first_message(struct sasl *x, struct str *bare, struct gs2 *g, struct str *nonce)
{
	struct scram *s = x->own;
	struct buf name = {0};
	enum cond why = SASL_malformed_request;
	if (text_ok(*bare) && take_gs2(bare, g) && read_first(*bare, &name, nonce)) {
		x->misfit = !flag_fits(x, g, &s->binding);
		why = x->misfit ? SASL_not_authorized : claim(x, buf_str(&name), g->authzid);
	}
	buf_free(&name);
	return why;
}

static enum sasl_step scram_start(struct sasl *x, struct str bytes)
{
	struct scram *s = x->own;
	struct gs2 g;
	struct str nonce, bare = bytes;
	enum cond why = first_message(x, &bare, &g, &nonce);
	if (why)
		return sasl_refuse(x, why);
	s->binds = g.flag == 'p';
	buf_put(&s->gs2, g.header);
	buf_put(&s->first_bare, bare);
	buf_put(&s->nonce, nonce);
	x->ask = (struct sasl_question){.code = MSG_sasl_start, .hash = x->mech->hash};
	return SASL_ASK;
}

/* What somebody between the client and us may have changed on its way, covered by the proof: the
 * mechanisms and the channel bindings (XEP-0474), the version of TLS (XEP-0515). */
static void say_what_was_offered(struct sasl *x, struct buf *out)
{
	const struct sasl_channel *c = &x->channel;
	uint8_t digest[HASH_MAX];
	if (c->offer.n) {
		hash_bytes(x->mech->hash, buf_str(&c->offer), digest);
		buf_puts(out, ",h=");
		b64_encode(out, str_at(digest, hash_size(x->mech->hash)));
	}
	if (c->tls)
		buf_printf(out, ",t=%04x", (unsigned)c->tls);
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
	say_what_was_offered(x, &s->server_first);
	buf_put(&x->say, buf_str(&s->server_first));
	s->at = SCRAM_PROVES;
	return SASL_SAY;
}

/* Does c= carry cbind-input (RFC 5802 7): the gs2-header of the first message again, and the data
 * of our end of the channel? */
static bool binding_ok(const struct sasl *x, struct str encoded)
{
	const struct scram *s = x->own;
	struct buf ours = {0}, theirs = {0};
	bool ok;
	buf_put(&ours, buf_str(&s->gs2));
	ok = (!s->binds || x->channel.data(x->channel.of, s->binding, &ours)) &&
		b64_decode(&theirs, encoded) && ours.n == theirs.n &&
		same_bytes(ours.p, theirs.p, ours.n);
	buf_wipe(&ours);
	buf_wipe(&theirs);
	return ok;
}

/* client-final-message: c=, r=, extensions that may be ignored, p= at the end. `without` is all
 * before ",p=". */
static bool read_final(struct str bytes, struct str *binding, struct str *nonce, struct str *proof,
	struct str *without)
{
	struct str rest = bytes;
	if (!scram_take(&rest, 'c', binding) || !scram_take(&rest, 'r', nonce) ||
		!scram_skip_extensions(&rest, 'p'))
		return false;
	size_t tail = rest.n;
	if (!scram_take(&rest, 'p', proof) || rest.n)
		return false;
	*without = str_head(bytes, bytes.n - tail - 1);
	return true;
}

static enum sasl_step scram_answer(struct sasl *x, struct str bytes)
{
	struct scram *s = x->own;
	struct str binding, nonce, proof, without;
	if (s->at != SCRAM_PROVES || !text_ok(bytes) ||
		!read_final(bytes, &binding, &nonce, &proof, &without))
		return sasl_refuse(x, SASL_malformed_request);
	if (!b64_decode(&s->proof, proof) || s->proof.n != hash_size(x->mech->hash))
		return sasl_refuse(x, SASL_malformed_request);
	if (!binding_ok(x, binding) || !str_eq(nonce, buf_str(&s->nonce)))
		return sasl_refuse(x, SASL_not_authorized);
	s->at = SCRAM_IS_JUDGED;
	buf_put(&s->message, buf_str(&s->first_bare));
	buf_putc(&s->message, ',');
	buf_put(&s->message, buf_str(&s->server_first));
	buf_putc(&s->message, ',');
	buf_put(&s->message, without);
	x->ask = (struct sasl_question){MSG_sasl_prove, x->mech->hash, PROTO_FORM_SCRAM,
		buf_str(&s->message), buf_str(&s->proof), false};
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
#define SCRAM(mech, word, of_hash, of_needs) \
	const struct sasl_mech mech = {.name = word, .hash = of_hash, .needs = of_needs, \
		.client_first = true, .size = sizeof(struct scram), .start = scram_start, \
		.answer = scram_answer, .salt = scram_salt, .verdict = scram_verdict, \
		.end = scram_end};

SCRAM(sasl_scram_sha1, "SCRAM-SHA-1", HASH_SHA1, 0)
SCRAM(sasl_scram_sha256, "SCRAM-SHA-256", HASH_SHA256, 0)
SCRAM(sasl_scram_sha512, "SCRAM-SHA-512", HASH_SHA512, SASL_NEEDS_VERSION_2)
SCRAM(sasl_scram_sha1_plus, "SCRAM-SHA-1-PLUS", HASH_SHA1, SASL_NEEDS_BINDING)
SCRAM(sasl_scram_sha256_plus, "SCRAM-SHA-256-PLUS", HASH_SHA256, SASL_NEEDS_BINDING)
SCRAM(sasl_scram_sha512_plus, "SCRAM-SHA-512-PLUS", HASH_SHA512,
	SASL_NEEDS_BINDING | SASL_NEEDS_VERSION_2)

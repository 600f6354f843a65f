/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PLAIN (RFC 4616). The password never leaves the worker: what sm is asked to check is the
 * ClientKey that the password gives with the salt and rounds of the account's SCRAM-SHA-1
 * verifier. A password is prepared by OpaqueString (RFC 8265), and where that is refused, by
 * SASLprep (RFC 4013) as older clients and servers did, if it gives another one: still one
 * attempt of the client's. What the account lacks is made of a password that has been proved: of
 * any other it would take time that tells who lacks something, and so who is nobody. */
#include "c2s/sasl.h"
#include "common/prep.h"

#define PLAIN_FIELD 255 /* bytes of each of the three at most (RFC 4616 2) */

struct plain {
	struct buf password; /* as it is tried now */
	struct buf older;    /* to be tried next; empty: nothing */
	struct buf salt;
	uint32_t iterations;
	uint8_t key[HASH_MAX];
	bool completes; /* it is proved, and once more with what the account lacked */
};

static bool field_ok(struct str s)
{
	return s.n <= PLAIN_FIELD && str_utf8(s);
}

/* [authzid] NUL authcid NUL passwd, with exactly two NULs. */
static bool split(struct str bytes, struct str *authzid, struct str *authcid, struct str *password)
{
	struct str rest;
	return str_cut(bytes, 0, authzid, &rest) && str_cut(rest, 0, authcid, password) &&
		str_find(*password, 0) == password->n && authcid->n && password->n &&
		field_ok(*authzid) && field_ok(*authcid) && field_ok(*password);
}

/* Both forms of the password. False: neither exists. */
static bool prepare(struct plain *p, struct str password)
{
	bool now = prep_password(&p->password, password);
	bool then = prep_saslprep(&p->older, password);
	if (!now && then)
		buf_take(&p->password, &p->older);
	else if (then && str_eq(buf_str(&p->password), buf_str(&p->older)))
		buf_wipe(&p->older);
	return now || then;
}

static enum sasl_step plain_start(struct sasl *x, struct str bytes)
{
	struct str authzid, authcid, password;
	if (!split(bytes, &authzid, &authcid, &password))
		return sasl_refuse(x, SASL_malformed_request);
	enum cond why = sasl_claim(x, authcid, authzid);
	if (why)
		return sasl_refuse(x, why);
	if (!prepare(x->own, password))
		return sasl_refuse(x, SASL_not_authorized);
	x->ask = (struct sasl_question){.code = MSG_sasl_start, .hash = HASH_SHA1, .dear = true};
	return SASL_ASK;
}

static void set_work(struct sasl *x)
{
	struct plain *p = x->own;
	x->work = (struct sasl_work){.hash = HASH_SHA1,
		.password = buf_str(&p->password),
		.salt = buf_str(&p->salt),
		.iterations = p->iterations};
}

static enum sasl_step derive(struct sasl *x)
{
	set_work(x);
	return SASL_DERIVE;
}

static enum sasl_step complete(struct sasl *x)
{
	struct plain *p = x->own;
	p->completes = true;
	set_work(x);
	return SASL_COMPLETE;
}

static enum sasl_step plain_salt(struct sasl *x, const struct msg_sasl_salt *m)
{
	struct plain *p = x->own;
	buf_clear(&p->salt);
	if (!m->iterations)
		return sasl_refuse(x, SASL_temporary_auth_failure);
	buf_put(&p->salt, m->salt);
	p->iterations = m->iterations;
	return derive(x);
}

static enum sasl_step plain_key(struct sasl *x, struct str client_key)
{
	struct plain *p = x->own;
	if (client_key.n != hash_size(HASH_SHA1))
		return sasl_refuse(x, SASL_temporary_auth_failure);
	if (!x->wants || p->completes)
		buf_wipe(&p->password);
	for (size_t i = 0; i < client_key.n; i++)
		p->key[i] = (uint8_t)client_key.p[i];
	x->ask = (struct sasl_question){.code = MSG_sasl_prove,
		.hash = HASH_SHA1,
		.form = PROTO_FORM_CLIENT_KEY,
		.proof = str_at(p->key, client_key.n)};
	return SASL_ASK;
}

static enum sasl_step plain_verdict(struct sasl *x, const struct msg_sasl_verdict *m)
{
	struct plain *p = x->own;
	if (p->completes) /* whatever has come of it */
		return SASL_ACCEPT;
	if (!m->cond)
		return x->wants ? complete(x) : SASL_ACCEPT;
	if (m->cond != SASL_not_authorized || !p->older.n)
		return sasl_refuse(x, m->cond);
	buf_take(&p->password, &p->older);
	return derive(x);
}

static void plain_end(void *own)
{
	struct plain *p = own;
	buf_wipe(&p->password);
	buf_wipe(&p->older);
	buf_free(&p->salt);
}

/* clang-format off */
/* XEP-0078, whose request verb_iq_auth.c makes a message of. */
const struct sasl_mech sasl_iq_auth = {
	.name = "iq-auth", .needs = SASL_NEEDS_PRIVACY, .client_first = true,
	.size = sizeof(struct plain), .start = plain_start, .salt = plain_salt,
	.key = plain_key, .verdict = plain_verdict, .end = plain_end,
};

const struct sasl_mech sasl_plain = {
	.name = "PLAIN", .needs = SASL_NEEDS_PRIVACY, .client_first = true,
	.size = sizeof(struct plain), .start = plain_start, .salt = plain_salt,
	.key = plain_key, .verdict = plain_verdict, .end = plain_end,
};

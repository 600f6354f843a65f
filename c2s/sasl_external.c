/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * EXTERNAL (RFC 4422 A, XEP-0178): the client's certificate, which TLS has verified, names the
 * account. It is the one identity that a worker attests by itself (design.md 6): sm asks no more
 * than that the domain lists EXTERNAL and that the account is there and not disabled. */
#include "c2s/sasl.h"

struct external {
	struct buf authzid;
};

/* Claims the one account that the certificate names here, or which of several `authzid` says;
 * XEP-0178 2, step 11. */
static enum cond choose(struct sasl *x, struct str authzid)
{
	const struct sasl_channel *c = &x->channel;
	struct buf store = {0}, chosen = {0};
	enum cond why = SASL_not_authorized;
	struct str address;
	struct jid j;
	for (size_t i = 0; c->address && (address = c->address(c->of, i)).n; i++) {
		if (!sasl_channel_address(address, x->domain, &store, &j) ||
			str_eq(j.text, buf_str(&chosen)))
			continue;
		why = chosen.n ? SASL_invalid_authzid : sasl_claim(x, jid_local(j), authzid);
		if (!why)
			buf_put(&chosen, j.text);
		if (authzid.n ? !why : why == SASL_invalid_authzid && chosen.n)
			break;
	}
	buf_free(&store);
	buf_free(&chosen);
	return why;
}

static enum sasl_step external_start(struct sasl *x, struct str bytes)
{
	struct external *e = x->own;
	enum cond why = SASL_malformed_request;
	if (str_utf8(bytes) && str_find(bytes, 0) == bytes.n)
		why = choose(x, bytes);
	if (why)
		return sasl_refuse(x, why);
	buf_put(&e->authzid, bytes);
	/* of sm only an attempt is asked for yet */
	x->who = (struct jid){0};
	x->ask = (struct sasl_question){.code = MSG_sasl_start, .form = PROTO_FORM_EXTERNAL};
	return SASL_ASK;
}

static enum sasl_step external_salt(struct sasl *x, const struct msg_sasl_salt *m)
{
	struct external *e = x->own;
	enum cond why = choose(x, buf_str(&e->authzid));
	(void)m;
	if (why)
		return sasl_refuse(x, why);
	x->ask = (struct sasl_question){.code = MSG_sasl_prove, .form = PROTO_FORM_EXTERNAL};
	return SASL_ASK;
}

static void external_end(void *own)
{
	struct external *e = own;
	buf_free(&e->authzid);
}

/* clang-format off */
const struct sasl_mech sasl_external = {
	.name = "EXTERNAL", .needs = SASL_NEEDS_CERTIFICATE | SASL_NEEDS_VERSION_2, .client_first = true,
	.size = sizeof(struct external), .start = external_start, .salt = external_salt,
	.end = external_end,
};

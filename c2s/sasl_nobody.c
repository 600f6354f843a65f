/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Mechanisms that name no account; sm makes a name for whoever comes.
 *
 * ANONYMOUS (RFC 4505, XEP-0175): the client's trace information is not looked at.
 *
 * JIVE-SHAREDSECRET, as Openfire has it and Spark speaks it: "name NUL digest", where runs of NULs
 * count as one and leading ones not at all; the name is ignored, further parts too; the digest is
 * the lower-case hexadecimal MD5 of the secret. There is no nonce: whoever hears it once can say it
 * again, so it is for TLS alone. */
#include "c2s/sasl.h"

#define DIGITS 32

static enum sasl_step anonymous_start(struct sasl *x, struct str bytes)
{
	(void)bytes;
	sasl_claim_nobody(x);
	x->ask = (struct sasl_question){.code = MSG_sasl_prove, .form = PROTO_FORM_ANONYMOUS};
	return SASL_ASK;
}

/* Takes the next part that is not empty off the front; empty: there is none. */
static struct str take_part(struct str *s)
{
	struct str part = STR_NONE;
	while (s->n && !part.n)
		str_cut(*s, 0, &part, s);
	return part;
}

struct shared_secret {
	char digest[DIGITS];
};

static enum sasl_step shared_secret_start(struct sasl *x, struct str bytes)
{
	struct shared_secret *own = x->own;
	struct str name = take_part(&bytes), digest = take_part(&bytes);
	if (!name.n || !digest.n)
		return sasl_refuse(x, SASL_malformed_request);
	if (digest.n != DIGITS)
		return sasl_refuse(x, SASL_not_authorized);
	for (size_t i = 0; i < DIGITS; i++)
		own->digest[i] = digest.p[i];
	sasl_claim_nobody(x);
	x->ask = (struct sasl_question){.code = MSG_sasl_prove,
		.form = PROTO_FORM_SHARED_SECRET,
		.proof = str_at(own->digest, DIGITS)};
	return SASL_ASK;
}

/* clang-format off */
const struct sasl_mech sasl_anonymous = {
	.name = "ANONYMOUS", .needs = SASL_NEEDS_VERSION_2, .client_first = true, .optional_first = true, .size = 1,
	.start = anonymous_start,
};

const struct sasl_mech sasl_shared_secret = {
	.name = "JIVE-SHAREDSECRET", .needs = SASL_NEEDS_PRIVACY | SASL_NEEDS_VERSION_2, .client_first = true,
	.empty = "=", .size = sizeof(struct shared_secret), .start = shared_secret_start,
};

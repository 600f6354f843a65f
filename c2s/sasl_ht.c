/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See sasl_ht.h. One message each way: ours goes with the success. The token is sm's, which checks
 * the HMAC over the channel binding data that is added here. */
#include "c2s/sasl_ht.h"

#define NAME_MOST 1023 /* bytes of an authcid */

struct ht {
	struct buf channel, hashed;
};

static bool binding_of(const struct sasl_mech *m, enum tls_binding *out);

static enum sasl_step ht_start(struct sasl *x, struct str bytes)
{
	struct ht *h = x->own;
	struct str name, hashed;
	enum tls_binding b;
	if (!str_cut(bytes, 0, &name, &hashed) || !name.n || name.n > NAME_MOST ||
		!str_utf8(name) || hashed.n != hash_size(HASH_SHA256))
		return sasl_refuse(x, SASL_malformed_request);
	enum cond why = sasl_claim(x, name, STR_NONE);
	if (why)
		return sasl_refuse(x, why);
	if (binding_of(x->mech, &b) && !x->channel.data(x->channel.of, b, &h->channel))
		return sasl_refuse(x, SASL_temporary_auth_failure);
	buf_put(&h->hashed, hashed);
	x->ask = (struct sasl_question){MSG_sasl_prove, HASH_SHA256, PROTO_FORM_TOKEN,
		buf_str(&h->channel), buf_str(&h->hashed), false};
	return SASL_ASK;
}

static enum sasl_step ht_verdict(struct sasl *x, const struct msg_sasl_verdict *m)
{
	if (m->cond)
		return sasl_refuse(x, m->cond);
	buf_put(&x->say, m->signature);
	return SASL_ACCEPT;
}

static void ht_end(void *own)
{
	struct ht *h = own;
	buf_wipe(&h->channel);
	buf_wipe(&h->hashed);
}

/* clang-format off */
#define HT(suffix) \
	{.name = "HT-SHA-256-" suffix, .hash = HASH_SHA256, .client_first = true, \
		.size = sizeof(struct ht), .start = ht_start, .verdict = ht_verdict, .end = ht_end}

/* -1: none */
static const struct {
	struct sasl_mech mech;
	int binding;
} rows[] = {
	{HT("EXPR"), TLS_exporter},
	{HT("UNIQ"), TLS_unique},
	{HT("ENDP"), TLS_server_end_point},
	{HT("NONE"), -1},
};
/* clang-format on */

static bool binding_of(const struct sasl_mech *m, enum tls_binding *out)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (&rows[i].mech == m && rows[i].binding >= 0) {
			*out = (enum tls_binding)rows[i].binding;
			return true;
		}
	}
	return false;
}

const struct sasl_mech *ht_find(struct str name)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (str_is(name, rows[i].mech.name))
			return &rows[i].mech;
	}
	return NULL;
}

bool ht_fits(const struct sasl_mech *m, unsigned bindings)
{
	enum tls_binding b;
	return !binding_of(m, &b) || bindings >> b & 1;
}

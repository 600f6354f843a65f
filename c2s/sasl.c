/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See sasl.h: the list, and the part of an exchange that is the same for every mechanism. */
#include "c2s/sasl.h"

const struct sasl_mech *const sasl_list[] = {
	&sasl_external, &sasl_scram_sha512_plus, &sasl_scram_sha256_plus, &sasl_scram_sha1_plus,
	&sasl_scram_sha512, &sasl_scram_sha256, &sasl_scram_sha1, &sasl_plain,
	&sasl_digest_md5, &sasl_cram_md5, &sasl_anonymous, &sasl_shared_secret, NULL};

const struct sasl_mech *sasl_find(struct str name)
{
	for (const struct sasl_mech *const *m = sasl_list; *m; m++) {
		if (str_is(name, (*m)->name))
			return *m;
	}
	return NULL;
}

struct sasl *sasl_new(const struct sasl_mech *mech, struct str domain)
{
	struct sasl *x = mem_new(sizeof *x);
	x->mech = mech;
	x->domain = domain;
	x->own = mem_new(mech->size);
	return x;
}

void sasl_free(struct sasl **x)
{
	struct sasl *gone = *x;
	if (!gone)
		return;
	if (gone->mech->end)
		gone->mech->end(gone->own);
	mem_wipe(gone->own, gone->mech->size);
	mem_free(gone->own);
	sasl_channel_end(&gone->channel);
	buf_wipe(&gone->say);
	buf_wipe(&gone->more);
	buf_free(&gone->who_text);
	mem_free(gone);
	*x = NULL;
}

enum sasl_step sasl_refuse(struct sasl *x, enum cond why)
{
	x->why = why;
	return SASL_REFUSE;
}

enum sasl_step sasl_begin(struct sasl *x, const struct str *initial)
{
	bool none = !initial || (x->mech->empty && !initial->n);
	if (x->mech->client_first && none && !x->mech->optional_first)
		return SASL_SAY;
	/* RFC 4422 3.: an initial response where the mechanism has none is a fault of the
	 * client's; one of no bytes ("=") is what some send for none. */
	if (!x->mech->client_first && initial && initial->n)
		return sasl_refuse(x, SASL_malformed_request);
	x->at = SASL_GOES_ON;
	return x->mech->start(x, initial ? *initial : STR_NONE);
}

enum sasl_step sasl_answer(struct sasl *x, struct str bytes)
{
	buf_clear(&x->say);
	if (x->at == SASL_WAITS_FOR_FIRST) {
		x->at = SASL_GOES_ON;
		return x->mech->start(x, bytes);
	}
	if (!x->mech->answer)
		return sasl_refuse(x, SASL_malformed_request);
	return x->mech->answer(x, bytes);
}

enum sasl_step sasl_salt(struct sasl *x, const struct msg_sasl_salt *m)
{
	/* Not now; another word would make clients forget the password. */
	if (!m->nonce.n)
		return sasl_refuse(x, SASL_temporary_auth_failure);
	x->wants = m->wants;
	return x->mech->salt(x, m);
}

enum sasl_step sasl_key(struct sasl *x, struct str client_key)
{
	if (!client_key.n)
		return sasl_refuse(x, SASL_temporary_auth_failure);
	return x->mech->key(x, client_key);
}

enum sasl_step sasl_verdict(struct sasl *x, const struct msg_sasl_verdict *m)
{
	if (m->cond && cond_group(m->cond) != COND_OF_SASL)
		return sasl_refuse(x, SASL_temporary_auth_failure);
	x->accepted = !m->cond;
	if (x->mech->verdict)
		return x->mech->verdict(x, m);
	return m->cond ? sasl_refuse(x, m->cond) : SASL_ACCEPT;
}

static bool same_account(struct jid who, struct str authzid)
{
	struct buf store = {0};
	struct jid wanted;
	bool same = false;
	if (prep_local(&store, authzid))
		same = str_eq(buf_str(&store), jid_local(who));
	buf_clear(&store);
	if (!same && jid_parse(authzid, &store, &wanted))
		same = !wanted.resource_n && str_eq(wanted.text, who.text);
	buf_free(&store);
	return same;
}

enum cond sasl_claim(struct sasl *x, struct str authcid, struct str authzid)
{
	struct buf local = {0};
	buf_clear(&x->who_text);
	bool known = prep_local(&local, authcid);
	if (known)
		x->who = jid_join(&x->who_text, buf_str(&local), x->domain, STR_NONE);
	buf_free(&local);
	if (!known) /* what cannot be a name is nobody's */
		return SASL_not_authorized;
	if (!authzid.n)
		return COND_none;
	/* XEP-0388 2.4: nor may it be another than the stream's */
	return same_account(x->who, authzid) && (!x->from.n || str_eq(x->from, x->who.text))
		? COND_none
		: SASL_invalid_authzid;
}

void sasl_claim_nobody(struct sasl *x)
{
	buf_clear(&x->who_text);
	x->who = jid_join(&x->who_text, STR_NONE, x->domain, STR_NONE);
}

bool sasl_is_claimed(struct sasl *x, struct jid who)
{
	if (x->who.local_n)
		return str_eq(who.text, x->who.text);
	if (!who.local_n || who.resource_n || !str_eq(jid_domain(who), x->domain))
		return false;
	buf_clear(&x->who_text);
	buf_put(&x->who_text, who.text);
	x->who = (struct jid){buf_str(&x->who_text), who.local_n, who.domain_n, 0};
	return true;
}

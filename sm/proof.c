/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of proof.h, and what its rows share. */
#include "sm/proof.h"

#include "sm/verify_work.h"

#include <string.h>

#define IQ_AUTH "iq-auth" /* XEP-0078: has a setting of its own */
static const struct proof_mechanism scram[] = {{"SCRAM-SHA-512", HASH_SHA512},
	{"SCRAM-SHA-256", HASH_SHA256}, {"SCRAM-SHA-1", HASH_SHA1},
	{"SCRAM-SHA-512-PLUS", HASH_SHA512}, {"SCRAM-SHA-256-PLUS", HASH_SHA256},
	{"SCRAM-SHA-1-PLUS", HASH_SHA1}, {NULL, 0}};
static const struct proof_mechanism tokens[] = {{"HT-SHA-256-EXPR", HASH_SHA256},
	{"HT-SHA-256-UNIQ", HASH_SHA256}, {"HT-SHA-256-ENDP", HASH_SHA256},
	{"HT-SHA-256-NONE", HASH_SHA256}, {NULL, 0}};
static const struct proof_mechanism plain[] = {{"PLAIN", 0}, {IQ_AUTH, 0}, {NULL, 0}};
static const struct proof_mechanism external[] = {{"EXTERNAL", 0}, {NULL, 0}};
static const struct proof_mechanism digest_md5[] = {{"DIGEST-MD5", 0}, {NULL, 0}};
static const struct proof_mechanism cram_md5[] = {{"CRAM-MD5", 0}, {NULL, 0}};
static const struct proof_mechanism anonymous[] = {{"ANONYMOUS", 0}, {NULL, 0}};
static const struct proof_mechanism shared_secret[] = {{"JIVE-SHAREDSECRET", 0}, {NULL, 0}};

/* number, names_account, mechanisms, is_well_formed, find, judge, settle */
static const struct proof_form forms[] = {
	{PROTO_FORM_SCRAM, false, scram, proof_is_scram, verify_find_verifier, proof_judge_scram,
		NULL},
	{PROTO_FORM_CLIENT_KEY, false, plain, proof_is_client_key, verify_find_verifier,
		proof_judge_client_key, NULL},
	{PROTO_FORM_DIGEST_MD5, false, digest_md5, proof_is_md5, proof_find_digest_md5,
		proof_judge_digest_md5, NULL},
	{PROTO_FORM_CRAM_MD5, false, cram_md5, proof_is_md5, proof_find_cram_md5,
		proof_judge_cram_md5, NULL},
	{PROTO_FORM_ANONYMOUS, true, anonymous, proof_is_nothing, NULL, proof_judge_anonymous,
		NULL},
	{PROTO_FORM_SHARED_SECRET, true, shared_secret, proof_is_shared_secret, NULL,
		proof_judge_shared_secret, NULL},
	{PROTO_FORM_EXTERNAL, false, external, proof_is_external, proof_find_external,
		proof_judge_external, NULL},
	{PROTO_FORM_TOKEN, false, tokens, proof_is_token, proof_find_tokens, proof_judge_token,
		proof_settle_token},
};

const struct proof_form *proof_form_of(unsigned number)
{
	for (size_t i = 0; i < COUNT(forms); i++) {
		if (forms[i].number == number)
			return &forms[i];
	}
	return NULL;
}

static const char *mechanism_of(const struct proof_form *f, const struct msg_sasl_prove *m)
{
	for (const struct proof_mechanism *x = f->mechanisms; x->name; x++) {
		bool named = m->mechanism.n == 0 || str_is(m->mechanism, x->name);

		if (named && (!x->hash || (unsigned)x->hash == m->hash))
			return x->name;
	}
	return NULL;
}

bool proof_is_listed(const struct proof_form *f, const struct msg_sasl_prove *m,
	const struct conf_domain *domain)
{
	const char *name = mechanism_of(f, m);
	const struct conf_list *list = f->settle ? &domain->fast_mechanisms : &domain->mechanisms;

	if (name && strcmp(name, IQ_AUTH) == 0)
		return domain->iq_auth;
	for (size_t i = 0; name && i < list->n; i++) {
		if (strcmp(list->words[i], name) == 0)
			return true;
	}
	return false;
}

void proof_decide(struct question *q, bool fits)
{
	if (!q->real || !fits)
		q->cond = SASL_not_authorized;
	else if (q->disabled)
		q->cond = SASL_account_disabled;
	else
		q->cond = COND_none;
}

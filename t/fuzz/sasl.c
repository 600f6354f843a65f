/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages into one SASL mechanism, with a sham sm that answers. Input: the first byte chooses
 * the mechanism and sm's answers; the rest, cut at 0xff, are the client's messages. A mechanism
 * asks only about an account of its own domain, and accepts only after a yes. */
#include "c2s/derive.h"
#include "c2s/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static enum sasl_step ask(struct sasl *x, uint8_t mode)
{
	struct msg_sasl_salt salt = {.iterations = 1, .salt = STR("salt"), .nonce = mode & 8 ? STR_NONE : STR("NONCE")};
	struct msg_sasl_verdict verdict = {
		.cond = mode & 16 ? SASL_not_authorized : COND_none, .who = x->who, .signature = STR("sig")};
	CHECK(x->who.local_n && !x->who.resource_n && str_is(jid_domain(x->who), "localhost"));
	if (x->ask.code == MSG_sasl_start)
		return sasl_salt(x, &salt);
	CHECK(x->ask.code == MSG_sasl_prove && x->ask.proof.n == hash_size(x->ask.hash));
	enum sasl_step next = sasl_verdict(x, &verdict);
	CHECK(!verdict.cond || next != SASL_ACCEPT);
	return next;
}

static enum sasl_step run(struct sasl *x, enum sasl_step next, uint8_t mode)
{
	uint8_t key[HASH_MAX];
	for (unsigned i = 0; i < 8 && (next == SASL_ASK || next == SASL_DERIVE); i++) {
		if (next == SASL_ASK) {
			next = ask(x, mode);
			continue;
		}
		derive_client_key(&x->work, key);
		next = sasl_key(x, str_at(key, mode & 32 ? 0 : hash_size(x->work.hash)));
	}
	CHECK(next != SASL_ASK && next != SASL_DERIVE);
	return next;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	uint8_t mode = n ? bytes[0] : 0;
	struct str rest = str_skip(str_at(bytes, n), 1), message;
	static const struct sasl_mech *const mechs[] = {&sasl_scram_sha256, &sasl_scram_sha1, &sasl_plain};
	struct sasl *x = sasl_new(mechs[mode % 3], STR("localhost"));
	str_cut(rest, (char)0xff, &message, &rest);
	enum sasl_step next = run(x, sasl_begin(x, mode & 4 ? NULL : &message), mode);
	while (next == SASL_SAY && rest.n) {
		str_cut(rest, (char)0xff, &message, &rest);
		next = run(x, sasl_answer(x, message), mode);
	}
	CHECK(next != SASL_REFUSE || cond_group(x->why) == COND_OF_SASL);
	sasl_free(&x);
	return 0;
}

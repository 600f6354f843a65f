/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * EXTERNAL: a worker's word that TLS has verified a certificate of the account's owner. What sm can
 * check of it is that there is such an account (and, before, that its domain lists EXTERNAL). */
#include "sm/verify_work.h"

bool proof_is_external(const struct msg_sasl_prove *m)
{
	return m->hash == 0 && m->message.n == 0 && m->proof.n == 0;
}

enum db_result proof_find_external(struct question *q, struct db *d)
{
	struct verifier any;
	enum db_result r = store_account_verifier(d, q->who.text, HASH_SHA1, &any, &q->real);

	q->disabled = any.disabled;
	mem_wipe(&any, sizeof any);
	return r;
}

void proof_judge_external(struct question *q)
{
	proof_decide(q, true);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who has authenticated (design.md 1): sm's side of SASL. Verifiers are read by a desk and kept
 * until the attempt's proof comes, which is checked here; nothing secret leaves. Unknown accounts
 * get a stable fake salt, iterations as accounts have them and the same steps. sm's part of the
 * nonce is HMAC(secret, conn, attempt): it needs no state and survives a restart. How a proof is
 * judged, by its form: proof.h. */
#ifndef SM_VERIFY_H
#define SM_VERIFY_H

#include "common/conf.h"
#include "proto/types.h"
#include "sm/desk.h"
#include "sm/guard.h"

struct verify;
struct verifier;

/* Answers come through these, on the loop, once per question, in any order between connections.
 * Each (conn, attempt) proves once: a question that is repeated has its (numbered) verdict on the
 * way, or recorded, and gets none here. */
struct verify_out {
	void (*salt)(void *ctx, const struct msg_sasl_salt *m);
	/* m->cond 0: proven; m->who is the account (bare), or a full JID, which is all that the
	 * connection may bind. signature: what the form answers with
	 * (messages.def). */
	void (*verdict)(void *ctx, const struct msg_sasl_verdict *m);
	/* Before such a verdict: the worker has made these of the password, which `proved` says is
	 * the right one. The list is as the worker sent it. NULL: nobody wants them. */
	void (*credentials)(void *ctx, struct str account, const struct verifier *proved,
		struct str list);
	void *ctx;
};

/* Borrows everything. Secrets are read (made at first use) from `store` (path of store.db) before
 * it returns. NULL: `why`. */
MUST_CHECK struct verify *verify_new(const struct conf *conf, struct desk *reader,
	const char *store_path, const struct verify_out *out, struct buf *why);
/* For what a use of a token changes; before any question. */
void verify_writer(struct verify *v, struct desk *writer);
void verify_conf(struct verify *v, const struct conf *conf); /* after a reload: from now on */
/* Borrowed: whose proofs are judged, and when the verdict goes out; NULL (at first): all, at
 * once. */
void verify_guard(struct verify *v, struct guard *guard);
/* Questions still with the desk are answered no more. */
void verify_free(struct verify **v);
/* Under load tokens go before SCRAM, and that before PLAIN (lane.h). The queue is bounded: over it
 * the answer is an empty nonce / temporary-auth-failure at once, for PLAIN first. */
void verify_start(struct verify *v, const struct msg_sasl_start *m);
void verify_prove(struct verify *v, const struct msg_sasl_prove *m);

/* The account was removed or has another password, and the store has it: what was proved before,
 * and is still on its way to the loop, counts no more, and the verifiers that were read before are
 * forgotten. */
void verify_revoke(struct verify *v, struct str account);

struct verify_counts {
	uint64_t proved, refused, unavailable /* the store or the queue */, repeated;
};
struct verify_counts verify_counts(const struct verify *v);

#endif

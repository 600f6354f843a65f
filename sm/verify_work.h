/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside sm's side of SASL: verify.c (questions and answers, on the loop), verify_queue.c (which of
 * them wait), verify_desk.c (what is found out about an account, on a desk's thread) and proof*.c
 * (the forms of proofs). */
#ifndef SM_VERIFY_WORK_H
#define SM_VERIFY_WORK_H

#include "common/condition.h"
#include "sm/client_number.h"
#include "sm/proof.h"
#include "sm/store_account.h"
#include "sm/store_client.h"
#include "sm/verify.h"

#include <stdatomic.h>

#define VERIFY_ROUNDS 8    /* kinds of them */
#define VERIFY_WORKERS 256 /* that are told apart, by the lowest bits of their incarnations */

struct verify {
	const struct conf *conf;                              /* the loop's */
	_Atomic uint32_t iterations[HASH_SHA512 + 1];         /* of new verifiers, by hash */
	struct rounds rounds[HASH_SHA512 + 1][VERIFY_ROUNDS]; /* that there were at the start */
	size_t rounds_n[HASH_SHA512 + 1];
	struct desk *reader, *writer;
	struct verify_out out;
	struct guard *guard; /* or NULL */
	uint8_t salt_secret[32], nonce_secret[32];
	struct table *by_conn;
	struct tried *tried; /* a ring: the oldest goes first */
	size_t next_tried;
	struct question *asked;              /* those with the desk, newest first */
	struct question *kept, *kept_oldest; /* answered with a salt, newest first */
	struct table *kept_by_conn;
	size_t waiting, waiting_of[VERIFY_WORKERS];
	bool closed; /* freed by its owner; the last question frees it */
	struct verify_counts counts;
};

struct question {
	struct job job;
	struct verify *v;
	struct question *next, *previous; /* asked too, or kept too; the loop's */
	bool revoked;                     /* the loop's */
	const struct proof_form *form;    /* NULL: the first question of a login */
	uint64_t conn;
	uint32_t attempt;
	enum hash hash;
	uint32_t kinds; /* of credentials that the domain wants (common/credential.h) */
	struct network from;
	struct jid who;
	struct str message, proof, more;
	/* of a token */
	struct str client, mechanism;
	uint64_t count;
	bool invalidate;
	int64_t rotation; /* seconds */
	/* what the desk found */
	struct verifier verifier;
	uint8_t secret[2 * HASH_MAX]; /* of a form that leans on another credential */
	size_t secret_n;
	bool real, disabled; /* the account exists, with what the form leans on; and is disabled */
	uint32_t lacks;      /* of `kinds` */
	struct client_tokens tokens;
	struct token_use use;
	bool settles, must_settle; /* proof.h; and not only if it can be */
	/* the answer */
	enum cond cond;
	uint8_t flags; /* of msg_sasl_verdict */
	uint8_t signature[HASH_MAX];
	size_t signature_n;
	struct buf named; /* the account, of a form that names it */
	size_t size;      /* of all this, to be wiped */
	char text[];      /* account, message, proof, more, client, mechanism */
};

/* verify_queue.c. A copy, with job.lane set. NULL: too many that wait as it would, or no memory. */
MUST_CHECK struct question *question_new(struct verify *v, const struct msg_sasl_prove *m,
	enum lane lane);
void question_ask(struct question *q);  /* gives it to the reading desk */
void question_drop(struct question *q); /* the end of one that was with the desk; frees it */
/* Instead of its end. A connection has one attempt at a time. */
void question_keep(struct question *q);
void question_forget(struct question *q); /* of one that is kept; frees it */
void question_free(struct question *q);   /* of one that is nowhere */
void verify_destroy(struct verify *v);

/* What the first question asks: the verifier of q->who; for one that does not exist it pretends. */
enum db_result verify_find_verifier(struct question *q, struct db *d);
/* The same for another credential, to q->secret: `size` bytes, or a multiple of that; one that does
 * not exist has `size`. */
enum db_result verify_find_credential(struct question *q, struct db *d, enum credential_kind kind,
	size_t size);
/* Jobs of a desk. */
enum db_result verify_run_start(struct job *j, struct db *d);
enum db_result verify_run_prove(struct job *j, struct db *d);
/* sm's part of the nonce, appended. Any thread. */
void verify_nonce(const struct question *q, struct buf *out);

/* verify_guard.c: what the guard (guard.h) is told of proofs. A proof that is not judged has no
 * form, and does not concern it. */
struct network verify_source(const struct msg_sasl_prove *m); /* no address counts as one, too */
bool verify_admits(struct verify *v, const struct proof_form *f, const struct msg_sasl_prove *m);
/* Would the proof that a dear question is for be judged? Who does not say whence it comes is told
 * when it proves. */
bool verify_admits_start(struct verify *v, const struct msg_sasl_start *m);
/* True: the verdict goes out later. */
bool verify_holds(struct verify *v, const struct question *q, const struct msg_sasl_verdict *m);

#endif

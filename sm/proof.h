/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The forms in which a worker may prove an account: one row each in proof.c. A new form: its
 * number in proto/types.h (PROTO_FORM_*) and what `message` and `proof` hold in messages.def; its
 * functions, in a proof_<name>.c of its own; its row in proof.c, with the mechanisms that it
 * serves. A domain must list the mechanism, whatever a worker says. */
#ifndef SM_PROOF_H
#define SM_PROOF_H

#include "common/conf.h"
#include "common/credential.h"
#include "proto/types.h"
#include "sm/db.h"

struct question;

struct proof_mechanism {
	const char *name;
	enum hash hash; /* that goes with it in the message; 0: whichever the form takes */
};

struct proof_form {
	uint8_t number;
	/* The message names no account, only the domain: judging finds it out. */
	bool names_account;
	const struct proof_mechanism *mechanisms; /* a nameless one ends them */
	/* Bounds and shapes; the worker is not trusted. */
	bool (*is_well_formed)(const struct msg_sasl_prove *m);
	/* On the desk's thread: fills in what the desk finds (verify_work.h), as long for an
	 * account that does not exist. NULL: it needs nothing of the store, and no desk. */
	enum db_result (*find)(struct question *q, struct db *d);
	/* Any thread; the loop, if it needs no desk. Sets cond (by proof_decide, or another), the
	 * signature, and who it is where the form says so: a full JID if nothing else may be bound
	 * (an anonymous one, whose flag is set). */
	void (*judge)(struct question *q);
	/* On the writing desk's thread, if it was judged good and q->settles: what its use
	 * changes; the verdict waits for the commit, and q->must_settle: depends on it. NULL:
	 * nothing ever. */
	enum db_result (*settle)(struct question *q, struct db *d);
};

const struct proof_form *proof_form_of(unsigned number); /* NULL: none such */
/* Does the domain list the mechanism for which this is? An older worker names none: then the one
 * that it must mean. */
MUST_CHECK bool proof_is_listed(const struct proof_form *f, const struct msg_sasl_prove *m,
	const struct conf_domain *domain);
/* cond, from whether the proof fits and from what was found. */
void proof_decide(struct question *q, bool fits);

/* proof_scram.c */
bool proof_is_scram(const struct msg_sasl_prove *m);
bool proof_is_client_key(const struct msg_sasl_prove *m);
void proof_judge_scram(struct question *q);
void proof_judge_client_key(struct question *q);

/* proof_md5.c */
bool proof_is_md5(const struct msg_sasl_prove *m);
enum db_result proof_find_digest_md5(struct question *q, struct db *d);
void proof_judge_digest_md5(struct question *q);
enum db_result proof_find_cram_md5(struct question *q, struct db *d);
void proof_judge_cram_md5(struct question *q);

/* proof_nobody.c */
bool proof_is_nothing(const struct msg_sasl_prove *m);
void proof_judge_anonymous(struct question *q);
bool proof_is_shared_secret(const struct msg_sasl_prove *m);
void proof_judge_shared_secret(struct question *q);

/* proof_external.c */
bool proof_is_external(const struct msg_sasl_prove *m);
enum db_result proof_find_external(struct question *q, struct db *d);
void proof_judge_external(struct question *q);
/* proof_token.c */
bool proof_is_token(const struct msg_sasl_prove *m);
enum db_result proof_find_tokens(struct question *q, struct db *d);
void proof_judge_token(struct question *q);
enum db_result proof_settle_token(struct question *q, struct db *d);

#endif

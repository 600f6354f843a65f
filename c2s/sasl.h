/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SASL (RFC 4422) as the worker runs it: the contract of a mechanism, and the ordered list of
 * them. A mechanism sees the client's bytes and sm's answers, and says what is next; it knows no
 * XML, socket or database. It proves nothing: sm checks (design.md 1). A mechanism is a file, a row
 * of sasl_list, and a form of proof (sm/proof.h). */
#ifndef C2S_SASL_H
#define C2S_SASL_H

#include "c2s/sasl_channel.h"
#include "common/condition.h"
#include "common/credential.h"
#include "proto/types.h"

struct sasl;

enum sasl_step {
	SASL_SAY,      /* a challenge: `say` */
	SASL_ASK,      /* a question to sm: `ask` */
	SASL_DERIVE,   /* PBKDF2, on a thread: `work` */
	SASL_COMPLETE, /* sm said yes: the same with what is lacking; or, if not now, ACCEPT */
	SASL_ACCEPT,   /* sm said yes; `say` goes with the success, empty: nothing does */
	SASL_REFUSE    /* over: `why` */
};

enum sasl_needs {
	SASL_NEEDS_PRIVACY = 1,     /* TLS, or a network that the operator trusts with passwords
				   (allow-plaintext) */
	SASL_NEEDS_BINDING = 2,     /* a channel binding that this connection has */
	SASL_NEEDS_CERTIFICATE = 4, /* of the client, verified, with an account's address here */
	SASL_NEEDS_VERSION_2 = 8    /* an sm that knows it (proto/types.h) */
};

/* Each function returns the next step; one that a mechanism never needs is NULL. */
struct sasl_mech {
	const char *name;
	enum hash hash; /* that it is built on; 0: none */
	unsigned needs;
	bool client_first;   /* the client's first bytes may come with <auth/>; an empty challenge
			      asks for them */
	bool optional_first; /* but none are as good as any */
	/* What stands in an empty challenge; one is the answer to first bytes of no length, too.
	 * NULL: nothing does. */
	const char *empty;
	size_t size;                                                /* of its private state */
	enum sasl_step (*start)(struct sasl *x, struct str bytes);  /* the client's first bytes */
	enum sasl_step (*answer)(struct sasl *x, struct str bytes); /* to a challenge */
	enum sasl_step (*salt)(struct sasl *x, const struct msg_sasl_salt *m);
	enum sasl_step (*key)(struct sasl *x,
		struct str client_key); /* empty: no thread had time for it */
	enum sasl_step (*verdict)(struct sasl *x,
		const struct msg_sasl_verdict *m); /* default: m->cond, no data */
	void (*end)(void *own);                    /* wipes and frees what the private state owns */
};

struct sasl_question {
	enum msg_code code; /* MSG_sasl_start or MSG_sasl_prove */
	enum hash hash;
	uint8_t form; /* of sasl_start: 0, or one that needs only sm's nonce yet */
	struct str message, proof;
	bool dear; /* of sasl_start: the answer is for PBKDF2 */
};

struct sasl_work {
	enum hash hash;
	struct str password, salt;
	uint32_t iterations;
	/* What else is to be made of this password, for whom; kinds 0: nothing. */
	struct credential_rules rules;
	struct str account;
};

/* One exchange. What it points to belongs to it and lives until the next call. */
struct sasl {
	const struct sasl_mech *mech;
	struct str domain; /* borrowed: the stream's */
	struct str from;   /* borrowed: the bare JID that an authzid must be; empty: it need not */
	struct sasl_channel channel; /* may be set before sasl_begin; owned */
	enum { SASL_WAITS_FOR_FIRST, SASL_GOES_ON } at;
	struct buf say;
	struct sasl_question ask;
	struct sasl_work work;
	enum cond why;
	bool more_rounds; /* may be set before sasl_begin: what could go with the success is a
			     challenge (DIGEST-MD5) */
	bool accepted;  /* sm has said yes, and the mechanism has not ended */
	bool misfit;    /* refused for what the client says of channel binding, before any claim */
	struct jid who; /* the account that is claimed, bare; text empty: not known yet */
	struct buf who_text;
	uint32_t wants;  /* of sasl_salt */
	struct buf more; /* for sasl_prove: what was wanted */
	void *own;       /* mech->size bytes */
};

extern const struct sasl_mech *const sasl_list[]; /* best first, NULL ends it */
extern const struct sasl_mech sasl_external, sasl_scram_sha512_plus, sasl_scram_sha256_plus,
	sasl_scram_sha1_plus;
extern const struct sasl_mech sasl_scram_sha512, sasl_scram_sha256, sasl_scram_sha1, sasl_plain;
extern const struct sasl_mech sasl_digest_md5, sasl_cram_md5, sasl_anonymous, sasl_shared_secret;
extern const struct sasl_mech sasl_iq_auth; /* PLAIN in other clothes: in no list */
const struct sasl_mech *sasl_find(struct str name); /* NULL: none such */

struct sasl *sasl_new(const struct sasl_mech *mech, struct str domain);
void sasl_free(struct sasl **x); /* wipes; harmless for NULL */
enum sasl_step sasl_begin(struct sasl *x,
	const struct str *initial); /* NULL: <auth/> brought none */
enum sasl_step sasl_answer(struct sasl *x, struct str bytes);
enum sasl_step sasl_salt(struct sasl *x, const struct msg_sasl_salt *m);
enum sasl_step sasl_key(struct sasl *x, struct str client_key);
enum sasl_step sasl_verdict(struct sasl *x, const struct msg_sasl_verdict *m);

/* For mechanisms. */
enum sasl_step sasl_refuse(struct sasl *x, enum cond why);
/* Sets x->who to authcid@domain. An authzid must name that very account, as a bare JID or by its
 * localpart alone (RFC 6120 6.3.8): there are no proxy rights. COND_none, or why not. */
MUST_CHECK enum cond sasl_claim(struct sasl *x, struct str authcid, struct str authzid);
/* For one that names no account: x->who is the domain until sm has named somebody. */
void sasl_claim_nobody(struct sasl *x);
/* Is `who` what was claimed? Where nobody was, any account of the domain is, and becomes x->who. */
MUST_CHECK bool sasl_is_claimed(struct sasl *x, struct jid who);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Errands: what a client's stanza asks of store.db. An errand is *held*: the turn's record has it
 * (TURN_HOLD, TURN_ERRAND) before the writer gets it, so that its input may be acknowledged; the
 * writer runs its store function within a transaction; and its done function makes what comes of it
 * in the turn that lets it go (TURN_FREE). So each happens exactly once, whatever crashes. All go
 * one behind the other, the reading ones too: they take effect, and come back, in the order in
 * which they were put. (One that only reads is run anew after a crash, and when its client has no
 * room for a long answer: it comes back later, and may see what later ones did.)
 *
 * A row of errand.def is two functions of a module:
 *   <name>_store  on the writer's thread; touches nothing but its arguments. What it appends to
 *     `result` is what the done function gets. Its SQL is in a store_*.c.
 *   <name>_done  on the loop: answers, pushes, changes what is in memory. Where r is not DB_OK
 *     nothing of it has happened, and there is no result. The sender may be gone. */
#ifndef SM_ERRAND_H
#define SM_ERRAND_H

#include "common/condition.h"
#include "sm/db.h"
#include "sm/turn_item.h"

struct house;
struct session;
struct traffic;
struct errands;

enum errand_code {
#define ERRAND(code, name, once) ERRAND_##name = (code),
#define LIMIT(name)
#include "sm/errand.def"
#undef ERRAND
#undef LIMIT
};

struct errand_limits {
#define ERRAND(code, name, once)
#define LIMIT(name) int64_t name;
#include "sm/errand.def"
#undef ERRAND
#undef LIMIT
};

struct errand {
	uint64_t id; /* grows with time: mailbox_id_time */
	enum errand_code code;
	uint64_t sid;              /* the session that asked; 0: only its name is known */
	struct str account;        /* the prepared bare JID that it concerns */
	struct str sender;         /* full JID */
	struct str xml;            /* the stanza, canonical, with from and to */
	struct errand_limits most; /* as they are when it is run */
};

#define ERRAND(code, name, once) \
	enum db_result name##_store(struct db *d, const struct errand *e, struct buf *result); \
	void name##_done(struct house *h, const struct errand *e, enum db_result r, \
		struct str result);
#define LIMIT(name)
#include "sm/errand.def"
#undef ERRAND
#undef LIMIT

/* Takes a client's stanza as an errand about the account that it is addressed to (its own, where it
 * is for nobody). False: too much waits already, of this sender or in all; to be refused with
 * resource-constraint. */
MUST_CHECK bool errand_put(const struct traffic *t, enum errand_code code);
/* For a handler of iq.def: COND_later, or what to refuse with. errand_ask_as: with another stanza
 * (canonical, stamped) in place of the client's. */
enum cond errand_ask(const struct traffic *t, enum errand_code code);
enum cond errand_ask_as(const struct traffic *t, enum errand_code code, struct str xml);
/* The same with all that it is made of; e->id may be chosen (mailbox_new_id), and only bytes
 * count. */
MUST_CHECK bool errand_hold(struct house *h, const struct errand *e);

/* Is an errand of this session about the account under way? What goes to that account itself must
 * wait behind it, as ERRAND_stanza: RFC 6120 10.1. */
bool errand_precedes(const struct house *h, const struct session *s, struct str account);

/* For done functions. The session that asked; NULL: it is gone. */
struct session *errand_session(const struct house *h, const struct errand *e);
/* Answers its iq with a result around `content`, canonical elements; or with an error. Nothing, if
 * the session that asked is gone. */
void errand_answer(struct house *h, const struct errand *e, struct str content);
void errand_refuse(struct house *h, const struct errand *e, enum cond why, struct str text);
/* True: the store did not take it, and its sender has been told. */
MUST_CHECK bool errand_failed(struct house *h, const struct errand *e, enum db_result r);

/* Calls `each` with those that are held, oldest first, until it says false. */
void errands_each(const struct house *h, bool (*each)(void *ctx, const struct errand *e),
	void *ctx);
/* After each turn's record: what it held goes to the writer. */
void errands_turn(struct house *h);
/* For the turn record: what is held now, and taking that up again. */
void errands_snapshot(const struct house *h, struct buf *out);
void errand_recover(struct house *h, const struct turn_item *i);
void errands_resume(struct house *h); /* the sessions are there */

struct errands *errands_new(void);
void errands_free(struct errands **e); /* when the desks have ended */

#endif

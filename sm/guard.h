/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Failed logins, counted per address prefix and per account for all workers (protocol.md 4, case
 * 28). With a quarter of the failures that are allowed, verdicts begin to be late; with all of
 * them the address is refused for a while, here and at the door of c2s, and the account refuses
 * addresses that fail. An account that is attacked still lets its owner in: from an address where
 * its password was right lately, and from one that has hardly failed. Accounts that do not exist
 * count like those that do. Plain functions; what time it is comes with guard_tick. */
#ifndef SM_GUARD_H
#define SM_GUARD_H

#include "common/network.h"
#include "proto/types.h"

struct guard;

struct guard_out {
	/* A verdict whose time has come. */
	void (*verdict)(void *ctx, const struct msg_sasl_verdict *m);
	/* Connections from there are of no use for so many ms; 0: they are again. */
	void (*ban)(void *ctx, struct network prefix, uint64_t ms);
	void *ctx;
};

/* A proof as far as it matters here. */
struct guard_try {
	struct network from; /* as the worker says: one that was taken over can lie */
	struct str account;
	uint8_t form; /* of the proof: some need no password */
};

/* In a parent, before it forks: its children count in one memory, one after the other. */
void guard_share(void);
struct guard *guard_new(const struct conf *conf, const struct guard_out *out, uint64_t now_ms);
void guard_free(struct guard **g); /* what is held is forgotten */
void guard_conf(struct guard *g, const struct conf *conf);
void guard_tick(struct guard *g, uint64_t now_ms); /* a few times a second: hands out what is due */

/* May this proof be judged? Else it is refused, whatever it is. NULL guards nothing. */
MUST_CHECK bool guard_admits(struct guard *g, const struct guard_try *t);
/* It was judged: counts. True: the verdict (copied) comes through `out` later. */
MUST_CHECK bool guard_holds(struct guard *g, const struct guard_try *t,
	const struct msg_sasl_verdict *m);
/* Held successes of this account are none any more. */
void guard_revoke(struct guard *g, struct str account);

struct guard_row {
	const char *name; /* an address, a prefix, or an account (perhaps cut); borrowed */
	bool is_account;
	unsigned failures;   /* that still count */
	uint64_t refused_ms; /* left; 0: not refused */
	uint64_t delay_ms;   /* of its next verdict */
};
/* The next one that is delayed or refused, from *at (0 at first) on. False: no more. */
MUST_CHECK bool guard_next(struct guard *g, size_t *at, struct guard_row *row);
/* Forgets the failures of an address, a prefix or an account. False: there are none. */
MUST_CHECK bool guard_pardon(struct guard *g, struct str name);
/* Calls `ban` for each prefix that is refused. */
void guard_tell(struct guard *g);
size_t guard_held(const struct guard *g);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who stays when two want one name, and when one account wants too many sessions (protocol.md 1e):
 * the policy alone, a function of its arguments. Answers for one account come one after another, so
 * nothing can come between asking and doing. */
#ifndef SM_CONFLICT_H
#define SM_CONFLICT_H

#include "common/conf.h"
#include "common/condition.h"

/* After so many replacements of one full JID within this time the next newcomer is parted from its
 * rival. */
#define CONFLICT_SWAPS_MOST 5
#define CONFLICT_SWAP_MS 30000

struct conflict_case {
	const struct conf_domain *domain;
	/* the full JID that is wanted has a session; else swaps mean nothing */
	bool taken;
	/* the session that is in the way is the very client's (XEP-0386 3.2): no other is meant by
	 * what the domain says about conflicts */
	bool own;
	bool fixed; /* closeold, whatever the domain says, and no other name (XEP-0078) */
	unsigned same;            /* more sessions of that client, which end too */
	unsigned swaps;           /* how often it was replaced since swap_since */
	uint64_t swap_since, now; /* loop ms */
	unsigned sessions;        /* of the account, all of them */
};

struct conflict_ruling {
	/* a stanza condition: the newcomer is refused, and nothing else happens; COND_none: it gets
	 * a session */
	enum cond refuse;
	bool rename;    /* under a resource of our making */
	bool damped;    /* ... because of a replacement loop */
	bool replace;   /* the session with the wanted name ends */
	unsigned evict; /* so many of the account's oldest other sessions end */
};

struct conflict_ruling conflict_rule(const struct conflict_case *c);

#endif

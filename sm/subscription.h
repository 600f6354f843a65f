/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Presence subscriptions (RFC 6121 3, Appendix A) as pure functions of one side's state and a
 * stanza: subscription.def, and what the tables there leave to footnotes. A state is bits, so that
 * it can be stored and asked. */
#ifndef SM_SUBSCRIPTION_H
#define SM_SUBSCRIPTION_H

#include "common/stanza.h"

/* What the owner of a roster and the contact are to each other. */
#define SUB_TO 1        /* the owner sees the contact's presence */
#define SUB_FROM 2      /* the contact sees the owner's */
#define SUB_OUT 4       /* the owner has asked, and waits for an answer */
#define SUB_IN 8        /* the contact has asked, and waits for one */
#define SUB_LISTED 16   /* it is an item of the owner's roster (A.1: one that only asks is none) */
#define SUB_APPROVED 32 /* the owner said yes before being asked (3.4) */
#define SUB_SHARED 128 /* the operator wants the two to see each other (share.h) */
#define SUB_OWN 8      /* bits further left: what was between them before, and will be again */
#define SUB_GONE 64     /* it was an item, for versions from before that (2.6) */
#define SUB_STATE (SUB_TO | SUB_FROM | SUB_OUT | SUB_IN) /* the nine states of A.1 */

enum sub_way { SUB_WAY_out, SUB_WAY_in };

struct sub_step {
	bool passes;         /* out: it is routed; in: it is delivered */
	unsigned after;      /* all bits */
	bool agrees;         /* in: `subscribed` is to be said on the owner's behalf (3.1.3) */
	const char *section; /* of RFC 6121 */
};

/* A cell of Appendix A: `state` is of the nine, others are taken for the nearest of them. */
struct sub_step subscription_cell(enum sub_way way, enum stanza_type type, unsigned state);
/* The owner's client sends it to the contact: what is of the owner's side then. */
struct sub_step subscription_sent(enum stanza_type type, unsigned state);
/* The contact's comes in at the owner's side. */
struct sub_step subscription_received(enum stanza_type type, unsigned state);
/* Is there anything worth keeping in it? */
bool subscription_is_kept(unsigned state);
/* The words of a roster item (2.1.2.5): none, to, from, both. */
struct str subscription_word(unsigned state);

#endif

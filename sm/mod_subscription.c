/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Presence subscriptions (RFC 6121 3) between accounts of this house: the store changes both sides
 * (subscribe.c), and what comes of it is done here. */
#include "sm/module.h"

#define STANZA_MOST 16384 /* bytes of one */

/* A resource in `to` does not count, as 3.1.2 has it for requests. 8.5.3.2.2 would have the others
 * ignored when there is no such resource; but then the two rosters would not agree, and the sender
 * would learn who is there. */
void subscription_ask(const struct traffic *t)
{
	if (str_eq(jid_bare(t->to), jid_bare(t->from->jid)))
		return; /* everybody is subscribed to himself */
	if (!t->from->account->roster)
		traffic_bounce(t, STANZA_not_allowed);
	else if (t->stanza->bytes.n > STANZA_MOST)
		traffic_bounce(t, STANZA_policy_violation);
	else if (!errand_put(t, ERRAND_subscription))
		traffic_bounce(t, STANZA_resource_constraint);
}

/* The result: u8 condition, and the acts. */
void subscription_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	uint8_t why = STANZA_internal_server_error;

	if (errand_failed(h, e, r))
		return;
	if (str_take_u8(&result, &why) && why == COND_none)
		acts_run(h, result);
	else
		errand_refuse(h, e, (enum cond)why, STR_NONE);
}

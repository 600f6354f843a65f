/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * First the name, then the number: a session that is replaced makes room for the one that replaces
 * it. */
#include "sm/conflict.h"

/* Two clients with one name that come back as soon as they are replaced would go on for ever
 * (protocol.md 4, case 27). */
static bool is_loop(const struct conflict_case *c)
{
	return c->swaps >= CONFLICT_SWAPS_MOST && c->now - c->swap_since < CONFLICT_SWAP_MS;
}

static void rule_name(const struct conflict_case *c, struct conflict_ruling *r)
{
	int policy = c->own || c->fixed ? CONFLICT_CLOSEOLD : c->domain->resource_conflict;

	switch (policy) {
	case CONFLICT_SETRESOURCE:
		r->rename = true;
		break;
	case CONFLICT_CLOSENEW:
		r->refuse = STANZA_conflict;
		break;
	default: /* closeold, acceptnew */
		r->damped = is_loop(c);
		r->replace = !r->damped;
		r->rename = r->damped && !c->fixed;
		if (r->damped && c->fixed)
			r->refuse = STANZA_conflict;
	}
}

static void rule_number(const struct conflict_case *c, struct conflict_ruling *r)
{
	unsigned others = c->sessions - (r->replace ? 1 : 0) - (r->damped ? 0 : c->same);
	unsigned limit = (unsigned)c->domain->sessions_per_account;

	if (others < limit)
		return;
	if (c->domain->session_limit == SESSION_LIMIT_CLOSENEW)
		*r = (struct conflict_ruling){.refuse = STANZA_resource_constraint};
	else
		r->evict = others - limit + 1;
}

struct conflict_ruling conflict_rule(const struct conflict_case *c)
{
	struct conflict_ruling r = {.refuse = COND_none};

	if (c->taken)
		rule_name(c, &r);
	if (r.refuse == COND_none)
		rule_number(c, &r);
	return r;
}

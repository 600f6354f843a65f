/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private XML storage (XEP-0049): what a client keeps with its own account, by namespace and name
 * of the element. An empty element takes away what was there. */
#include "sm/module.h"

/* Of the query's children each must have a namespace of its own; how many there are. */
static enum cond check_children(const struct stanza_child *query, uint64_t *n)
{
	struct stanza view;
	struct stanza_child c;
	struct str rest;

	*n = 0;
	if (!stanza_view(query->whole, &view))
		return STANZA_internal_server_error;
	rest = view.inner;
	while (stanza_take_child(&view, &rest, &c)) {
		if (c.ns_uri.n == 0 || c.ns == NS_client || c.ns == NS_private)
			return STANZA_not_acceptable;
		++*n;
	}
	return COND_none;
}

/* Nobody's account keeps nothing. */
static enum cond ask(const struct iq *q, enum cond why, enum errand_code code)
{
	if (why == COND_none && session_is_anonymous(q->traffic->from))
		why = STANZA_not_allowed;
	return why == COND_none ? errand_ask(q->traffic, code) : why;
}

enum cond private_get(const struct iq *q, struct emit *e)
{
	uint64_t n;
	enum cond why = check_children(q->child, &n);

	(void)e;
	if (why == COND_none && n != 1)
		why = STANZA_bad_request;
	return ask(q, why, ERRAND_private_get);
}

enum cond private_set(const struct iq *q, struct emit *e)
{
	const struct traffic *t = q->traffic;
	const struct conf_domain *d = conf_domain(t->house->conf, jid_domain(t->from->jid));
	uint64_t n;
	enum cond why = check_children(q->child, &n);

	(void)e;
	if (why == COND_none && n == 0)
		why = STANZA_not_acceptable;
	else if (why == COND_none && (!d || n > (uint64_t)d->private_elements))
		why = STANZA_policy_violation;
	return ask(q, why, ERRAND_private_set);
}

void private_get_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	if (!errand_failed(h, e, r))
		errand_answer(h, e, result);
}

/* The result: one byte, 1 where there was no room. */
void private_set_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	uint8_t full = 0;

	if (errand_failed(h, e, r))
		return;
	if (str_take_u8(&result, &full) && full)
		errand_refuse(h, e, STANZA_policy_violation,
			STR("That is more than an account may keep here"));
	else
		errand_answer(h, e, STR_NONE);
}

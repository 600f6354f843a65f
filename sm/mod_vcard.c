/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vCards (XEP-0054). Everybody's own is for everybody to read, who is not online too. What somebody
 * else has not, and who does not exist, look alike. */
#include "sm/module.h"

enum cond vcard_get(const struct iq *q, struct emit *e)
{
	(void)e;
	return errand_ask(q->traffic, ERRAND_vcard_get);
}

enum cond vcard_set(const struct iq *q, struct emit *e)
{
	const struct traffic *t = q->traffic;
	const struct conf_domain *d = conf_domain(t->house->conf, jid_domain(t->from->jid));

	(void)e;
	if (q->target != IQ_ACCOUNT)
		return STANZA_forbidden;
	if (session_is_anonymous(t->from))
		return STANZA_not_allowed;
	if (!d || q->child->whole.n > (uint64_t)d->vcard_bytes)
		return STANZA_policy_violation;
	return errand_ask(t, ERRAND_vcard_set);
}

/* Nothing: there is none. One's own is empty then, which 3.1 allows as well as an error: slixmpp
 * reads it before it puts an avatar there (XEP-0153), and gives up at an error. */
void vcard_get_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	struct jid sender;

	if (errand_failed(h, e, r))
		return;
	if (result.n)
		errand_answer(h, e, result);
	else if (jid_split(e->sender, &sender) && str_eq(jid_bare(sender), e->account))
		errand_answer(h, e, STR("<vCard xmlns=\"vcard-temp\"/>"));
	else
		errand_refuse(h, e, STANZA_service_unavailable, STR_NONE);
}

void vcard_set_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	(void)result;
	if (!errand_failed(h, e, r))
		errand_answer(h, e, STR_NONE);
}

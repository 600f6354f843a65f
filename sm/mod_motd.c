/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The message of the day: what the operator has to say to each account, once, when it comes online
 * next. It is from the account's domain. */
#include "sm/module.h"

/* The errand's stanza is the session's presence: nothing is asked but that it is there. */
void motd_session_shown(struct house *h, struct session *s)
{
	struct errand e = {.code = ERRAND_motd,
		.sid = s->row.sid,
		.account = s->account->jid,
		.sender = s->jid.text,
		.xml = s->row.presence};

	if (!h->motd || session_is_anonymous(s))
		return;
	e.id = mailbox_new_id(h);
	if (!errand_hold(h, &e))
		return; /* no room now: it comes the next time */
}

void motd_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	const struct session *s = errand_session(h, e);

	if (r != DB_OK || result.n == 0 || !s)
		return;
	fan_add(h, s);
	announce_send(h, jid_domain(s->jid), s->jid.text, result);
}

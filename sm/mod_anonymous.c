/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whom nobody knows (XEP-0175 4, RFC 4505 5) talks within its own domain: what it sends elsewhere,
 * to another domain of ours included, is refused. Nothing of it is stored: what store.db has of
 * people refers to accounts, and it has none. A module that keeps something elsewhere erases it in
 * its session_ended part: the session of one that is anonymous is its only one, and no other will
 * ever have its name. */
#include "sm/module.h"

enum verdict anonymous_from_client(struct traffic *t)
{
	if (!session_is_anonymous(t->from) || !t->addressed ||
		str_eq(jid_domain(t->to), jid_domain(t->from->jid)))
		return PASS;
	t->why = STANZA_not_allowed;
	return DENY;
}

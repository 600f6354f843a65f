/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Offline messages (XEP-0160): which are worth storing, and as what they are stored. The store and
 * the order are mailbox.h's. */
#include "sm/module.h"

bool offline_is_storable(const struct traffic *t)
{
	enum stanza_type type = t->stanza->type;

	if (type == TYPE_ERROR || type == TYPE_GROUPCHAT || type == TYPE_HEADLINE ||
		(t->marks & MARK_no_store))
		return false;
	return t->marks & (~(MARK_ASIDE | MARK_chat_state) | MARK_store);
}

static void put_delay(struct buf *out, struct str domain, uint64_t id)
{
	struct emit e = emit_to(out);
	char stamp[LOG_STAMP];

	log_stamp(stamp, mailbox_id_time(id));
	emit_start_ns(&e, "delay", NS_delay);
	emit_attr(&e, "from", domain);
	emit_attr(&e, "stamp", str_of(stamp));
	emit_end(&e);
}

static bool nothing(void *ctx, const struct stanza_child *c)
{
	(void)ctx;
	(void)c;
	return false;
}

void offline_store(struct traffic *t)
{
	struct house *h = t->house;
	struct str account = t->addressed ? jid_bare(t->to) : jid_bare(t->from->jid);
	struct str domain = jid_domain(t->addressed ? t->to : t->from->jid);
	uint64_t id = mailbox_new_id(h);
	struct stanza stamped;
	struct buf xml = {0}, delay = {0};

	if (!offline_is_storable(t))
		return;
	put_delay(&delay, domain, id);
	if (stanza_view(traffic_stamped(t), &stamped))
		stanza_edit(&xml, &stamped, nothing, NULL, buf_str(&delay));
	t->end = TRAFFIC_STORED;
	if (!xml.n || !mailbox_put(h, account, t->from->jid.text, id, buf_str(&xml))) {
		traffic_bounce(t, STANZA_resource_constraint);
		t->end = TRAFFIC_BOUNCED;
		t->bounced = STANZA_resource_constraint;
	}
	buf_free(&xml);
	buf_free(&delay);
}

void offline_session_shown(struct house *h, struct session *s)
{
	mailbox_open(h, s);
}

void offline_session_hidden(struct house *h, struct session *s)
{
	mailbox_leave(h, s, false);
}

void offline_session_ended(struct house *h, struct session *s)
{
	mailbox_leave(h, s, !s->kicked);
}

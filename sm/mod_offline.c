/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Offline messages (XEP-0160): which are worth storing, and as what they are stored. The store and
 * the order are mailbox.h's. */
#include "sm/module.h"

static bool is_content(const struct stanza_child *c)
{
	return c->ns != NS_chatstates && c->ns != NS_hints &&
		!(c->ns == NS_client && str_is(c->name, "thread"));
}

bool offline_is_storable(const struct traffic *t)
{
	const struct stanza *s = t->stanza;
	bool content = s->child_count > STANZA_CHILDREN;

	if (s->type == TYPE_ERROR || s->type == TYPE_GROUPCHAT || s->type == TYPE_HEADLINE ||
		stanza_child(s, NS_hints, "no-store") ||
		stanza_child(s, NS_hints, "no-permanent-store"))
		return false;
	for (unsigned i = 0; !content && i < s->child_count; i++)
		content = is_content(&s->child[i]);
	return content || stanza_child(s, NS_hints, "store");
}

/* A delay that claims to be of our domain is a forgery: only we say those (XEP-0203 4). */
static bool is_forged(void *ctx, const struct stanza_child *c)
{
	struct str domain = *(const struct str *)ctx;
	struct stanza view;

	return c->ns == NS_delay && stanza_view(c->whole, &view) && str_eq(view.from.value, domain);
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

void offline_store(const struct traffic *t)
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
		stanza_edit(&xml, &stamped, is_forged, &domain, buf_str(&delay));
	if (!xml.n || !mailbox_put(h, account, t->from->jid.text, id, buf_str(&xml)))
		traffic_bounce(t, STANZA_resource_constraint);
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

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Message Carbons (XEP-0280): each session that asked for it has a copy of every message of its
 * account that it is not given itself, received or sent. A session has each message once: of one to
 * oneself those that did not get it have the sent copy. Copies are made when a message is routed,
 * and so once, also of what is stored then. What is copied is the XEP's section 6.1, but for errors
 * of other clients: nobody remembers what they answer. */
#include "sm/module.h"

static enum cond set(const struct iq *q, bool on)
{
	session_carbons_set(q->traffic->house, q->traffic->from, on);
	return COND_none;
}

enum cond carbons_enable(const struct iq *q, struct emit *e)
{
	(void)e;
	return set(q, true);
}

enum cond carbons_disable(const struct iq *q, struct emit *e)
{
	(void)e;
	return set(q, false);
}

#define SPOKEN (MARK_chat_state | MARK_receipt | MARK_marker | MARK_invitation)

static bool is_invitation(const struct stanza *s)
{
	const struct stanza_child *c = stanza_child(s, NS_muc_user, "x");
	struct stanza x;

	return c && stanza_view(c->whole, &x) && stanza_child(&x, NS_muc_user, "invite");
}

/* 6.1. What an occupant of a room says to another comes to each client by the room itself. */
static bool is_eligible(const struct traffic *t, bool received)
{
	const struct stanza *s = t->stanza;

	if ((t->marks & (MARK_private | MARK_no_copy)) || s->type == TYPE_ERROR ||
		s->type == TYPE_GROUPCHAT)
		return false;
	if ((t->marks & MARK_room) && received && !is_invitation(s))
		return false;
	if (s->type == TYPE_CHAT || (t->marks & SPOKEN))
		return true;
	if (s->type == TYPE_HEADLINE)
		return false;
	return (t->marks & MARK_body) || ((t->marks & MARK_room) && is_invitation(s));
}

/* Who has a copy: of what was stored, no session that will be handed it when it becomes available
 * (RFC 6121 4.2), for then it would have it twice. */
static bool has_copy(const struct traffic *t, const struct session *s)
{
	if (!session_has_carbons(s) || s == t->from || traffic_reaches(t, s))
		return false;
	return t->end != TRAFFIC_STORED || s->account != t->receiver || s->row.available;
}

/* The wrapper for all of them: each worker puts in each one's own full JID as `to`. */
static void put_copy(struct buf *out, struct str type, struct str account, const char *way,
	struct str original)
{
	struct emit e = emit_to(out);
	size_t name = sizeof "<message" - 1;

	emit_start(&e, "message");
	emit_attr_opt(&e, "type", type);
	emit_attr(&e, "from", account);
	emit_start_ns(&e, way, NS_carbons);
	emit_start_ns(&e, "forwarded", NS_forward);
	emit_raw(&e, str_head(original, name));
	buf_puts(out, " xmlns=\"jabber:client\"");
	buf_put(out, str_skip(original, name));
	emit_end(&e);
	emit_end(&e);
	emit_end(&e);
}

static void send_copies(const struct traffic *t, const struct account *a, bool received,
	struct str type, struct str original)
{
	struct buf copy = {0};

	put_copy(&copy, type, a->jid, received ? "received" : "sent", original);
	for (const struct session *s = a->oldest; s; s = s->next) {
		if (has_copy(t, s))
			fan_add(t->house, s);
	}
	fan_send_own(t->house, buf_str(&copy), FAN_FULL);
	buf_free(&copy);
}

static bool has_receivers(const struct traffic *t, const struct account *a)
{
	for (const struct session *s = a && a->carbons ? a->oldest : NULL; s; s = s->next) {
		if (has_copy(t, s))
			return true;
	}
	return false;
}

static struct str type_of(const struct stanza *s)
{
	return str_of(stanza_type_word(s->type));
}

/* The sender's other sessions saw the message go out: they see it come back. */
static void copy_error(const struct traffic *t, struct str by, enum cond why, struct str text)
{
	struct buf *out = traffic_scratch(t);

	stanza_error(out, t->stanza, by, t->from->jid.text, why, text);
	send_copies(t, t->from->account, true, STR("error"), buf_str(out));
}

void carbons_refused(struct house *h, const struct errand *e, enum cond why, struct str text)
{
	struct session *s = errand_session(h, e);
	struct session gone = {.row.jid = e->sender};
	struct stanza view;
	struct traffic t = {.house = h, .from = s ? s : &gone, .stanza = &view};
	struct buf by = {0};

	if (!stanza_view(e->xml, &view) || !jid_split(e->sender, &gone.jid))
		return;
	gone.account = account_by_jid(h->sessions, jid_bare(gone.jid));
	t.marks = mark_message(&view);
	if (has_receivers(&t, t.from->account) && is_eligible(&t, false)) {
		stanza_value(&by, view.to.value);
		copy_error(&t, buf_str(&by), why, text);
	}
	buf_free(&by);
}

void carbons_routed(struct traffic *t)
{
	const struct account *own = t->from->account;
	bool given = t->end == TRAFFIC_GIVEN || t->end == TRAFFIC_STORED;
	bool sent, received;

	if (t->stanza->kind != STANZA_MESSAGE)
		return;
	received = given && t->receiver != own && has_receivers(t, t->receiver) &&
		is_eligible(t, true);
	sent = has_receivers(t, own) && is_eligible(t, false);
	if (received)
		send_copies(t, t->receiver, true, type_of(t->stanza), traffic_stamped(t));
	if (sent)
		send_copies(t, own, false, type_of(t->stanza), traffic_sent(t));
	if (sent && t->end == TRAFFIC_BOUNCED)
		copy_error(t, t->addressed ? t->to.text : own->jid, t->bounced, STR_NONE);
}

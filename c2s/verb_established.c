/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verbs: an open session. The worker passes canonical stanzas on; from, to and content are for
 * sm to judge. */
#include "c2s/verb.h"
#include "c2s/ping.h"
#include "common/emit.h"

#include <string.h>

static void settle(struct client *c)
{
	if (c->state == LOGIN_wait_for_session)
		login_goto(c, LOGIN_session_established);
}

/* RFC 3921's request for a session: it is open since bind, and that may be asked at any time. */
void verb_start(struct client *c, const struct cue *cue)
{
	struct buf out = {0}, id = {0};
	struct emit e = emit_to(&out);
	stanza_value(&id, cue->stanza->id.value);
	emit_start(&e, "iq");
	emit_attr(&e, "type", STR("result"));
	emit_attr_opt(&e, "id", buf_str(&id));
	emit_end(&e);
	buf_free(&id);
	client_say_buf(c, &out);
	settle(c);
}

void verb_relay(struct client *c, const struct cue *cue)
{
	struct message m = {.code = MSG_stanza};
	if (ping_is_answer(c, cue->stanza)) {
		settle(c);
		return;
	}
	m.as.stanza.conn = c->id;
	m.as.stanza.xml = cue->stanza->bytes;
	settle(c);
	c->set.way->tell(c, &m);
}

/* What sm says to many at once says not to whom: behind the name, each gets its own JID. */
static void put_own(struct buf *out, const struct client *c, const struct msg_deliver *m)
{
	struct jid who;
	size_t name = 0;
	if (!jid_split(buf_str(&c->jid), &who))
		return;
	while (name < m->xml.n && !strchr(" />", m->xml.p[name]))
		name++;
	buf_put(out, str_head(m->xml, name));
	buf_puts(out, " to=\"");
	emit_escape_value(out, m->own == PROTO_OWN_BARE ? jid_bare(who) : who.text);
	buf_putc(out, '"');
	buf_put(out, str_skip(m->xml, name));
}

void verb_pass_on(struct client *c, const struct cue *cue)
{
	const struct msg_deliver *m = &cue->message->as.deliver;
	struct str xml = m->xml;
	struct buf own = {0};
	if (m->own) {
		put_own(&own, c, m);
		xml = buf_str(&own);
	}
	if (!client_keeps(c, xml) && !(client_catch_up(c) && pipe_try_say(&c->pipe, xml)))
		client_cut(c, STREAM_resource_constraint);
	buf_free(&own);
}

/* XEP-0352: there is no answer, but what waited is said before anything that comes behind it. */
void verb_wake(struct client *c, const struct cue *cue)
{
	(void)cue;
	settle(c);
	if (client_catch_up(c))
		csi_free(&c->csi);
	else
		client_cut(c, STREAM_resource_constraint);
}

void verb_rest(struct client *c, const struct cue *cue)
{
	(void)cue;
	settle(c);
	client_rest(c);
}

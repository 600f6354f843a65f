/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verbs: an open session. The worker passes canonical stanzas on; from, to and content are for
 * sm to judge. */
#include "c2s/verb.h"
#include "common/emit.h"

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
	m.as.stanza.conn = c->id;
	m.as.stanza.xml = cue->stanza->bytes;
	settle(c);
	c->set.way->tell(c, &m);
}

/* The client's own full JID goes in as `to`, behind the name. */
static bool say_own(struct client *c, struct str xml)
{
	struct buf to = {0};
	size_t name = 0;
	bool good;
	while (name < xml.n && xml.p[name] != ' ' && xml.p[name] != '/' && xml.p[name] != '>')
		name++;
	buf_puts(&to, " to=\"");
	emit_escape_value(&to, buf_str(&c->jid));
	buf_putc(&to, '"');
	good = pipe_try_say(&c->pipe, str_head(xml, name)) &&
		pipe_try_say(&c->pipe, buf_str(&to)) && pipe_try_say(&c->pipe, str_skip(xml, name));
	buf_free(&to);
	return good;
}

void verb_pass_on(struct client *c, const struct cue *cue)
{
	const struct msg_deliver *m = &cue->message->as.deliver;
	if (!(m->own ? say_own(c, m->xml) : pipe_try_say(&c->pipe, m->xml)))
		client_cut(c, STREAM_resource_constraint);
}

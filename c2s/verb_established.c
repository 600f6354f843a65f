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

void verb_pass_on(struct client *c, const struct cue *cue)
{
	if (!pipe_try_say(&c->pipe, cue->message->as.deliver.xml))
		client_cut(c, STREAM_resource_constraint);
}

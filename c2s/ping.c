/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See ping.h. An answer is known by its id: nothing is kept of a ping, and whoever makes one up
 * makes up what means nothing to anybody (RFC 6120 8.2.3). */
#include "c2s/ping.h"
#include "common/emit.h"

#define ID "gatehouse-ping-"

void ping_say(struct client *c, uint32_t number)
{
	struct buf out = {0}, id = {0};
	struct emit e = emit_to(&out);
	buf_printf(&id, ID "%08x", number);
	emit_start(&e, "iq");
	emit_attr(&e, "type", STR("get"));
	emit_attr(&e, "id", buf_str(&id));
	emit_attr(&e, "from", client_domain(c));
	emit_attr(&e, "to", buf_str(&c->jid));
	emit_start_ns(&e, "ping", NS_ping);
	emit_end(&e);
	emit_end(&e);
	buf_free(&id);
	client_say_buf(c, &out);
}

bool ping_is_answer(const struct client *c, const struct stanza *s)
{
	return s->kind == STANZA_IQ && (s->type == TYPE_RESULT || s->type == TYPE_ERROR) &&
		str_starts(s->id.value, STR(ID)) &&
		(!s->to.whole.n || str_eq(s->to.value, client_domain(c)));
}

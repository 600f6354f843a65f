/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A live session: what its client says, and its end. A message about a session that is no more
 * crossed our `end` on its way. */
#include "common/scan.h"
#include "sm/answer.h"
#include "sm/bound.h"
#include "sm/mailbox.h"
#include "sm/peer.h"
#include "sm/route.h"
#include "sm/surplus.h"

/* The worker's scanner made these bytes canonical. A worker that was taken over did not. Clients
 * are held to the limits under which they came, which may be others than ours are now: the worker's
 * business. */
static bool is_canonical(struct str xml)
{
	static const struct scan_limits limits = {
		.bytes = CONF_MOST_stanza_bytes,
		.elements = CONF_MOST_stanza_elements,
		.depth = CONF_MOST_stanza_depth,
		.attributes = CONF_MOST_element_attributes,
		.name_bytes = CONF_MOST_name_bytes,
	};

	return scan_is_canonical(xml, &limits);
}

static void route_measured(struct house *h, struct session *s, const struct stanza *view)
{
	uint64_t before = h->made;

	route_stanza(h, s, view);
	surplus_note(h, s, view->bytes.n, h->made - before);
}

static bool answer_view(struct house *h, struct session *s, const struct stanza *view)
{
	if (view->kind == STANZA_OTHER)
		session_kick(h, s, STREAM_unsupported_stanza_type, STR_NONE);
	else if (!route_from_is_good(h, s, view))
		session_kick(h, s, STREAM_invalid_from, STR_NONE);
	else
		route_measured(h, s, view);
	return true;
}

bool answer_stanza(struct peer_link *l, const struct msg_stanza *m)
{
	struct house *h = l->house;
	struct session *s = session_by_conn(h->sessions, m->conn);
	struct stanza view;

	if (!is_canonical(m->xml) || !stanza_view(m->xml, &view)) {
		l->peer->channel.fault = "a stanza that no scanner of ours has written";
		return false;
	}
	if (!s)
		return true;
	s->active = uv_now(&h->loop);
	return answer_view(h, s, &view);
}

static const char *why_closed(uint8_t cond)
{
	struct str why = cond_element((enum cond)cond);

	if (why.n)
		return why.p;
	return cond == COND_none ? "goodbye" : cond == PROTO_CLOSED_HUNG_UP ? "hung-up" : "unknown";
}

bool answer_closed(struct peer_link *l, const struct msg_closed *m)
{
	struct session *s = session_by_conn(l->house->sessions, m->conn);

	bound_remove(l->house, m->conn);
	if (s && m->cond == COND_none)
		session_part(l->house, s);
	else if (s)
		session_end(l->house, s, why_closed(m->cond));
	else if (m->cond == COND_none)
		peer_end_conn(l->peer, m->conn, COND_none);
	else
		mailbox_gone(l->house, l->peer, m->conn);
	return true;
}

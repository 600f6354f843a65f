/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What every message must pass before its handler sees it: is it time for it, and is the connection
 * that it names the sender's? */
#include "sm/answer.h"

#include "sm/peer.h"

/* From here on every row begins with the connection that it is about. */
#define FIRST_OF_A_CONNECTION 16

/* The codes that this stage of a link takes. Roles were judged by the channel. */
static bool is_time(const struct peer_link *l, unsigned code)
{
	switch (l->stage) {
	case LINK_NEW:
		return code == MSG_introduce;
	case LINK_INTRODUCED:
		return code == MSG_join;
	case LINK_PARENT:
		return code != MSG_introduce;
	case LINK_WORKER:
		/* our welcome is out */
		return code != MSG_join && l->peer && l->peer->channel.joined;
	case LINK_JOINING:
	case LINK_CLOSED:
		break;
	}
	return false;
}

/* Every such row begins alike (C11 6.5.2.3p6), so any of them can tell. */
static uint64_t conn_of(const struct message *m)
{
	return m->as.forget.conn;
}

static bool dispatch(struct peer_link *l, const struct message *m)
{
	switch (m->code) {
#undef ANSWER_SM
#undef ANSWER_C2S_SM
#define ANSWER_SM(name)
#define ANSWER_C2S_SM(name)
#define ANSWER_C2S(name) \
	case MSG_##name: \
		return answer_##name(l, &m->as.name);
#define ANSWER_PARENT(name) \
	case MSG_##name: \
		return answer_##name(l, &m->as.name);
#define MSG(code, name, from, delivery, fields, meaning) ANSWER_##from(name)
#include "proto/messages.def"
#undef MSG
	default:
		return false;
	}
}

bool answer_message(void *ctx, const struct message *m)
{
	struct peer_link *l = ctx;
	struct channel *c = l->peer ? &l->peer->channel : &l->hello;

	if (!is_time(l, m->code)) {
		c->fault = "a message that this link may not have yet, or any more";
		return false;
	}
	if (m->code >= FIRST_OF_A_CONNECTION && !peer_owns(l->peer, conn_of(m))) {
		c->fault = "a message about a connection of another worker";
		return false;
	}
	return dispatch(l, m);
}

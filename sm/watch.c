/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See watch.h. Workers are forked from a parent that knows the level, so only those whose link was
 * away must be told again. */
#include "sm/watch.h"

#include "sm/peer_work.h"
#include "sm/trace.h"

static struct message level_message(const struct house *h)
{
	struct message m = {.code = MSG_log_level};

	m.as.log_level.level = (uint8_t)(h->c2s_level - 1);
	return m;
}

void watch_level(struct house *h, enum log_level level)
{
	struct message m;

	h->c2s_level = (unsigned)level + 1;
	m = level_message(h);
	if (h->peers->parent)
		channel_send(&h->peers->parent->hello, &m);
	for (struct peer *p = peers_first(h); p; p = p->next)
		peer_send(p, &m);
	house_touch(h);
}

static void send_trace(struct peer *p, uint32_t trace, struct str pattern)
{
	struct message m = {.code = MSG_trace};

	m.as.trace = (struct msg_trace){.trace = trace, .pattern = pattern};
	peer_send(p, &m);
}

void watch_trace(struct house *h, uint32_t trace, struct str pattern)
{
	for (struct peer *p = peers_first(h); p; p = p->next)
		send_trace(p, trace, pattern);
	house_touch(h);
}

static void send_to_peer(void *ctx, uint32_t trace, struct str pattern)
{
	send_trace(ctx, trace, pattern);
}

void watch_welcome(struct peer *p)
{
	struct message m = level_message(p->house);

	if (p->house->c2s_level)
		peer_send(p, &m);
	trace_each(p->house, send_to_peer, p);
}

void watch_welcome_parent(struct peer_link *l)
{
	struct message m = level_message(l->house);

	if (l->house->c2s_level)
		channel_send(&l->hello, &m);
}

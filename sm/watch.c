/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See watch.h. Workers are forked from a parent that knows the level, so only those whose link was
 * away must be told again. */
#include "sm/watch.h"

#include "sm/guard.h"
#include "sm/module.h"
#include "sm/peer_work.h"
#include "sm/trace.h"

#define VERSION_OF_BANS 2 /* of the protocol */
#define VERSION_OF_CAPS 2

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

/* To one that is older the door stays open: its workers' proofs are refused all the same. */
static void send_ban(struct peer_link *l, struct str prefix, uint64_t ms)
{
	struct message m = {.code = MSG_ban};

	m.as.ban = (struct msg_ban){prefix, (ms + 999) / 1000};
	if (l && l->version >= VERSION_OF_BANS)
		channel_send(&l->hello, &m);
}

static void on_ban(void *ctx, struct network prefix, uint64_t ms)
{
	struct house *h = ctx;
	char text[NETWORK_TEXT];

	network_write(prefix, text);
	if (*text)
		send_ban(h->peers->parent, str_of(text), ms);
	house_touch(h);
}

struct guard *watch_guard_new(struct house *h, const struct verify_out *verify)
{
	struct guard_out out = {verify->verdict, on_ban, h};

	return guard_new(h->conf, &out, uv_now(&h->loop));
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

static void send_caps(struct peer *p)
{
	const struct conf *c = p->house->conf;
	struct message m = {.code = MSG_caps};
	struct buf version = {0};

	for (size_t i = 0; i < c->domain_count && p->version >= VERSION_OF_CAPS; i++) {
		buf_clear(&version);
		disco_version(&c->domains[i], &version);
		m.as.caps = (struct msg_caps){str_of(c->domains[i].name), buf_str(&version)};
		peer_send(p, &m);
	}
	buf_free(&version);
}

void watch_caps(struct house *h)
{
	for (struct peer *p = peers_first(h); p; p = p->next)
		send_caps(p);
	house_touch(h);
}

void watch_welcome(struct peer *p)
{
	struct message m = level_message(p->house);

	send_caps(p);
	if (p->house->c2s_level)
		peer_send(p, &m);
	trace_each(p->house, send_to_peer, p);
}

void watch_welcome_parent(struct peer_link *l)
{
	struct message m = level_message(l->house);

	if (l->house->c2s_level)
		channel_send(&l->hello, &m);
	send_ban(l, STR_NONE, 0); /* what it knows may be old */
	guard_tell(l->house->guard);
}

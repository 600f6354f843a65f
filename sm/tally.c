/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See tally.h. */
#include "sm/tally.h"

#include <string.h>

#include "sm/peer.h"
#include "sm/session.h"

static void tally_peer(void *ctx, const struct peer *p)
{
	struct tally *t = ctx;

	if (!p->over && t->n < COUNT(t->of))
		t->of[t->n++].peer = p;
}

static void tally_session(void *ctx, void *session)
{
	const struct session *s = session;
	struct tally *t = ctx;

	for (size_t i = 0; i < t->n; i++)
		t->of[i].sessions += t->of[i].peer == s->peer;
}

void tally_workers(struct house *h, struct tally *t)
{
	*t = (struct tally){0};
	peers_each(h, tally_peer, t);
	session_each(h->sessions, tally_session, t);
}

static void add_events(void *ctx, const struct peer *p)
{
	uint64_t *sums = ctx;

	for (unsigned e = 0; e < EVENT_TOP; e++)
		sums[e] += p->counters[e];
}

void tally_events(struct house *h, uint64_t sums[EVENT_TOP])
{
	memcpy(sums, h->past, sizeof h->past);
	peers_each(h, add_events, sums);
	for (unsigned e = 0; e < EVENT_TOP; e++)
		sums[e] += log_count((enum event)e);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See arrival.h. The list is of those of whom there is something to tell at first: who comes later
 * says so to all. */
#include "sm/arrival.h"

#include "sm/module.h"
#include "sm/peer.h"

#define QUEUE_PART 4      /* of client-queue-bytes */
#define TURN_MOST 1048576 /* bytes for all of them in one turn */

struct arrival {
	struct house *house;
	struct session *session;
	struct arrival *next, *previous; /* of the house's */
	struct buf contacts; /* bare JIDs, each ended by a newline, which none can hold */
	size_t told;         /* bytes of that */
	uint64_t seq; /* last frame of what was told, in the channel of the session's worker */
};

static void link_last(struct arrival *a)
{
	struct house *h = a->house;

	a->next = NULL;
	a->previous = h->arrivals_last;
	*(a->previous ? &a->previous->next : &h->arrivals) = a;
	h->arrivals_last = a;
}

static void unlink_arrival(struct arrival *a)
{
	struct house *h = a->house;

	*(a->previous ? &a->previous->next : &h->arrivals) = a->next;
	*(a->next ? &a->next->previous : &h->arrivals_last) = a->previous;
}

void arrival_end(struct session *s)
{
	struct arrival *a = s->arrival;

	s->row.flags &= (uint8_t)~SESSION_ARRIVING;
	if (!a)
		return;
	s->arrival = NULL;
	unlink_arrival(a);
	buf_free(&a->contacts);
	mem_free(a);
}

/* All whom the roster has now, from the first on; who was in the middle of it waits as long as it
 * would have. */
static struct arrival *arrival_make(struct house *h, struct session *s)
{
	struct arrival *a = s->arrival ? s->arrival : mem_new(sizeof *a);
	const struct roster_item *c = s->account->roster ? s->account->roster->first : NULL;

	if (!s->arrival) {
		a->house = h;
		a->session = s;
		s->arrival = a;
		link_last(a);
	}
	a->told = 0;
	buf_clear(&a->contacts);
	for (; c; c = c->next) {
		if (!presence_has_news(h, c))
			continue;
		buf_put(&a->contacts, c->row.contact);
		buf_putc(&a->contacts, '\n');
	}
	return a;
}

static uint64_t room(const struct house *h, const struct session *s)
{
	uint64_t share = (uint64_t)h->conf->client_queue_bytes / QUEUE_PART;

	return share > s->queued ? share - s->queued : 0;
}

/* Until its client has a fair part of what may wait for it. */
static void go_on(struct house *h, struct arrival *a)
{
	struct session *s = a->session;
	uint64_t most = h->made + room(h, s);
	struct str rest = str_skip(buf_str(&a->contacts), a->told), one;
	uint8_t flags = s->row.flags;

	while (rest.n && h->made < most) {
		str_cut(rest, '\n', &one, &rest);
		presence_news(h, s, one);
	}
	a->told = a->contacts.n - rest.n;
	a->seq = s->peer->channel.sent;
	s->row.flags |= SESSION_ARRIVING;
	if (!rest.n)
		arrival_end(s);
	if (s->row.flags != flags)
		session_changed(h, s);
}

void arrival_start(struct house *h, struct session *s)
{
	bool under_way = s->arrival;
	struct arrival *a = arrival_make(h, s);

	if (!under_way)
		go_on(h, a);
}

static bool is_due(const struct house *h, const struct arrival *a)
{
	return a->session->peer->channel.acked >= a->seq && room(h, a->session);
}

/* A worker's report stands before its acknowledgement of what it has taken. Those that had their
 * part stand behind the others. */
void arrivals_turn(struct house *h)
{
	uint64_t most = h->made + TURN_MOST;
	struct arrival *first = NULL; /* of those that had it */

	if (!h->arrivals || !h->arrivals_due || h->gathering || peers_choked(h))
		return;
	h->arrivals_due = false;
	for (struct arrival *a = h->arrivals, *next; a && a != first; a = next) {
		struct session *s = a->session;

		next = a->next;
		if (h->made >= most) {
			h->arrivals_due = true;
			house_touch(h);
			return;
		}
		if (!is_due(h, a))
			continue;
		go_on(h, a);
		if (!s->arrival)
			continue;
		unlink_arrival(a);
		link_last(a);
		first = first ? first : a;
	}
}

static void resume(void *ctx, void *session)
{
	struct session *s = session;

	if (s->row.flags & SESSION_ARRIVING)
		arrival_make(ctx, s);
}

void arrivals_resume(struct house *h)
{
	session_each(h->sessions, resume, h);
}

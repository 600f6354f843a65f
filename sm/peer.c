/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of workers, and what becomes of each. */
#include "sm/peer.h"

#include "sm/bound.h"
#include "sm/link.h"
#include "sm/peer_work.h"
#include "sm/session.h"
#include "sm/turn.h"

#include <sys/resource.h>

#define PEERS_MOST 1024
#define MESSAGE_SLACK 65536 /* what a message may have besides its stanza */
/* unacknowledged windows above which a worker must be acknowledging, ... */
#define CEILING_WINDOWS 4
#define CEILING_PART 4 /* ... but never more than this part of the turn log */
#define WINDOW_PART 4  /* of the ceiling: what a worker may have on the way to us */
#define SLOW_MS 3000   /* so long a link above its ceiling may stand still */
#define STUCK_MS 10000 /* so long any full link may */
#define FULL_MS 20000  /* so long a link may be full without a break */

struct peers *peers_new(void)
{
	struct peers *ps = mem_new(sizeof *ps);

	ps->by_incarnation = table_new();
	return ps;
}

struct peer *peers_first(const struct house *h)
{
	return h->peers->first;
}

void peers_each(struct house *h, void (*visit)(void *ctx, const struct peer *p), void *ctx)
{
	for (const struct peer *p = peers_first(h); p; p = p->next) {
		if (!p->over)
			visit(ctx, p);
	}
}

struct peer *peer_by_incarnation(const struct house *h, uint32_t incarnation)
{
	return table_get(h->peers->by_incarnation, KEY(incarnation));
}

static void list_put(struct peers *ps, struct peer *p)
{
	struct peer **at = &ps->first;

	while (*at &&
		((*at)->slot < p->slot ||
			((*at)->slot == p->slot && (*at)->incarnation < p->incarnation)))
		at = &(*at)->next;
	p->next = *at;
	*at = p;
}

static void list_take(struct peers *ps, struct peer *p)
{
	struct peer **at = &ps->first;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
}

/* A stanza with what goes with it, or a census, which names each connection of the worker: as many
 * as it was told that it may have, or has descriptors for. */
static size_t message_most(const struct conf *conf)
{
	uint64_t stanza = CONF_MOST_stanza_bytes, most = (uint64_t)conf->connections_per_worker;
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_max > most)
		most = l.rlim_max;
	if (most > CHANNEL_MAX_TO_C2S / sizeof(uint64_t))
		most = CHANNEL_MAX_TO_C2S / sizeof(uint64_t);
	most *= sizeof(uint64_t);
	return (size_t)(most > stanza ? most : stanza) + MESSAGE_SLACK;
}

static void start_channel(struct peer *p)
{
	channel_start(&p->channel, ROLE_SM, ROLE_C2S, message_most(p->house->conf));
}

struct peer *peer_make(struct house *h, uint32_t incarnation)
{
	struct peer *p = peer_by_incarnation(h, incarnation);

	if (p)
		return p;
	if (table_count(h->peers->by_incarnation) >= PEERS_MOST)
		return NULL;
	p = mem_new(sizeof *p);
	p->house = h;
	p->incarnation = incarnation;
	p->since = uv_now(&h->loop);
	start_channel(p);
	if (!table_put(h->peers->by_incarnation, KEY(p->incarnation), p)) {
		mem_free(p);
		return NULL;
	}
	list_put(h->peers, p);
	return p;
}

void peer_place(struct peer *p, uint16_t slot, uint32_t pid)
{
	list_take(p->house->peers, p);
	p->slot = slot;
	p->pid = pid;
	list_put(p->house->peers, p);
}

bool peer_restore(struct house *h, const struct turn_link *l)
{
	struct peer *p = peer_make(h, l->incarnation);

	if (!p)
		return false;
	peer_place(p, l->slot, l->pid);
	return channel_restore(&p->channel, l->sent, l->heard, l->frames);
}

static void peer_free(struct peer *p)
{
	list_take(p->house->peers, p);
	table_remove(p->house->peers->by_incarnation, KEY(p->incarnation));
	if (!p->over)
		channel_end(&p->channel);
	buf_free(&p->reported);
	buf_free(&p->join_conns);
	buf_free(&p->fan);
	mem_free(p);
}

void peers_free(struct house *h)
{
	while (peers_first(h))
		peer_free(peers_first(h));
	table_free(&h->peers->by_incarnation);
	buf_free(&h->peers->roll);
	mem_free(h->peers);
	h->peers = NULL;
}

/* sending */

void peer_send(struct peer *p, const struct message *m)
{
	if (p->over || (msg_delivery(m->code) == UNNUMBERED && !p->channel.joined))
		return;
	channel_send(&p->channel, m);
}

void peer_end_conn(struct peer *p, uint64_t conn, enum cond why)
{
	struct message m = {.code = MSG_end};

	m.as.end = (struct msg_end){.conn = conn, .cond = (uint8_t)why};
	peer_send(p, &m);
}

bool peer_owns(const struct peer *p, uint64_t conn)
{
	return conn >> 32 == p->incarnation;
}

/* its end */

/* One that takes no session with it has ended in order, or nobody needs to mind. */
static void log_end(const struct peer *p, size_t sessions, const char *why)
{
	if (sessions == 0 && p->dead)
		log_event(worker_ended, LOG_U64("slot", p->slot),
			LOG_U64("incarnation", p->incarnation));
	else
		log_event(worker_lost, LOG_U64("slot", p->slot),
			LOG_U64("incarnation", p->incarnation), LOG_U64("sessions", sessions),
			LOG_TEXT("why", why));
}

/* All its connections are gone: so are their sessions and logins. It stays, empty, until it is
 * known to be dead. */
static void end_peer(struct peer *p, const char *why)
{
	struct house *h = p->house;
	size_t before = session_count(h->sessions);

	for (unsigned e = 0; e < EVENT_TOP; e++)
		h->past[e] += p->counters[e];
	p->over = true;
	if (p->link)
		link_close(p->link);
	sessions_end_of_peer(h, p, why);
	bound_remove_peer(h, p->incarnation);
	turn_peer_gone(h, p->incarnation);
	channel_end(&p->channel);
	log_end(p, before - session_count(h->sessions), why);
	house_touch(h);
}

void peer_died(struct peer *p)
{
	struct house *h = p->house;

	if (!p->dead)
		p->since = uv_now(&h->loop);
	p->dead = true;
	roll_strike(h, p->incarnation);
	/* What it wrote before it died is still to be read: the end of its socket says when that is
	 * done. */
	if (!p->over && p->link)
		return;
	if (!p->over)
		end_peer(p, "the worker died");
	peer_free(p);
	gather_check(h);
}

void peer_link_lost(struct peer *p)
{
	p->link = NULL;
	p->joined = false;
	p->since = uv_now(&p->house->loop);
	if (p->over)
		return;
	channel_cut(&p->channel);
	if (p->dead)
		peer_died(p);
}

void peer_expel(struct peer *p, const char *why)
{
	struct house *h = p->house;

	log_event(link_refused, LOG_U64("slot", p->slot), LOG_U64("incarnation", p->incarnation),
		LOG_TEXT("why", why));
	link_tell_expel(h, p->incarnation);
	if (!p->over)
		end_peer(p, why);
}

bool peer_expel_largest(struct house *h)
{
	struct peer *most = NULL;

	for (struct peer *p = peers_first(h); p; p = p->next) {
		if (p->over || channel_unacked(&p->channel) == 0)
			continue;
		if (!most || channel_unacked(&p->channel) > channel_unacked(&most->channel))
			most = p;
	}
	if (!most)
		return false;
	peer_expel(most, "the turn log is full of what it does not take");
	return true;
}

/* ceilings and deadlines */

static size_t ceiling(const struct conf *conf)
{
	int64_t windows = conf->link_queue_bytes * CEILING_WINDOWS;
	int64_t part = conf->turn_log_bytes / CEILING_PART;

	return (size_t)(windows < part ? windows : part);
}

/* Small enough that what is on its way when a link is choked (peers_choked) still finds room. */
uint64_t peers_window(const struct house *h)
{
	uint64_t part = ceiling(h->conf) / WINDOW_PART, wish = (uint64_t)h->conf->link_queue_bytes;

	return wish < part ? wish : part;
}

/* What one worker may leave untaken before nobody's stanzas are acknowledged any more. */
static size_t choke(const struct conf *conf)
{
	size_t half = ceiling(conf) / 2;

	return half < (size_t)conf->link_queue_bytes ? half : (size_t)conf->link_queue_bytes;
}

static void note_progress(struct peer *p, size_t unacked, uint64_t now)
{
	bool drained = unacked <= choke(p->house->conf) || !p->channel.joined;

	if (drained)
		p->drained = now;
	if (drained || p->channel.acked != p->moved_acked)
		p->moved = now;
	p->moved_acked = p->channel.acked;
}

/* One turn may make more than a ceiling (a client that floods), and no worker could have taken that
 * yet: above it a worker must be moving, and only twice that is too much in any case. A worker may
 * be slow, but a full link holds up everybody who sends, and so does one on which only a little
 * moves now and then. Answers that have no number are queued, too, for one that only asks and never
 * reads. NULL: nothing is wrong. */
static const char *judge(struct peer *p, size_t most)
{
	size_t unacked = channel_unacked(&p->channel);
	uint64_t now = uv_now(&p->house->loop);

	note_progress(p, unacked, now);
	if (p->channel.out.n > 3 * most)
		return "it does not take its answers";
	if (unacked > 2 * most)
		return "it does not take its messages: far over the ceiling";
	if (unacked > most && now - p->moved > SLOW_MS)
		return "it does not take its messages: over the ceiling";
	if (now - p->moved > STUCK_MS)
		return "it does not take its messages: nothing moves";
	return now - p->drained > FULL_MS ? "it takes its messages too slowly" : NULL;
}

void peers_judge(struct house *h)
{
	size_t most = ceiling(h->conf);
	const char *why;

	/* What a recovered channel retains was acknowledged in part: the log does not say how far,
	 * the join will. */
	if (h->gathering)
		return;
	for (struct peer *p = peers_first(h), *next; p; p = next) {
		next = p->next;
		if (!p->over && (why = judge(p, most)) != NULL)
			peer_expel(p, why);
	}
}

bool peers_choked(const struct house *h)
{
	size_t most = choke(h->conf);

	for (const struct peer *p = peers_first(h); p; p = p->next) {
		if (!p->over && channel_unacked(&p->channel) > most)
			return true;
	}
	return false;
}

static void tick_peer(struct peer *p, uint64_t now)
{
	uint64_t patience = (uint64_t)p->house->conf->join_timeout * 1000;
	bool late = now - p->since > patience;

	if (p->over) {
		if (p->dead) /* expelled while its last bytes were read */
			peer_free(p);
		return;
	}
	if (p->link && p->dead && late)
		link_close(
			p->link); /* somebody else holds its socket; that does not make it alive */
	else if (!p->link && late)
		peer_expel(p, "its link was lost, and it did not join again");
}

void peers_tick(struct house *h)
{
	uint64_t now = uv_now(&h->loop);

	gather_check(h);
	if (h->gathering)
		return;
	for (struct peer *p = peers_first(h), *next; p; p = next) {
		next = p->next;
		tick_peer(p, now);
	}
}

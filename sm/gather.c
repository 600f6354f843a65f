/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Joins. After a restart nobody is taken for absent before every worker had its chance: a join
 * waits for its welcome, and a worker sends nothing before that, until all that the c2s parent
 * lists are there (design.md 3). */
#include "sm/link.h"
#include "sm/peer_work.h"
#include "sm/session.h"
#include "sm/watch.h"

#include <string.h>

static struct u64_list list_in(const struct buf *b)
{
	return (struct u64_list){(const uint8_t *)b->p, b->n / 8};
}

/* The worker's list is the truth about which connections live: one that is not known here (any
 * more) ends. The other way round, a session that is not in the list is judged by the next census
 * only: its `closed`, and stanzas before that, may be about to come. */
static void end_unknown(struct peer *p)
{
	struct u64_list conns = list_in(&p->join_conns);

	for (size_t i = 0; i < conns.n; i++) {
		uint64_t conn = list_at(conns, i);

		if (!session_by_conn(p->house->sessions, conn))
			peer_end_conn(p, conn, STREAM_internal_server_error);
	}
	buf_free(&p->join_conns);
}

static void welcome(struct peer *p)
{
	struct message m = {.code = MSG_welcome};

	m.as.welcome = (struct msg_welcome){.version = (uint16_t)p->version,
		.heard = p->channel.heard,
		.window = peers_window(p->house)};
	channel_cut(&p->channel);
	channel_send(&p->channel, &m);
	if (!channel_resume(&p->channel, p->join_heard)) {
		peer_expel(p, "what it has heard was never sent, or is no longer kept");
		return;
	}
	p->moved = p->drained = uv_now(&p->house->loop);
	watch_welcome(p);
	end_unknown(p);
	log_event(link_up, LOG_U64("slot", p->slot), LOG_U64("incarnation", p->incarnation),
		LOG_U64("pid", p->pid), LOG_U64("unacknowledged", channel_unacked(&p->channel)));
	house_touch(p->house);
}

void peer_joined(struct peer *p, struct peer_link *l)
{
	p->link = l;
	p->joined = true;
	if (p->house->gathering)
		gather_check(p->house);
	else
		welcome(p);
}

/* the roll */

void roll_take(struct house *h, struct u64_list incarnations)
{
	uint64_t newest = 0;

	h->peers->rolled = true;
	buf_clear(&h->peers->roll);
	for (size_t i = 0; i < incarnations.n; i++) {
		uint64_t incarnation = list_at(incarnations, i);

		buf_add(&h->peers->roll, &incarnation, sizeof incarnation);
		if (incarnation > newest)
			newest = incarnation;
	}
	h->peers->roll_newest = newest;
}

void roll_strike(struct house *h, uint32_t incarnation)
{
	struct buf *roll = &h->peers->roll;

	for (size_t i = 0; i < roll->n; i += 8) {
		if (list_at((struct u64_list){(const uint8_t *)roll->p, roll->n / 8}, i / 8) !=
			incarnation)
			continue;
		memmove(roll->p + i, roll->p + i + 8, roll->n - i - 8);
		roll->n -= 8;
		return;
	}
}

static bool on_roll(const struct house *h, uint32_t incarnation)
{
	struct u64_list roll = list_in(&h->peers->roll);

	for (size_t i = 0; i < roll.n; i++) {
		if (list_at(roll, i) == incarnation)
			return true;
	}
	return false;
}

/* One that is not on a roll with a newer one on it is dead: incarnations only grow. A newer one
 * than the roll has is yet to be called: its link may overtake the parent's. */
void roll_apply(struct house *h)
{
	for (struct peer *p = peers_first(h), *next; p; p = next) {
		next = p->next;
		if (on_roll(h, p->incarnation)) {
			if (p->over) /* it was to be killed when the parent was away */
				link_tell_expel(h, p->incarnation);
		} else if (p->incarnation < h->peers->roll_newest) {
			peer_died(p);
		}
	}
	gather_check(h);
}

/* gathering */

void gather_start(struct house *h)
{
	h->gathering = true;
	h->peers->gather_until = uv_now(&h->loop) + (uint64_t)h->conf->join_timeout * 1000;
}

static bool all_are_here(const struct house *h)
{
	struct u64_list roll = list_in(&h->peers->roll);

	if (!h->peers->rolled)
		return false;
	for (size_t i = 0; i < roll.n; i++) {
		const struct peer *p = peer_by_incarnation(h, (uint32_t)list_at(roll, i));

		if (!p || !(p->joined || p->over))
			return false;
	}
	return true;
}

void gather_check(struct house *h)
{
	if (!h->gathering || !(all_are_here(h) || uv_now(&h->loop) >= h->peers->gather_until))
		return;
	h->gathering = false;
	for (struct peer *p = peers_first(h), *next; p; p = next) {
		next = p->next;
		if (p->joined)
			welcome(p);
	}
	/* Only now, when everybody can be told, the absent are absent. */
	for (struct peer *p = peers_first(h), *next; p; p = next) {
		next = p->next;
		if (!p->joined && !p->over)
			peer_expel(p, "it did not join again after the restart");
	}
}

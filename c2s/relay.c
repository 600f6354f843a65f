/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See relay.h. */
#include "c2s/relay.h"
#include "c2s/conn.h"
#include "c2s/smlink.h"
#include "common/log.h"
#include <linux/sockios.h>
#include <sys/ioctl.h>

void relay_send(struct conn *c, const struct message *m)
{
	struct relay *r = &c->relay;
	r->last = smlink_send(c->worker->smlink, m);
	if (m->code == MSG_stanza)
		r->unacked += m->as.stanza.xml.n;
}

static void hold(struct conn *c)
{
	struct worker *w = c->worker;
	if (c->relay.held)
		return;
	c->relay.held = true;
	c->relay.next_held = NULL;
	c->relay.previous_held = w->held_last;
	if (w->held)
		w->held_last->relay.next_held = c;
	else
		w->held = c;
	w->held_last = c;
}

bool relay_credit(struct conn *c)
{
	struct relay *r = &c->relay;
	const struct smlink *l = c->worker->smlink;
	if (r->unacked && smlink_acked(l) >= r->last)
		r->unacked = 0;
	if (r->unacked < RELAY_UNACKED && smlink_window(l))
		return true;
	hold(c);
	return false;
}

static void let_go(struct conn *c)
{
	struct worker *w = c->worker;
	struct conn *next = c->relay.next_held, *previous = c->relay.previous_held;
	if (!c->relay.held)
		return;
	if (next)
		next->relay.previous_held = previous;
	else
		w->held_last = previous;
	if (previous)
		previous->relay.next_held = next;
	else
		w->held = next;
	c->relay.held = false;
}

void relay_release(struct worker *w)
{
	struct conn *last = w->held_last, *c;
	while (w->held && smlink_window(w->smlink)) {
		c = w->held;
		let_go(c);
		conn_go_on(c);
		if (c == last) /* whoever is held again stands behind it */
			break;
	}
}

size_t relay_queued(const struct conn *c)
{
	return pipe_queued(&c->client.pipe) + c->sending.n + csi_bytes(c->client.csi);
}

static size_t unacknowledged(const struct conn *c)
{
	uv_os_fd_t fd;
	int n = 0;
	if (uv_fileno((const uv_handle_t *)&c->tcp, &fd) || ioctl(fd, SIOCOUTQ, &n))
		return 0;
	return (size_t)n;
}

size_t relay_left(const struct conn *c)
{
	return relay_queued(c) - c->sending.n +
		uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) + unacknowledged(c);
}

/* The ceiling is for what waits behind the largest single stanza: one that is long by itself (a
 * roster) is no fault. */
static bool too_slow(const struct conn *c)
{
	return relay_queued(c) >= (size_t)c->worker->conf->client_queue_bytes + c->relay.largest;
}

static void deliver(struct conn *c, const struct message *m)
{
	struct cue slow = {.why = STREAM_policy_violation};
	if (too_slow(c)) {
		conn_event(c, ON_overflow, &slow);
		return;
	}
	if (m->as.deliver.xml.n > c->relay.largest)
		c->relay.largest = m->as.deliver.xml.n;
	conn_message(c, m);
	relay_measure(c);
}

void relay_deliver(struct worker *w, const struct message *m)
{
	for (size_t i = 0; i < m->as.deliver.conns.n; i++) {
		struct conn *c = conn_find(w, list_at(m->as.deliver.conns, i));
		if (c && c->exit == CONN_LIVES)
			deliver(c, m);
	}
	w->delivered += m->as.deliver.xml.n;
}

#define LONG_QUEUE 32768

static void count(struct conn *c, size_t now)
{
	if (c->relay.counted >= LONG_QUEUE && now < LONG_QUEUE)
		c->worker->drained = true;
	c->worker->queued += now;
	c->worker->queued -= c->relay.counted;
	c->relay.counted = now;
}

/* What is kept from inactive clients is our own doing: the most of it goes to its client. False:
 * there is none. */
static bool let_out(struct worker *w)
{
	struct conn *most = NULL;
	for (struct conn *c = w->conn_list; c; c = c->next) {
		if (csi_count(c->client.csi) &&
			(!most || csi_bytes(c->client.csi) > csi_bytes(most->client.csi)))
			most = c;
	}
	if (!most || !client_catch_up(&most->client))
		return false;
	conn_write(most);
	if (most->exit != CONN_CLOSES)
		count(most, relay_queued(most));
	return true;
}

/* Over worker-queue-bytes: the longest queue goes, with its connection. */
static void shed(struct worker *w)
{
	struct conn *worst = NULL;
	struct cue slow = {.why = STREAM_resource_constraint};
	for (struct conn *c = w->conn_list; c; c = c->next) {
		if (!worst || c->relay.counted > worst->relay.counted)
			worst = c;
	}
	if (!worst)
		return;
	if (worst->exit == CONN_LIVES)
		conn_event(worst, ON_overflow, &slow);
	else
		conn_abort(worst);
}

void relay_measure(struct conn *c)
{
	struct worker *w = c->worker;
	size_t now = relay_queued(c);
	count(c, now);
	if (!now)
		c->relay.largest = 0;
	while (w->queued > (size_t)w->conf->worker_queue_bytes) {
		size_t before = w->queued;
		if (let_out(w))
			continue;
		shed(w);
		if (w->queued >= before)
			break;
	}
}

void relay_end(struct conn *c)
{
	count(c, 0);
	let_go(c);
}

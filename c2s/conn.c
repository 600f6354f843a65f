/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See conn.h: a connection's beginning and its end, and what its client wants of the worker.
 * conn_io.c moves the bytes. */
#include "c2s/conn.h"
#include "c2s/derive.h"
#include "c2s/smlink.h"
#include "c2s/trace.h"
#include "common/log.h"
#include "common/table.h"
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define REFUSE_LINE_MS 1000

struct conn *conn_of(struct client *c)
{
	return (struct conn *)((char *)c - offsetof(struct conn, client));
}

struct conn *conn_find(struct worker *w, uint64_t id)
{
	return table_get(w->conns, KEY(id));
}

/* The one place where a connection's memory ends. */
static void drop(struct conn *c)
{
	struct worker *w = c->worker;
	CHECK(c->holds > 0 && w->connections > 0);
	if (--c->holds)
		return;
	for (struct conn **at = &w->touched; c->touched && *at; at = &(*at)->next_touched) {
		if (*at == c) {
			*at = c->next_touched;
			break;
		}
	}
	client_end(&c->client);
	buf_free(&c->sending);
	mem_free(c->write);
	mem_free(c->shutdown);
	terms_drop(&c->terms);
	mem_free(c);
	w->connections--;
}

static void leave_door(struct conn *c)
{
	struct worker *w = c->worker;
	if (!c->at_door)
		return;
	door_leave(w->door, w->slot, c->door);
	w->negotiating--;
	c->at_door = false;
}

static void on_closed(uv_handle_t *h)
{
	drop(h->data);
}

static const char *reason_of(const struct client *c)
{
	return c->hung_up ? "hung-up" : c->why ? "error" : "goodbye";
}

void conn_abort(struct conn *c)
{
	struct worker *w = c->worker;
	if (c->exit == CONN_CLOSES)
		return;
	if (c->client.state != LOGIN_closing)
		log_event(internal, LOG_HEX("conn", c->client.id),
			LOG_TEXT("what", "a connection is closed before its stream"));
	c->exit = CONN_CLOSES;
	log_event(disconnect, LOG_HEX("conn", c->client.id),
		LOG_STR("user", client_account(&c->client)), LOG_TEXT("ip", c->client.address),
		LOG_TEXT("reason", reason_of(&c->client)),
		LOG_STR("cond", c->client.hung_up ? STR_NONE : cond_element(c->client.why)));
	leave_door(c);
	relay_end(c);
	wheel_cancel(&w->wheel, &c->timer);
	table_remove(w->conns, KEY(c->client.id));
	if (c->next)
		c->next->previous = c->previous;
	if (c->previous)
		c->previous->next = c->next;
	else
		w->conn_list = c->next;
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void on_timer(struct timer *t)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, timer));
	if (c->exit == CONN_LIVES)
		conn_event(c, ON_deadline, NULL);
	else
		conn_abort(c);
}

/* What a client wants of the world. */

static void way_ask(struct client *client)
{
	smlink_ask(conn_of(client)->worker->smlink, client);
}

static void way_tell(struct client *client, const struct message *m)
{
	relay_send(conn_of(client), m);
}

static struct str way_recall(struct client *client, const struct sasl_work *work)
{
	struct key_cache *keys = conn_of(client)->worker->keys;
	client->talks->derived = key_cache_tag(keys, work);
	return key_cache_get(keys, &client->talks->derived);
}

static void way_remember(struct client *client, struct str client_key)
{
	key_cache_put(conn_of(client)->worker->keys, &client->talks->derived, client_key);
}

static void derived(void *ctx, struct str key, struct str more)
{
	struct conn *c = ctx;
	struct cue cue = {.key = key, .more = more};
	c->worker->derivations--;
	if (c->exit == CONN_LIVES)
		conn_event(c, ON_key, &cue);
	drop(c);
}

static bool way_derive(struct client *client, const struct sasl_work *work)
{
	struct conn *c = conn_of(client);
	struct worker *w = c->worker;
	if (w->derivations >= (unsigned)w->conf->password_derivations)
		return false;
	if (!derive_start(&w->loop, work, derived, c))
		return false;
	w->derivations++;
	c->holds++;
	return true;
}

static bool way_credit(struct client *client)
{
	return relay_credit(conn_of(client));
}

static void way_opened(struct client *client)
{
	struct conn *c = conn_of(client);
	wheel_cancel(&c->worker->wheel, &c->timer);
	leave_door(c);
}

static void way_leave(struct client *client, bool flush)
{
	struct conn *c = conn_of(client);
	if (c->exit != CONN_LIVES)
		return;
	c->exit = CONN_FLUSHES;
	if (flush) {
		wheel_set(&c->worker->wheel, &c->timer, CONN_FLUSH_MS, on_timer);
		conn_touch(c);
		return;
	}
	uv_buf_t last = uv_buf_init(client->pipe.wire.p, (unsigned)client->pipe.wire.n);
	if (last.len && !c->write)
		(void)uv_try_write((uv_stream_t *)&c->tcp, &last, 1);
	conn_abort(c);
}

static void way_part(struct client *client)
{
	struct conn *c = conn_of(client);
	wheel_set(&c->worker->wheel, &c->timer, CONN_FLUSH_MS, on_timer);
}

static const struct client_way conn_way = {way_ask, way_tell, way_recall, way_remember, way_derive,
	way_credit, way_opened, way_leave, way_part};

/* Accepting. */

/* A flood of connections must not become one of lines: one a second for each limit. */
static void log_refusal(struct worker *w, enum worker_limit limit, const char *ip)
{
	static const char *const names[LIMIT_COUNT] = {"", "stopping", "connections-per-worker",
		"negotiations-per-worker", "connections-per-address", "failed-logins", "memory"};
	uint64_t now = uv_now(&w->loop);
	if (now < w->refusals[limit].silent_until) {
		w->refusals[limit].unsaid++;
		log_count_one(EVENT_refuse);
		return;
	}
	log_event(refuse, LOG_TEXT("ip", ip), LOG_TEXT("limit", names[limit]),
		LOG_U64("unsaid", w->refusals[limit].unsaid));
	w->refusals[limit].unsaid = 0;
	w->refusals[limit].silent_until = now + REFUSE_LINE_MS;
}

/* Says why, where that can be said without a handshake, and closes: from the reserve of
 * descriptors that is kept for this. What the client has said so far is read, since bytes that
 * nobody has read turn the close into a reset, which may overtake the answer. */
static void refuse(struct worker *w, int fd, bool direct_tls, enum worker_limit limit)
{
	struct str why = cond_element(limit == LIMIT_STOPPING ? STREAM_system_shutdown
			: limit == LIMIT_BANNED               ? STREAM_policy_violation
							      : STREAM_resource_constraint);
	char text[512];
	int n = snprintf(text, sizeof text,
		"<?xml version='1.0'?><stream:stream xmlns='jabber:client'"
		" xmlns:stream='http://etherx.jabber.org/streams' version='1.0' id='refused'"
		" from='%.200s'><stream:error>"
		"<%.*s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
		w->conf->domains[0].name, STR_ARG(why));
	if (!direct_tls &&
		(send(fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ||
			recv(fd, w->read_buffer, WORKER_READ_BYTES, MSG_DONTWAIT) < 0))
		(void)errno; /* it was a courtesy */
	close(fd);
}

/* LIMIT_NONE: one more connection is let in, and it is counted. */
static enum worker_limit limit_reached(struct worker *w, struct door_key key)
{
	if (w->stopping)
		return LIMIT_STOPPING;
	if (door_banned(w->door, key, uv_now(&w->loop)))
		return LIMIT_BANNED;
	if (w->connections >= w->most_connections)
		return LIMIT_CONNECTIONS;
	if (w->negotiating >= w->most_negotiating)
		return LIMIT_NEGOTIATIONS;
	if (!door_enter(w->door, w->slot, key, (unsigned)w->conf->connections_per_address))
		return LIMIT_ADDRESS;
	w->negotiating++;
	return LIMIT_NONE;
}

static void enlist(struct conn *c)
{
	struct worker *w = c->worker;
	c->next = w->conn_list;
	if (c->next)
		c->next->previous = c;
	w->conn_list = c;
	w->connections++;
	CHECK(table_put(w->conns, KEY(c->client.id), c));
}

static void free_unborn(struct conn *c)
{
	client_end(&c->client);
	terms_drop(&c->terms);
	mem_free(c);
}

static void on_unborn(uv_handle_t *h)
{
	free_unborn(h->data);
}

static struct conn *conn_new(struct worker *w, int fd, bool direct_tls, const char *ip,
	bool loopback)
{
	struct terms *terms = w->terms;
	const struct client_setting set = {
		&conn_way, terms->conf, terms->tls, &terms->login_limits, &terms->session_limits};
	struct conn *c = mem_try(sizeof *c);
	if (!c)
		return NULL;
	c->worker = w;
	c->terms = terms_hold(terms);
	c->tcp.data = c;
	if (!client_start(&c->client, worker_conn_id(w), &set, ip, loopback, direct_tls)) {
		free_unborn(c);
		return NULL;
	}
	CHECK(!uv_tcp_init(&w->loop, &c->tcp));
	if (!uv_tcp_open(&c->tcp, fd))
		return c;
	uv_close((uv_handle_t *)&c->tcp, on_unborn);
	return NULL;
}

void conn_accept(struct worker *w, int fd, const struct sockaddr *address, bool direct_tls)
{
	char ip[NETWORK_TEXT];
	struct network from = network_of(address);
	if (!from.family) {
		close(fd);
		return;
	}
	network_write(from, ip);
	struct door_key key = door_key(from);
	enum worker_limit limit = limit_reached(w, key);
	struct conn *c = limit ? NULL : conn_new(w, fd, direct_tls, ip, network_is_loopback(from));
	if (!c && !limit) {
		door_leave(w->door, w->slot, key);
		w->negotiating--;
	}
	if (!c) {
		limit = limit ? limit : LIMIT_MEMORY;
		log_refusal(w, limit, ip);
		refuse(w, fd, direct_tls, limit);
		return;
	}
	c->door = key;
	c->at_door = true;
	c->holds = 1;
	enlist(c);
	c->client.since = uv_now(&w->loop);
	if (trace_on)
		trace_connected(&c->client);
	uv_tcp_nodelay(&c->tcp, 1);
	log_event(connect, LOG_HEX("conn", c->client.id), LOG_TEXT("ip", ip),
		LOG_TEXT("tls", direct_tls ? "direct" : "starttls"));
	wheel_set(&w->wheel, &c->timer, (uint64_t)w->conf->negotiation_timeout * 1000, on_timer);
	conn_touch(c);
}

void conn_stop_all(struct worker *w)
{
	struct conn *next;
	for (struct conn *c = w->conn_list; c; c = next) {
		next = c->next;
		conn_event(c, ON_shutdown, NULL);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See conn.h: a connection's beginning. Limits come first, then, from a proxy that is trusted, its
 * header, which says whom the limits are about. */
#include "c2s/conn_work.h"
#include "c2s/proxy.h"
#include "c2s/trace.h"
#include "common/log.h"
#include "common/table.h"
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define REFUSE_LINE_MS 1000

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

/* Not of an address: of the worker. */
static enum worker_limit worker_limit_reached(const struct worker *w)
{
	if (w->stopping)
		return LIMIT_STOPPING;
	if (w->connections >= w->most_connections)
		return LIMIT_CONNECTIONS;
	return w->negotiating >= w->most_negotiating ? LIMIT_NEGOTIATIONS : LIMIT_NONE;
}

/* LIMIT_NONE: one more of this address is let in, and it is counted. */
static enum worker_limit address_limit_reached(struct worker *w, struct door_key key)
{
	unsigned most = (unsigned)w->conf->connections_per_address;
	if (door_banned(w->door, key, uv_now(&w->loop)))
		return LIMIT_BANNED;
	return door_enter(w->door, w->slot, key, most) ? LIMIT_NONE : LIMIT_ADDRESS;
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
	const struct client_setting set = {conn_ways(), terms->conf, terms->tls,
		&terms->login_limits, &terms->session_limits, &w->sm};
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

/* It is known who it is. */
static void begin(struct conn *c)
{
	if (trace_on)
		trace_connected(&c->client);
	log_event(connect, LOG_HEX("conn", c->client.id), LOG_TEXT("ip", c->client.address),
		LOG_TEXT("tls", c->client.direct_tls ? "direct" : "starttls"));
}

static void start(struct conn *c)
{
	struct worker *w = c->worker;
	c->negotiates = true;
	w->negotiating++;
	c->holds = 1;
	enlist(c);
	c->client.since = uv_now(&w->loop);
	uv_tcp_nodelay(&c->tcp, 1);
	wheel_set(&w->wheel, &c->timer, (uint64_t)w->conf->negotiation_timeout * 1000,
		conn_deadline);
	conn_touch(c);
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
	bool is_proxy = network_in(from, w->conf->proxy_from);
	struct door_key key = door_key(from);
	enum worker_limit limit = worker_limit_reached(w);
	if (!limit && !is_proxy)
		limit = address_limit_reached(w, key);
	struct conn *c = limit ? NULL : conn_new(w, fd, direct_tls, ip, network_is_loopback(from));
	if (!c && !limit && !is_proxy)
		door_leave(w->door, w->slot, key);
	if (!c) {
		limit = limit ? limit : LIMIT_MEMORY;
		log_refusal(w, limit, ip);
		refuse(w, fd, direct_tls, limit);
		return;
	}
	c->door = key;
	c->at_door = !is_proxy;
	if (is_proxy)
		c->header = mem_new(sizeof *c->header);
	start(c);
	if (!is_proxy)
		begin(c);
}

/* What the header says of the client. What was carried here is no reason to do without TLS, whether
 * from an address of this machine or from nobody knows where. */
static void take_header(struct conn *c, const struct proxy *p)
{
	if (p->from.family) {
		network_write(p->from, c->client.address);
		c->door = door_key(p->from);
	}
	c->client.loopback = false;
	c->client.carried_tls = p->tls;
}

/* Counts it at the door as the client that it is. False: it may not come in, and knows why. */
static bool enter(struct conn *c)
{
	enum worker_limit limit = address_limit_reached(c->worker, c->door);
	c->at_door = !limit;
	if (!limit)
		return true;
	log_refusal(c->worker, limit, c->client.address);
	client_fault(&c->client,
		limit == LIMIT_BANNED ? STREAM_policy_violation : STREAM_resource_constraint, NULL);
	return false;
}

void conn_header(struct conn *c, struct str bytes)
{
	struct proxy p;
	buf_put(c->header, bytes);
	enum proxy_outcome o = proxy_read(buf_str(c->header), &p);
	if (o == PROXY_MORE)
		return;
	struct buf header = {0};
	buf_take(&header, c->header);
	mem_free(c->header);
	c->header = NULL;
	if (o == PROXY_FAULT) {
		log_event(proxy_failed, LOG_HEX("conn", c->client.id),
			LOG_TEXT("ip", c->client.address), LOG_TEXT("why", p.why));
		client_cut(&c->client, STREAM_policy_violation);
	} else {
		take_header(c, &p);
		begin(c);
		if (enter(c) && p.used < header.n)
			conn_bytes(c, str_skip(buf_str(&header), p.used));
	}
	buf_wipe(&header);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The sockets of metrics-listen. Everything a client may make us hold is bounded: how many there
 * are, how long a request is and takes, and how long an answer is taken. */
#include "sm/metrics.h"

#include <string.h>

#include "common/address.h"
#include "common/log.h"

#define CLIENTS_MOST 16   /* more wait in the listening socket's queue */
#define REQUEST_MS 5000   /* to send the request */
#define ANSWER_MS 10000   /* to take the answer, and to go */
#define TRY_AGAIN_MS 5000 /* an address that could not be listened on */

struct metrics_client {
	struct metrics *metrics;
	struct metrics_client *next, *previous;
	uv_tcp_t tcp;
	uv_write_t write;
	uv_shutdown_t shutdown;
	enum { CLIENT_ASKS, CLIENT_ANSWERED, CLIENT_LEAVES } state;
	size_t n;
	char request[METRICS_REQUEST_MOST];
	struct buf answer;
	uint64_t deadline; /* loop ms */
};

struct metrics {
	struct house *house;
	struct sockaddr_storage address;
	uv_tcp_t *listener; /* NULL: not now */
	uv_timer_t tick;
	uint64_t try_at; /* loop ms */
	struct metrics_client *clients;
	unsigned count, handles; /* handles: whose close has not come back, or was not called */
	bool held;               /* a connection waits to be accepted */
	bool complained, closed;
};

static void accept_next(struct metrics *m);

static void handle_gone(struct metrics *m)
{
	if (--m->handles == 0)
		mem_free(m);
}

/* --- clients ---------------------------------------------------------------------------------- */

static void on_client_closed(uv_handle_t *handle)
{
	struct metrics_client *c = handle->data;
	struct metrics *m = c->metrics;

	buf_free(&c->answer);
	mem_free(c);
	handle_gone(m);
}

static void client_leave(struct metrics_client *c)
{
	struct metrics *m = c->metrics;

	if (c->state == CLIENT_LEAVES)
		return;
	c->state = CLIENT_LEAVES;
	*(c->previous ? &c->previous->next : &m->clients) = c->next;
	if (c->next)
		c->next->previous = c->previous;
	m->count--;
	uv_close((uv_handle_t *)&c->tcp, on_client_closed);
	if (m->held && !m->closed)
		accept_next(m);
}

/* What it may still send is read until it goes: an early close would take the answer with it. */
static void on_written(uv_write_t *write, int status)
{
	struct metrics_client *c = write->data;

	if (c->state == CLIENT_LEAVES)
		return;
	if (status != 0 || uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, NULL) != 0)
		client_leave(c);
}

static void answer(struct metrics_client *c, unsigned status)
{
	struct buf body = {0};
	uv_buf_t b;

	if (status == 200)
		metrics_text(c->metrics->house, &body);
	metrics_answer(&c->answer, status, buf_str(&body));
	buf_free(&body);
	c->state = CLIENT_ANSWERED;
	c->deadline = uv_now(&c->metrics->house->loop) + ANSWER_MS;
	c->write.data = c;
	b = uv_buf_init(c->answer.p, (unsigned)c->answer.n);
	if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written) != 0)
		client_leave(c);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct metrics_client *c = handle->data;

	(void)suggested;
	if (c->state != CLIENT_ASKS)
		c->n = 0; /* read to be thrown away */
	*out = uv_buf_init(c->request + c->n, (unsigned)(sizeof c->request - c->n));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct metrics_client *c = stream->data;
	unsigned status;

	(void)b;
	if (n < 0) {
		client_leave(c);
		return;
	}
	if (c->state != CLIENT_ASKS || n == 0)
		return;
	c->n += (size_t)n;
	status = metrics_judge(str_at(c->request, c->n));
	if (status)
		answer(c, status);
}

static void on_tick(uv_timer_t *tick);

static void accept_next(struct metrics *m)
{
	struct metrics_client *c = mem_new(sizeof *c);

	m->held = false;
	c->metrics = m;
	uv_tcp_init(&m->house->loop, &c->tcp);
	c->tcp.data = c;
	m->handles++;
	m->count++;
	c->next = m->clients;
	if (c->next)
		c->next->previous = c;
	m->clients = c;
	c->deadline = uv_now(&m->house->loop) + REQUEST_MS;
	if (uv_accept((uv_stream_t *)m->listener, (uv_stream_t *)&c->tcp) != 0 ||
		uv_read_start((uv_stream_t *)&c->tcp, give_room, on_read) != 0)
		client_leave(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct metrics *m = listener->data;

	if (status != 0)
		return;
	if (m->count >= CLIENTS_MOST)
		m->held = true; /* libuv asks no more until this one is accepted */
	else
		accept_next(m);
}

/* --- the listening socket --------------------------------------------------------------------- */

static void on_listener_closed(uv_handle_t *handle)
{
	struct metrics *m = handle->data;

	mem_free(handle);
	handle_gone(m);
}

static void drop_listener(struct metrics *m)
{
	if (m->listener)
		uv_close((uv_handle_t *)m->listener, on_listener_closed);
	m->listener = NULL;
}

static void listen_now(struct metrics *m)
{
	const struct conf *conf = m->house->conf;
	const struct sockaddr *address = (const struct sockaddr *)&m->address;
	unsigned flags = address->sa_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
	int failed;

	m->listener = mem_new(sizeof *m->listener);
	uv_tcp_init(&m->house->loop, m->listener);
	m->listener->data = m;
	m->handles++;
	failed = uv_tcp_bind(m->listener, address, flags);
	if (!failed)
		failed = uv_listen((uv_stream_t *)m->listener, CLIENTS_MOST, on_connection);
	if (!failed) {
		log_event(listen, LOG_TEXT("metrics", conf->metrics_listen));
		return;
	}
	if (!m->complained)
		log_event(listen_failed, LOG_TEXT("metrics", conf->metrics_listen),
			LOG_TEXT("why", uv_strerror(failed)));
	m->complained = true;
	drop_listener(m);
	m->try_at = uv_now(&m->house->loop) + TRY_AGAIN_MS;
}

static void on_tick(uv_timer_t *tick)
{
	struct metrics *m = tick->data;
	uint64_t now = uv_now(&m->house->loop);
	struct metrics_client *next;

	for (struct metrics_client *c = m->clients; c; c = next) {
		next = c->next;
		if (now < c->deadline)
			continue;
		if (c->state == CLIENT_ASKS)
			answer(c, 408);
		else
			client_leave(c);
	}
	if (!m->listener && now >= m->try_at)
		listen_now(m);
}

/* --- life ------------------------------------------------------------------------------------- */

static bool read_address(const char *words, struct sockaddr_storage *out)
{
	struct buf host = {0};
	uint16_t port;
	bool good = address_cut(words, &host, &port) &&
		(uv_ip4_addr(buf_cstr(&host), port, (struct sockaddr_in *)out) == 0 ||
			uv_ip6_addr(buf_cstr(&host), port, (struct sockaddr_in6 *)out) == 0);

	buf_free(&host);
	return good;
}

bool metrics_start(struct house *h, struct buf *why)
{
	struct metrics *m;

	if (!*h->conf->metrics_listen)
		return true;
	m = mem_new(sizeof *m);
	if (!read_address(h->conf->metrics_listen, &m->address)) {
		buf_printf(why, "%s:%d: metrics-listen: \"%s\": %s", h->conf->path,
			h->conf->line.metrics_listen, h->conf->metrics_listen,
			ADDRESS_SINGLE_EXPECTED);
		mem_free(m);
		return false;
	}
	h->metrics = m;
	m->house = h;
	uv_timer_init(&h->loop, &m->tick);
	m->tick.data = m;
	m->handles = 1;
	uv_timer_start(&m->tick, on_tick, 1000, 1000);
	listen_now(m);
	return true;
}

static void on_tick_closed(uv_handle_t *handle)
{
	handle_gone(handle->data);
}

void metrics_stop(struct house *h)
{
	struct metrics *m = h->metrics;

	if (!m)
		return;
	h->metrics = NULL;
	m->closed = true;
	while (m->clients)
		client_leave(m->clients);
	drop_listener(m);
	uv_close((uv_handle_t *)&m->tick, on_tick_closed);
}

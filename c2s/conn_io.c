/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See conn.h: a connection's bytes, in as they come, out at the end of each turn. */
#include "c2s/conn_work.h"

static void give_buffer(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct conn *c = h->data;
	(void)suggested;
	*b = uv_buf_init(c->worker->read_buffer, c->reading ? WORKER_READ_BYTES : 0);
}

/* The connection is broken: an end to the stream, or to the wait for its last bytes. */
static void broken(struct conn *c)
{
	if (c->exit == CONN_LIVES)
		conn_event(c, ON_hangup, NULL);
	else
		conn_abort(c);
}

static void set_reading(struct conn *c);

static void stop_watching(struct conn *c)
{
	c->watching = false;
	uv_read_stop((uv_stream_t *)&c->tcp);
}

/* Its own end is no news then: it may still listen. */
static bool is_leaving(const struct conn *c)
{
	return c->exit == CONN_FLUSHES || c->client.state == LOGIN_wait_for_end;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = s->data;
	if (!c->reading) { /* and nothing was read: give_buffer */
		stop_watching(c);
		return;
	}
	if (n < 0 && n != UV_ENOBUFS) /* libuv reads no more */
		c->watching = false;
	if (n > 0 && c->exit == CONN_LIVES && c->header)
		conn_header(c, str_at(b->base, (size_t)n));
	else if (n > 0 && c->exit == CONN_LIVES)
		conn_bytes(c, str_at(b->base, (size_t)n));
	if (n > 0) {
		conn_heard(c);
		c->worker->pace.inputs += client_has_session(&c->client);
		set_reading(c);
		conn_touch(c);
	} else if (n == UV_EOF && is_leaving(c)) {
		c->client_ended = true;
		set_reading(c);
		conn_touch(c);
	} else if (n < 0) {
		broken(c);
	}
}

/* A client is read while its state wants bytes, sm has room for them, and it takes what it is
 * sent itself. The socket stays watched until there is something that is not wanted (give_buffer
 * gives no room then): most pauses are over before, and cost no system call. */
static void set_reading(struct conn *c)
{
	bool wanted = is_leaving(c) && !c->client_ended;
	if (c->exit == CONN_LIVES && !is_leaving(c))
		wanted = client_reads(&c->client) &&
			relay_queued(c) < (size_t)c->worker->conf->client_queue_bytes;
	wanted = wanted && !conn_waits(c);
	if (c->exit == CONN_CLOSES || wanted == c->reading)
		return;
	c->reading = wanted;
	if (wanted && !c->watching) {
		c->watching = true;
		uv_read_start((uv_stream_t *)&c->tcp, give_buffer, on_read);
	}
}

void conn_touch(struct conn *c)
{
	if (c->touched || c->exit == CONN_CLOSES)
		return;
	c->touched = true;
	c->next_touched = c->worker->touched;
	c->worker->touched = c;
}

void conn_event(struct conn *c, enum login_event event, const struct cue *cue)
{
	client_event(&c->client, event, cue);
	conn_touch(c);
}

void conn_message(struct conn *c, const struct message *m)
{
	client_message(&c->client, m);
	conn_touch(c);
}

void conn_go_on(struct conn *c)
{
	client_go_on(&c->client);
	conn_touch(c);
}

static void on_written(uv_write_t *w, int status)
{
	struct conn *c = w->data;
	buf_free(&c->sending);
	mem_free(c->write);
	c->write = NULL;
	if (!status)
		conn_heard(c); /* it has made room for it */
	if (status && status != UV_ECANCELED)
		broken(c);
	else
		conn_touch(c);
}

/* What the kernel did not take at once. */
static bool write_later(struct conn *c)
{
	uv_buf_t b;
	buf_take(&c->sending, &c->client.pipe.wire);
	b = uv_buf_init(c->sending.p, (unsigned)c->sending.n);
	c->write = mem_new(sizeof *c->write);
	c->write->data = c;
	if (!uv_write(c->write, (uv_stream_t *)&c->tcp, &b, 1, on_written))
		return true;
	mem_free(c->write);
	c->write = NULL;
	return false;
}

/* Encrypts and writes as much as the kernel takes. False: the connection is broken. */
static bool write_out(struct conn *c)
{
	struct pipe *p = &c->client.pipe;
	while (!c->write) {
		if (!pipe_flush(p))
			return false;
		if (!p->wire.n)
			break;
		uv_buf_t b = uv_buf_init(p->wire.p, (unsigned)p->wire.n);
		int n = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
		if (n < 0 && n != UV_EAGAIN)
			return false;
		if (n > 0)
			buf_drop(&p->wire, (size_t)n);
		if (p->wire.n)
			return write_later(c);
		buf_free(&p->wire);
	}
	return true;
}

static void on_shutdown(uv_shutdown_t *s, int status)
{
	struct conn *c = s->data;
	if (status && status != UV_ECANCELED)
		conn_abort(c);
}

/* Everything is written: half-close, and wait for the client's end, if it is not there yet, so that
 * no reset overtakes the last bytes. */
static void half_close(struct conn *c)
{
	if (c->client_ended) {
		conn_abort(c);
		return;
	}
	if (c->shutdown)
		return;
	c->shutdown = mem_new(sizeof *c->shutdown);
	c->shutdown->data = c;
	if (uv_shutdown(c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown))
		conn_abort(c);
}

/* What a client sends compressed may be much more than it sends: each has its share of a turn, and
 * waits for the next one while the others have theirs. */
static void share(struct conn *c)
{
	struct worker *w = c->worker;
	if (!pipe_is_spent(&c->client.pipe)) {
		pipe_renew(&c->client.pipe);
		return;
	}
	if (c->spent)
		return;
	c->spent = true;
	c->next_spent = w->spent;
	w->spent = c;
	uv_idle_start(&w->share, conn_share);
}

void conn_share(uv_idle_t *idle)
{
	struct worker *w = idle->data;
	struct conn *next, *c = w->spent;
	w->spent = NULL;
	uv_idle_stop(idle);
	for (; c; c = next) {
		next = c->next_spent;
		c->spent = false;
		pipe_renew(&c->client.pipe);
		if (c->exit == CONN_LIVES)
			conn_go_on(c);
	}
}

void conn_write(struct conn *c)
{
	if (c->exit != CONN_CLOSES && !write_out(c))
		broken(c);
	conn_touch(c);
}

static void look_after(struct conn *c)
{
	if (c->exit == CONN_CLOSES)
		return;
	if (!write_out(c)) {
		broken(c);
		return;
	}
	relay_measure(c);
	share(c);
	if (c->exit == CONN_FLUSHES && !relay_queued(c))
		half_close(c);
	set_reading(c);
}

void conn_turn(struct worker *w)
{
	while (w->touched) {
		struct conn *c = w->touched;
		w->touched = c->next_touched;
		c->touched = false;
		look_after(c);
	}
}

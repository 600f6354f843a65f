/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accepting, reading and writing. Whoever may connect is us or root: a file mode says so, and
 * SO_PEERCRED again. */
#include "sm/link.h"

#include "sm/answer.h"
#include "sm/peer_work.h"
#include "sm/reload.h"
#include "sm/turn.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MOST 512
#define HELLO_MS 30000       /* so long a link may take until a worker has joined on it */
#define HELLO_BYTES 16777216 /* a join lists every connection of a worker */

static struct channel *channel_of(struct peer_link *l)
{
	return l->stage == LINK_WORKER ? &l->peer->channel : &l->hello;
}

/* the end of a link */

static void list_take(struct peers *ps, struct peer_link *l)
{
	struct peer_link **at = &ps->links;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
}

static void closed(uv_handle_t *handle)
{
	struct peer_link *l = handle->data;

	channel_end(&l->hello);
	buf_free(&l->written);
	buf_free(&l->join_conns);
	buf_free(&l->died);
	mem_free(l);
}

void link_close(struct peer_link *l)
{
	struct peer *p = l->peer;

	if (l->stage == LINK_CLOSED)
		return;
	if (l->house->peers->parent == l) {
		l->house->peers->parent = NULL;
		if (l->leaving)
			log_event(link_closed, LOG_TEXT("peer", "c2s parent"));
		else
			log_event(link_down, LOG_TEXT("peer", "c2s parent"));
		reload_parent_gone(l->house);
	}
	l->stage = LINK_CLOSED;
	l->peer = NULL;
	list_take(l->house->peers, l);
	uv_close((uv_handle_t *)&l->pipe, closed);
	if (!p)
		return;
	if (l->leaving)
		log_event(link_closed, LOG_U64("slot", p->slot),
			LOG_U64("incarnation", p->incarnation));
	else
		log_event(link_down, LOG_U64("slot", p->slot),
			LOG_U64("incarnation", p->incarnation));
	peer_link_lost(p);
}

/* A worker that breaks the protocol is not given another link: it would only send the same again.
 */
static void refuse(struct peer_link *l, const char *why)
{
	struct peer *p = l->peer;

	if (p) {
		peer_expel(p, why);
		return;
	}
	log_event(link_refused, LOG_U64("slot", l->slot), LOG_U64("incarnation", l->incarnation),
		LOG_TEXT("why", why));
	link_close(l);
}

void link_tell_expel(struct house *h, uint32_t incarnation)
{
	struct message m = {.code = MSG_expel};

	if (!h->peers->parent)
		return;
	m.as.expel.incarnation = incarnation;
	channel_send(&h->peers->parent->hello, &m);
	house_touch(h);
}

/* reading */

/* The join was the last that its own channel took. From here on the link is the peer's. */
static void take_join(struct peer_link *l)
{
	struct peer *p = peer_make(l->house, l->incarnation);

	if (l->hello.in.n || l->hello.message_code) {
		refuse(l, "bytes behind a join, before its welcome");
		return;
	}
	if (!p || p->over || p->dead) {
		link_tell_expel(l->house, l->incarnation);
		refuse(l, p ? "a join of a worker that was given up" : "too many workers");
		return;
	}
	if (p->link)
		link_close(p->link); /* the older one cannot be in use */
	peer_place(p, l->slot, l->pid);
	p->version = l->version;
	p->join_heard = l->join_heard;
	buf_take(&p->join_conns, &l->join_conns);
	l->stage = LINK_WORKER;
	l->peer = p;
	peer_joined(p, l);
}

static void take_deaths(struct peer_link *l)
{
	struct house *h = l->house;
	struct str died = buf_str(&l->died);
	uint32_t incarnation;

	while (str_take_u32(&died, &incarnation)) {
		struct peer *p = peer_by_incarnation(h, incarnation);

		roll_strike(h, incarnation);
		if (p)
			peer_died(p);
	}
	buf_clear(&l->died);
}

/* What handlers left to be done outside of channel_feed. */
static void after_feed(struct peer_link *l)
{
	struct house *h = l->house;

	if (l->roll_called) {
		l->roll_called = false;
		roll_apply(h);
	}
	if (l->died.n)
		take_deaths(l);
	if (l->stage == LINK_JOINING)
		take_join(l);
	if (turn_is_heavy(h))
		turn_commit(h);
}

/* A proof was among what came: for PLAIN it is as good as the password. */
static void wipe(struct peer_link *l, struct channel *c, char *bytes, size_t n)
{
	l->secret = false;
	mem_wipe(bytes, n);
	if (c->in.cap > c->in.n)
		mem_wipe(c->in.p + c->in.n, c->in.cap - c->in.n);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct peer_link *l = stream->data;
	struct channel *c;
	bool good;

	if (n == 0 || l->stage == LINK_CLOSED)
		return;
	if (n < 0) {
		link_close(l);
		return;
	}
	c = channel_of(l);
	good = channel_feed(c, str_at(b->base, (size_t)n), answer_message, l);
	if (l->secret)
		wipe(l, c, b->base, (size_t)n);
	if (good)
		after_feed(l);
	else
		refuse(l, c->fault ? c->fault : "refused");
}

static void give_buffer(uv_handle_t *handle, size_t wish, uv_buf_t *b)
{
	struct peer_link *l = handle->data;

	(void)wish;
	*b = uv_buf_init(l->house->peers->read_buffer, sizeof l->house->peers->read_buffer);
}

/* writing */

static void on_written(uv_write_t *w, int status)
{
	struct peer_link *l = w->data;

	l->writing = false;
	buf_clear(&l->written);
	if (status < 0 && l->stage != LINK_CLOSED)
		link_close(l);
}

/* What the socket does not take at once is moved away, so that the channel can go on collecting. */
static void write_rest(struct peer_link *l, struct buf *out, size_t done)
{
	struct buf rest = *out;
	uv_buf_t b;

	*out = l->written;
	l->written = rest;
	l->writing = true;
	l->write.data = l;
	b = uv_buf_init(l->written.p + done, (unsigned)(l->written.n - done));
	if (uv_write(&l->write, (uv_stream_t *)&l->pipe, &b, 1, on_written) != 0) {
		l->writing = false;
		link_close(l);
	}
}

static void link_write(struct peer_link *l, struct buf *out)
{
	uv_buf_t b;
	int n;

	if (out->n == 0 || l->writing)
		return;
	b = uv_buf_init(out->p, (unsigned)(out->n < INT32_MAX ? out->n : INT32_MAX));
	n = uv_try_write((uv_stream_t *)&l->pipe, &b, 1);
	if (n < 0 && n != UV_EAGAIN) {
		link_close(l);
		return;
	}
	if (n > 0 && (size_t)n == out->n)
		buf_clear(out);
	else
		write_rest(l, out, n > 0 ? (size_t)n : 0);
}

/* What is owed is of recorded turns, but what stands beside it in `out` may not be: so this waits
 * for the turn's end. */
static void on_acks(uv_timer_t *timer)
{
	struct house *h = timer->data;

	h->peers->ack_all = true;
	house_touch(h);
}

/* A worker seldom needs one at once, and each wakes it. */
static void acknowledge(struct peers *ps, struct channel *c)
{
	if (ps->ack_all)
		channel_ack(c);
	else if (channel_ack_later(c) && !uv_is_active((uv_handle_t *)&ps->acks))
		uv_timer_start(&ps->acks, on_acks, CHANNEL_ACK_MS, 0);
}

void links_flush(struct house *h)
{
	bool choked = peers_choked(h);
	bool wrote = false;

	for (struct peer_link *l = h->peers->links, *next; l; l = next) {
		struct channel *c = channel_of(l);

		next = l->next;
		if (l->stage == LINK_WORKER && !choked)
			acknowledge(h->peers, c);
		if (wrote && c->out.n)
			fault_point("turn_between_links");
		wrote |= c->out.n > 0 && !l->writing;
		link_write(l, &c->out);
	}
	h->peers->ack_all = false;
}

/* accepting */

static bool peer_is_ours(const uv_pipe_t *pipe)
{
	struct ucred who;
	socklen_t n = sizeof who;
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)pipe, &fd) != 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0)
		return false;
	return who.uid == 0 || who.uid == geteuid();
}

static size_t links_count(const struct peers *ps)
{
	size_t n = 0;

	for (const struct peer_link *l = ps->links; l; l = l->next)
		n++;
	return n;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct house *h = listener->data;
	struct peer_link *l;

	if (status < 0)
		return;
	l = mem_new(sizeof *l);
	l->house = h;
	l->since = uv_now(&h->loop);
	uv_pipe_init(&h->loop, &l->pipe, 0);
	l->pipe.data = l;
	channel_start(&l->hello, ROLE_SM, ROLE_PARENT, HELLO_BYTES);
	l->next = h->peers->links;
	h->peers->links = l;
	if (uv_accept(listener, (uv_stream_t *)&l->pipe) != 0)
		link_close(l);
	else if (!peer_is_ours(&l->pipe))
		refuse(l, "a link from another user");
	else if (links_count(h->peers) > LINKS_MOST)
		refuse(l, "too many links");
	else if (uv_read_start((uv_stream_t *)&l->pipe, give_buffer, on_read) != 0)
		link_close(l);
}

bool links_listen(struct house *h, int fd, struct buf *why)
{
	uv_pipe_t *listener = &h->peers->listener;
	int e = uv_pipe_init(&h->loop, listener, 0);

	if (e == 0)
		e = uv_pipe_open(listener, fd);
	listener->data = h;
	uv_timer_init(&h->loop, &h->peers->acks);
	h->peers->acks.data = h;
	h->peers->listening = true;
	if (e == 0)
		e = uv_listen((uv_stream_t *)listener, 128, on_connection);
	if (e != 0)
		buf_printf(why, "the links' socket cannot be listened on: %s", uv_strerror(e));
	return e == 0;
}

/* The listening socket stays open in our parent. */
void links_close(struct house *h)
{
	if (h->peers->listening) {
		uv_close((uv_handle_t *)&h->peers->listener, NULL);
		uv_close((uv_handle_t *)&h->peers->acks, NULL);
	}
	h->peers->listening = false;
	while (h->peers->links)
		link_close(h->peers->links);
}

void links_tick(struct house *h)
{
	uint64_t now = uv_now(&h->loop);

	for (struct peer_link *l = h->peers->links, *next; l; l = next) {
		next = l->next;
		if (l->stage < LINK_WORKER && now - l->since > HELLO_MS)
			refuse(l, "nobody joins on it");
	}
}

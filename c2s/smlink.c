/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See smlink.h: the link, its join and its loss, and what arrives on it. smlink_tell.c has what
 * is told from time to time. */
#include "c2s/smlink.h"
#include "c2s/conn.h"
#include "c2s/smlink_tell.h"
#include "c2s/trace.h"
#include "common/log.h"
#include <unistd.h>

#define READ_BYTES 65536
#define NEWS_BYTES 131072   /* for clients: then sm hears at once how long their queues are */
#define UNREAD_MOST 8388608 /* beyond the window: questions mostly, of clients that may have gone */
#define TRACED_MOST 262144  /* bytes that wait, beyond which no trace joins them */

/* One socket to sm. When it is lost, the next one may come before its handle is closed. */
struct link {
	uv_pipe_t pipe;
	struct smlink *owner;
	struct buf writing; /* what the kernel did not take at once */
	uv_write_t write;
	bool writes;
	char read[READ_BYTES];
};

struct smlink {
	struct worker *worker;
	struct channel channel;
	struct link *link; /* NULL: none; asked for */
	uint64_t window;   /* bytes that sm lets us have on the way */
	enum { LINK_DOWN, LINK_JOINING, LINK_UP } state;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_timer_t clock, acks; /* acks: runs while one is owed to sm */
	unsigned ticks;
	unsigned handles; /* of ours that are not closed yet, links included */
	bool ended;
};

static void drop(struct smlink *l)
{
	if (--l->handles || !l->ended)
		return;
	channel_end(&l->channel);
	mem_free(l);
}

static void on_link_closed(uv_handle_t *h)
{
	struct link *k = h->data;
	struct smlink *l = k->owner;
	buf_free(&k->writing);
	mem_free(k);
	drop(l);
}

static void lose(struct smlink *l)
{
	struct link *k = l->link;
	if (!k)
		return;
	l->link = NULL;
	l->state = LINK_DOWN;
	trace_clear();
	channel_cut(&l->channel);
	uv_close((uv_handle_t *)&k->pipe, on_link_closed);
}

static void lost(struct smlink *l, const char *why)
{
	log_event(link_down, LOG_U64("slot", l->worker->slot), LOG_TEXT("cause", why));
	lose(l);
	if (!l->ended)
		worker_want_link(l->worker);
}

void smlink_ask_again(const struct smlink *l)
{
	if (l->state == LINK_DOWN)
		worker_want_link(l->worker);
}

bool smlink_up(const struct smlink *l)
{
	return l->state == LINK_UP;
}

bool smlink_window(const struct smlink *l)
{
	return channel_unacked(&l->channel) < l->window;
}

bool smlink_settled(const struct smlink *l)
{
	return l->state != LINK_UP || channel_unacked(&l->channel) == 0;
}

uint64_t smlink_acked(const struct smlink *l)
{
	return l->channel.acked;
}

uint64_t smlink_send(struct smlink *l, const struct message *m)
{
	/* What was handed to a client is acknowledged before its end is told: for sm, messages that
	 * it had are then not waiting for another any more. */
	if (m->code == MSG_closed && l->state == LINK_UP)
		channel_ack(&l->channel);
	channel_send(&l->channel, m);
	return l->channel.sent;
}

void smlink_ask(struct smlink *l, const struct client *c)
{
	struct message m = {.code = c->talks->asking};
	if (l->state != LINK_UP)
		return;
	CHECK(msg_decode(m.code, buf_str(&c->talks->question), &m));
	channel_send(&l->channel, &m);
}

/* What arrives. */

static void on_welcome(struct smlink *l, const struct msg_welcome *m)
{
	l->window = m->window;
	l->worker->sm.version = m->version;
	l->state = LINK_UP;
	log_event(link_up, LOG_U64("slot", l->worker->slot), LOG_U64("window", m->window),
		LOG_U64("again", channel_unacked(&l->channel)));
	for (struct conn *c = l->worker->conn_list; c; c = c->next) {
		if (c->exit == CONN_LIVES && c->client.talks && c->client.talks->asking)
			smlink_ask(l, &c->client);
	}
	relay_release(l->worker);
}

/* A yes that comes too late: sm keeps something for a connection that is not here any more. */
static void give_back(struct smlink *l, const struct message *m)
{
	struct message answer = {.code = MSG_closed};
	if (m->code == MSG_opened) {
		answer.as.closed.conn = m->as.opened.conn;
	} else if (m->code == MSG_sasl_verdict && !m->as.sasl_verdict.cond) {
		answer.code = MSG_forget;
		answer.as.forget.conn = m->as.sasl_verdict.conn;
	} else {
		return;
	}
	channel_send(&l->channel, &answer);
}

static void pass(struct smlink *l, uint64_t id, const struct message *m)
{
	struct conn *c = conn_find(l->worker, id);
	if (c && c->exit == CONN_LIVES)
		conn_message(c, m);
	else
		give_back(l, m);
}

static bool handle(void *ctx, const struct message *m)
{
	struct smlink *l = ctx;
	if (l->state == LINK_JOINING) {
		if (m->code != MSG_welcome || m->as.welcome.version < PROTO_VERSION_LOW ||
			m->as.welcome.version > PROTO_VERSION_HIGH)
			return false;
		if (!channel_resume(&l->channel, m->as.welcome.heard))
			return false;
		on_welcome(l, &m->as.welcome);
		return true;
	}
	switch (m->code) {
	case MSG_sasl_salt:
		pass(l, m->as.sasl_salt.conn, m);
		return true;
	case MSG_sasl_verdict:
		pass(l, m->as.sasl_verdict.conn, m);
		return true;
	case MSG_upgrade:
		pass(l, m->as.upgrade.conn, m);
		return true;
	case MSG_token:
		pass(l, m->as.token.conn, m);
		return true;
	case MSG_opened:
		pass(l, m->as.opened.conn, m);
		return true;
	case MSG_refused:
		pass(l, m->as.refused.conn, m);
		return true;
	case MSG_enrol_ruling:
		pass(l, m->as.enrol_ruling.conn, m);
		return true;
	case MSG_enrolled:
		pass(l, m->as.enrolled.conn, m);
		return true;
	case MSG_end:
		pass(l, m->as.end.conn, m);
		return true;
	case MSG_deliver:
		l->worker->pace.inputs++;
		relay_deliver(l->worker, m);
		return true;
	case MSG_caps:
		sm_terms_caps_put(&l->worker->sm, m->as.caps.domain, m->as.caps.version);
		return true;
	case MSG_trace:
		trace_set(&m->as.trace);
		return true;
	case MSG_log_level:
		if (m->as.log_level.level <= LOG_DEBUG)
			log_level_set((enum log_level)m->as.log_level.level);
		return true;
	default: /* welcome again, expel: not for a worker that has joined */
		return false;
	}
}

static void give_buffer(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct link *k = h->data;
	(void)suggested;
	*b = uv_buf_init(k->read, sizeof k->read);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct link *k = s->data;
	struct smlink *l = k->owner;
	uint64_t acked;
	if (k != l->link || !n)
		return;
	if (n < 0) {
		lost(l, uv_strerror((int)n));
		return;
	}
	acked = l->channel.acked;
	if (!channel_feed(&l->channel, str_at(b->base, (size_t)n), handle, l)) {
		log_event(link_refused, LOG_U64("slot", l->worker->slot),
			LOG_TEXT("cause", l->channel.fault));
		lost(l, "sm broke the protocol");
	} else if (l->channel.acked != acked) {
		relay_release(l->worker);
	}
}

/* Writing, at the end of each turn. */

static void flush(struct smlink *l);

static void on_acks(uv_timer_t *t)
{
	struct smlink *l = t->data;
	if (l->state == LINK_UP)
		channel_ack(&l->channel);
	flush(l);
}

static void on_written(uv_write_t *w, int status)
{
	struct link *k = w->data;
	k->writes = false;
	buf_free(&k->writing);
	if (k != k->owner->link)
		return;
	if (status)
		lost(k->owner, uv_strerror(status));
	else
		flush(k->owner);
}

static void write_later(struct smlink *l)
{
	struct link *k = l->link;
	buf_take(&k->writing, &l->channel.out);
	uv_buf_t b = uv_buf_init(k->writing.p, (unsigned)k->writing.n);
	k->write.data = k;
	k->writes = !uv_write(&k->write, (uv_stream_t *)&k->pipe, &b, 1, on_written);
	if (!k->writes)
		lost(l, "it cannot be written to");
}

static void flush(struct smlink *l)
{
	struct buf *out = &l->channel.out;
	if (!l->link)
		return;
	if (l->link->writes) {
		if (out->n > l->window + UNREAD_MOST)
			lost(l, "sm does not read");
		return;
	}
	if (l->state == LINK_UP && channel_ack_later(&l->channel) &&
		!uv_is_active((uv_handle_t *)&l->acks))
		uv_timer_start(&l->acks, on_acks, CHANNEL_ACK_MS, 0);
	if (!out->n)
		return;
	uv_buf_t b = uv_buf_init(out->p, (unsigned)out->n);
	int n = uv_try_write((uv_stream_t *)&l->link->pipe, &b, 1);
	if (n < 0 && n != UV_EAGAIN) {
		lost(l, uv_strerror(n));
		return;
	}
	if (n == (int)out->n) {
		buf_clear(out);
		return;
	}
	if (n > 0)
		buf_drop(out, (size_t)n);
	write_later(l);
}

/* The end of a turn. Connections first: what they find out may still be told to sm in this turn. */
static void end_turn(struct smlink *l)
{
	conn_turn(l->worker);
	if ((l->worker->delivered >= NEWS_BYTES || l->worker->drained) && l->state == LINK_UP &&
		!l->link->writes)
		smlink_report(l, false);
	flush(l);
}

static void on_prepare(uv_prepare_t *h)
{
	struct smlink *l = h->data;
	end_turn(l);
	pace_turn(&l->worker->pace);
}

static void on_check(uv_check_t *h)
{
	end_turn(h->data);
}

static void on_clock(uv_timer_t *t)
{
	struct smlink *l = t->data;
	/* one that does not read is told nothing that the next tick says again */
	if (l->state != LINK_UP || l->link->writes)
		return;
	smlink_report(l, false);
	if (++l->ticks % SMLINK_CENSUS_TICKS == 0)
		smlink_census(l);
}

void smlink_attach(struct smlink *l, int fd)
{
	struct link *k;
	lose(l); /* it is gone already, or the parent knows better */
	k = mem_new(sizeof *k);
	k->owner = l;
	k->pipe.data = k;
	CHECK(!uv_pipe_init(&l->worker->loop, &k->pipe, 0));
	l->handles++;
	l->link = k;
	if (uv_pipe_open(&k->pipe, fd)) {
		close(fd);
		lost(l, "the descriptor is of no use");
		return;
	}
	if (uv_read_start((uv_stream_t *)&k->pipe, give_buffer, on_read)) {
		lost(l, "it cannot be read");
		return;
	}
	channel_cut(&l->channel);
	l->state = LINK_JOINING;
	smlink_join(l);
	flush(l);
}

struct worker *smlink_worker(const struct smlink *l)
{
	return l->worker;
}

struct channel *smlink_channel(struct smlink *l)
{
	return &l->channel;
}

/* A trace is for people to watch: what does not fit is not worth waiting for. */
static bool tell_traced(void *ctx, const struct message *m)
{
	struct smlink *l = ctx;
	if (l->state != LINK_UP || l->channel.out.n > TRACED_MOST)
		return false;
	channel_send(&l->channel, m);
	return true;
}

struct smlink *smlink_new(struct worker *w)
{
	struct smlink *l = mem_new(sizeof *l);
	l->worker = w;
	trace_start(tell_traced, l);
	channel_start(&l->channel, ROLE_C2S, ROLE_SM, CHANNEL_MAX_TO_C2S);
	CHECK(!uv_prepare_init(&w->loop, &l->prepare) && !uv_check_init(&w->loop, &l->check) &&
		!uv_timer_init(&w->loop, &l->clock) && !uv_timer_init(&w->loop, &l->acks));
	l->prepare.data = l->check.data = l->clock.data = l->acks.data = l;
	l->handles = 4;
	uv_prepare_start(&l->prepare, on_prepare);
	uv_check_start(&l->check, on_check);
	uv_timer_start(&l->clock, on_clock, SMLINK_TICK_MS, SMLINK_TICK_MS);
	return l;
}

static void on_closed(uv_handle_t *h)
{
	drop(h->data);
}

void smlink_free(struct smlink **l)
{
	struct smlink *gone = *l;
	if (!gone)
		return;
	*l = NULL;
	end_turn(gone); /* the last goodbyes */
	if (gone->state == LINK_UP) {
		channel_ack(&gone->channel);
		smlink_report(gone, true);
		flush(gone);
	}
	gone->ended = true;
	trace_start(NULL, NULL);
	lose(gone);
	uv_close((uv_handle_t *)&gone->prepare, on_closed);
	uv_close((uv_handle_t *)&gone->check, on_closed);
	uv_close((uv_handle_t *)&gone->clock, on_closed);
	uv_close((uv_handle_t *)&gone->acks, on_closed);
}

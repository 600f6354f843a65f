/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A storm of reconnecting clients: what a handshake costs is paid for so many in each turn of the
 * loop, and what clients that are in have to say is read between turns. A client's first bytes of
 * TLS are kept until its ClientHello is whole, and it is its turn (admission.h); without a storm
 * that is at once, and nothing is kept. */
#include "c2s/admission.h"
#include "c2s/conn_admit.h"
#include "c2s/conn_work.h"
#include "c2s/flight.h"
#include "c2s/tls_hello.h"
#include "common/log.h"

#define SHED_LINE_MS 1000

struct turn_wait {
	struct waiter waiter;
	struct conn *conn;
	struct buf held; /* at most what is read at once, and a ClientHello that is cut */
};

struct turns {
	struct admission *admission;
	uv_idle_t hurry; /* active while anybody waits: the poll does not */
	uv_prepare_t turn;
	unsigned begun;                /* in this turn */
	uint64_t silent_until, unsaid; /* of lines about who was shed */
};

static struct turn_wait *wait_of(struct waiter *w)
{
	return (struct turn_wait *)((char *)w - offsetof(struct turn_wait, waiter));
}

bool conn_is_due(const struct conn *c)
{
	return !c->admitted && c->client.state == LOGIN_wait_for_tls;
}

bool conn_waits(const struct conn *c)
{
	return c->wait && c->wait->waiter.crowd;
}

void conn_unwait(struct conn *c)
{
	struct turn_wait *x = c->wait;
	if (!x)
		return;
	c->wait = NULL;
	admission_remove(c->worker->turns->admission, &x->waiter);
	buf_free(&x->held);
	mem_free(x);
}

/* It is its turn. */
static void begin(struct conn *c, struct str bytes)
{
	c->worker->turns->begun++;
	c->admitted = true;
	client_bytes(&c->client, bytes);
}

/* No words can be said in the midst of a handshake. */
static void shed(struct conn *c)
{
	struct turns *t = c->worker->turns;
	uint64_t now = uv_now(&c->worker->loop);
	if (now < t->silent_until) {
		t->unsaid++;
		log_count_one(EVENT_shed);
	} else {
		log_event(shed, LOG_HEX("conn", c->client.id), LOG_TEXT("ip", c->client.address),
			LOG_U64("waiting", admission_count(t->admission)),
			LOG_U64("unsaid", t->unsaid));
		t->unsaid = 0;
		t->silent_until = now + SHED_LINE_MS;
	}
	client_cut(&c->client, STREAM_resource_constraint);
}

static void serve(uv_idle_t *hurry);

static void queue(struct conn *c)
{
	struct turns *t = c->worker->turns;
	struct waiter *victim = admission_put(t->admission, &c->wait->waiter, c->door,
		tls_hello_has_ticket(buf_str(&c->wait->held), c->worker->tickets),
		(size_t)c->worker->conf->handshakes_waiting);
	if (victim)
		shed(wait_of(victim)->conn);
	if (!uv_is_active((uv_handle_t *)&t->hurry))
		uv_idle_start(&t->hurry, serve);
}

static bool has_room(const struct worker *w)
{
	return admission_count(w->turns->admission) == 0 &&
		w->turns->begun < (unsigned)w->conf->handshakes_per_turn;
}

void conn_admit(struct conn *c, struct str bytes)
{
	if (!c->wait && has_room(c->worker) && flight_is_whole(bytes)) {
		begin(c, bytes);
		return;
	}
	if (!c->wait) {
		c->wait = mem_new(sizeof *c->wait);
		c->wait->conn = c;
	}
	buf_put(&c->wait->held, bytes);
	if (flight_is_whole(buf_str(&c->wait->held)))
		queue(c);
}

void conn_bytes(struct conn *c, struct str bytes)
{
	if (conn_is_due(c))
		conn_admit(c, bytes);
	else
		client_bytes(&c->client, bytes);
}

/* Its first bytes are given to it, and it is read again (conn_touch). */
static void admit(struct conn *c)
{
	struct buf held = {0};
	buf_take(&held, &c->wait->held);
	conn_unwait(c);
	log_event(handshake_late, LOG_HEX("conn", c->client.id), LOG_TEXT("ip", c->client.address));
	begin(c, buf_str(&held));
	buf_free(&held);
	conn_touch(c);
}

/* Once a turn while anybody waits, before what was said in it is written. */
static void serve(uv_idle_t *hurry)
{
	struct worker *w = hurry->data;
	struct turns *t = w->turns;
	unsigned most = (unsigned)w->conf->handshakes_per_turn;
	struct waiter *next = NULL;
	t->begun = 0;
	while (t->begun < most && (next = admission_next(t->admission)) != NULL)
		admit(wait_of(next)->conn);
	if (admission_count(t->admission) == 0)
		uv_idle_stop(hurry);
}

static void on_turn(uv_prepare_t *turn)
{
	struct worker *w = turn->data;
	w->turns->begun = 0;
}

void conn_admit_start(struct worker *w)
{
	struct turns *t = w->turns = mem_new(sizeof *t);
	t->admission = admission_new();
	CHECK(!uv_idle_init(&w->loop, &t->hurry) && !uv_prepare_init(&w->loop, &t->turn));
	t->hurry.data = t->turn.data = w;
	uv_prepare_start(&t->turn, on_turn);
}

void conn_admit_stop(struct worker *w)
{
	uv_close((uv_handle_t *)&w->turns->hurry, NULL);
	uv_close((uv_handle_t *)&w->turns->turn, NULL);
}

void conn_admit_end(struct worker *w)
{
	admission_free(&w->turns->admission);
	mem_free(w->turns);
	w->turns = NULL;
}

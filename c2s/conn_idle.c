/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Dead peers. A connection that has its session is silent until a byte of its client comes, or one
 * that waited for it is taken: after ping-interval of that it is pinged, and after ping-timeout
 * more its stream ends. The timer only looks; what comes moves no timer. */
#include "c2s/conn_work.h"
#include "c2s/ping.h"

static uint32_t now_of(const struct conn *c)
{
	return (uint32_t)uv_now(&c->worker->loop);
}

void conn_heard(struct conn *c)
{
	c->heard = now_of(c);
	c->pinged = false;
}

static void look(struct timer *t);

static void look_in(struct conn *c, uint64_t ms)
{
	wheel_set(&c->worker->wheel, &c->timer, ms, look);
}

/* While we do not read it ourselves, it cannot be heard. */
static bool is_ours_to_blame(struct conn *c)
{
	return c->relay.held || login_bytes(c->client.state) == LOGIN_WAITS;
}

/* As often as the interval has it, so that whoever answers is asked again in time. */
static void look_again(struct conn *c, uint32_t interval, uint32_t most)
{
	look_in(c, most < interval ? most : interval);
}

/* It has the whole of ping-timeout from here on, however late the look was. */
static void ping(struct conn *c, uint32_t interval)
{
	c->pinged = true;
	c->heard = now_of(c) - interval;
	ping_say(&c->client, now_of(c));
	conn_touch(c);
}

static void look(struct timer *t)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, timer));
	const struct conf *conf = c->terms->conf;
	uint32_t interval = (uint32_t)conf->ping_interval * 1000;
	uint32_t timeout = (uint32_t)conf->ping_timeout * 1000;
	uint32_t silent = now_of(c) - c->heard;
	if (is_ours_to_blame(c)) {
		conn_heard(c);
		look_in(c, interval);
	} else if (silent < interval) {
		look_in(c, interval - silent);
	} else if (!c->pinged) {
		ping(c, interval);
		look_again(c, interval, timeout);
	} else if (silent < interval + timeout) {
		look_again(c, interval, interval + timeout - silent);
	} else {
		conn_event(c, ON_silence, NULL);
	}
}

void conn_idle(struct conn *c)
{
	conn_heard(c);
	if (c->terms->conf->ping_interval)
		look_in(c, (uint64_t)c->terms->conf->ping_interval * 1000);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See conn.h: a connection's end, and what its client wants of the worker. conn_accept.c has its
 * beginning, conn_io.c moves the bytes. */
#include "c2s/conn_work.h"
#include "c2s/derive.h"
#include "c2s/smlink.h"
#include "c2s/trace.h"
#include "common/log.h"
#include "common/table.h"

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
	for (struct conn **at = &w->spent; c->spent && *at; at = &(*at)->next_spent) {
		if (*at == c) {
			*at = c->next_spent;
			break;
		}
	}
	client_end(&c->client);
	if (c->header)
		buf_free(c->header);
	mem_free(c->header);
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
	if (c->at_door)
		door_leave(w->door, w->slot, c->door);
	if (c->negotiates)
		w->negotiating--;
	c->at_door = c->negotiates = false;
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
	conn_unwait(c);
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

static void on_timer(struct timer *t);

/* Its stream is over: it has until then to take more of what waits for it. */
static void flush_until(struct conn *c)
{
	c->left = relay_left(c);
	wheel_set(&c->worker->wheel, &c->timer, CONN_FLUSH_MS, on_timer);
}

/* Who was never let in is not waited for again. */
static bool goes_on(const struct conn *c)
{
	return c->exit == CONN_FLUSHES && !c->negotiates && !c->worker->stopping &&
		relay_left(c) + CONN_FLUSH_LEAST <= c->left;
}

static void on_timer(struct timer *t)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, timer));
	if (c->exit == CONN_LIVES)
		conn_event(c, ON_deadline, NULL);
	else if (goes_on(c))
		flush_until(c);
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

static void enrolled(void *ctx, struct str credentials)
{
	struct conn *c = ctx;
	struct cue cue = {.key = credentials};
	c->worker->derivations--;
	if (c->exit == CONN_LIVES)
		conn_event(c, ON_made, &cue);
	drop(c);
}

static bool way_enrol(struct client *client, struct str account, struct str password)
{
	struct conn *c = conn_of(client);
	struct credential_rules rules;
	struct worker *w = c->worker;
	if (w->derivations >= (unsigned)w->conf->password_derivations)
		return false;
	credential_rules(&rules, client->set.conf, client->domain);
	if (!derive_credentials_start(&w->loop, &rules, account, password, enrolled, c))
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
	conn_idle(c);
}

static void way_leave(struct client *client, bool flush)
{
	struct conn *c = conn_of(client);
	if (c->exit != CONN_LIVES)
		return;
	c->exit = CONN_FLUSHES;
	conn_unwait(c);
	if (flush) {
		flush_until(c);
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
	flush_until(conn_of(client));
}

static const struct client_way conn_way = {way_ask, way_tell, way_recall, way_remember, way_derive,
	way_credit, way_opened, way_leave, way_part, way_enrol};

void conn_stop_all(struct worker *w)
{
	struct conn *next;
	for (struct conn *c = w->conn_list; c; c = next) {
		next = c->next;
		conn_event(c, ON_shutdown, NULL);
	}
}

const struct client_way *conn_ways(void)
{
	return &conn_way;
}

void conn_deadline(struct timer *t)
{
	on_timer(t);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See trace.h. */
#include "sm/trace.h"

#include "common/jid.h"
#include "sm/control_work.h"
#include "sm/watch.h"

#define TRACES_MOST 8      /* as many as a worker takes (c2s/trace.c) */
#define WAITING_MOST 65536 /* bytes that a client has not taken yet */
#define STEP_MOST 1024
#define ADDRESS_MOST 64

struct trace {
	struct trace *next;
	struct control_client *client;
	uint32_t id;
	struct buf pattern;
	uint64_t dropped; /* lines, since the last that was not */
};

static size_t count(const struct house *h)
{
	size_t n = 0;

	for (const struct trace *t = h->traces; t; t = t->next)
		n++;
	return n;
}

void trace_each(struct house *h, void (*visit)(void *ctx, uint32_t trace, struct str pattern),
	void *ctx)
{
	for (const struct trace *t = h->traces; t; t = t->next)
		visit(ctx, t->id, buf_str(&t->pattern));
}

/* An account, or an address of numbers, as a worker would write them. */
static bool read_pattern(struct str word, struct buf *out)
{
	struct sockaddr_storage at;
	char text[ADDRESS_MOST];
	struct buf plain = {0}, store = {0};
	struct jid jid;
	bool good = false;

	buf_put(&plain, word);
	if (str_find(word, '@') < word.n) {
		good = jid_parse(word, &store, &jid);
		if (good)
			buf_put(out, jid.text);
	} else if (uv_ip4_addr(buf_cstr(&plain), 0, (struct sockaddr_in *)&at) == 0) {
		good = uv_ip4_name((struct sockaddr_in *)&at, text, sizeof text) == 0;
	} else if (uv_ip6_addr(buf_cstr(&plain), 0, (struct sockaddr_in6 *)&at) == 0) {
		good = uv_ip6_name((struct sockaddr_in6 *)&at, text, sizeof text) == 0;
	}
	if (good && !out->n)
		buf_puts(out, text);
	buf_free(&plain);
	buf_free(&store);
	return good;
}

/* The client has gone. */
static void trace_end(struct control_client *c)
{
	struct trace *gone = c->own, **at = &c->house->traces;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	watch_trace(c->house, gone->id, STR_NONE);
	buf_free(&gone->pattern);
	mem_free(gone);
}

void control_trace(struct control_client *c)
{
	static uint32_t last_id;
	struct trace *t;
	struct buf pattern = {0};

	if (!read_pattern(c->request.arguments[0], &pattern)) {
		buf_free(&pattern);
		control_say(c, 1, "what is traced is a JID with an '@', or an IP address");
		return;
	}
	if (count(c->house) >= TRACES_MOST) {
		buf_free(&pattern);
		control_say(c, 1, "there are too many traces already");
		return;
	}
	t = mem_new(sizeof *t);
	t->client = c;
	t->id = ++last_id;
	buf_take(&t->pattern, &pattern);
	t->next = c->house->traces;
	c->house->traces = t;
	c->own = t;
	c->more_free = trace_end;
	c->state = CLIENT_FOLLOWS;
	report_head(&c->out, 0, NULL);
	watch_trace(c->house, t->id, buf_str(&t->pattern));
}

static void put_words(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, " %s=%.*s", name, STR_ARG(str_head(value, STEP_MOST)));
}

static void tell_step(struct trace *t, unsigned slot, const struct msg_traced *m)
{
	unsigned long long lost = t->dropped + m->dropped;
	struct buf words = {0};

	if (lost) {
		buf_printf(&words, "%llu steps were lost", lost);
		report_words(&t->client->out, buf_str(&words));
		buf_clear(&words);
		t->dropped = 0;
	}
	buf_printf(&words, "worker=%u conn=%016llx", slot, (unsigned long long)m->conn);
	put_words(&words, "ip", str_head(m->address, ADDRESS_MOST));
	if (m->account.n)
		put_words(&words, "user", m->account);
	buf_putc(&words, ' ');
	buf_put(&words, str_head(m->step, STEP_MOST));
	report_words(&t->client->out, buf_str(&words));
	buf_free(&words);
	house_touch(t->client->house);
}

void trace_take(struct house *h, unsigned slot, const struct msg_traced *m)
{
	for (struct trace *t = h->traces; t; t = t->next) {
		if (t->id != m->trace || t->client->state != CLIENT_FOLLOWS)
			continue; /* it ended while this was under way */
		if (t->client->out.n > WAITING_MOST)
			t->dropped += 1 + m->dropped;
		else
			tell_step(t, slot, m);
	}
}

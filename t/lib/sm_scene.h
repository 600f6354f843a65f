/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A house without a loop and without links: alice/a, alice/b and bob with sessions on two workers, whose channels are
 * read back: who gets what. */
#ifndef T_LIB_SM_SCENE_H
#define T_LIB_SM_SCENE_H

#include "sm/house.h"
#include "sm/peer_work.h"
#include "sm/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SCENE(title, function) \
	{ \
		title, function, start, end, NULL \
	}

struct scene {
	struct house h;
	struct conf conf;
	struct conf_domain domain;
	struct session *a, *b, *bob; /* alice/a and bob on worker 1, alice/b on worker 2 */
};

static inline struct session *enter(struct scene *s, unsigned worker, unsigned n, const char *jid)
{
	struct session_row row = {.sid = n, .conn = (uint64_t)worker << 32 | n, .jid = str_of(jid)};

	return session_add(s->h.sessions, &row, peer_make(&s->h, worker));
}

static inline int start(void **state)
{
	struct scene *s = mem_new(sizeof *s);

	s->domain = (struct conf_domain){.name = "d"};
	s->conf = (struct conf){
		.domains = &s->domain, .domain_count = 1, .stanza_bytes = 262144, .client_queue_bytes = 1048576};
	s->h.conf = &s->conf;
	s->h.stopping = true; /* there is no loop to hurry */
	uv_loop_init(&s->h.loop);
	s->h.sessions = sessions_new();
	s->h.route = route_work_new();
	s->h.errands = errands_new();
	s->h.blocks = blocks_new();
	s->h.lasts = lasts_new();
	s->h.mailboxes = mailboxes_new();
	s->h.peers = peers_new();
	s->a = enter(s, 1, 1, "alice@d/a");
	s->b = enter(s, 2, 2, "alice@d/b");
	s->bob = enter(s, 1, 3, "bob@d/x");
	*state = s;
	return 0;
}

static inline int end(void **state)
{
	struct scene *s = *state;

	while (session_take_changed(s->h.sessions))
		;
	sessions_free(&s->h.sessions);
	peers_free(&s->h);
	route_work_free(&s->h.route);
	errands_free(&s->h.errands);
	blocks_free(&s->h.blocks);
	lasts_free(&s->h.lasts);
	mailboxes_free(&s->h.mailboxes);
	uv_loop_close(&s->h.loop);
	mem_free(s);
	return 0;
}

struct heard {
	uint64_t conn;
	struct buf text; /* the stanzas for conn, one a line; "own " before those with its bare JID */
	unsigned frames;
};

static inline bool hear(void *ctx, const struct message *m)
{
	struct heard *h = ctx;

	h->frames++;
	for (size_t i = 0; i < m->as.deliver.conns.n; i++) {
		if (list_at(m->as.deliver.conns, i) != h->conn)
			continue;
		buf_puts(&h->text, m->as.deliver.own == FAN_BARE ? "own " : "");
		buf_put(&h->text, m->as.deliver.xml);
		buf_putc(&h->text, '\n');
	}
	return true;
}

/* What has been sent to the session so far must be `wanted`. */
static inline void got(const struct session *s, const char *wanted)
{
	struct heard h = {.conn = s->row.conn};

	assert_true(channel_read_frames(channel_since(&s->peer->channel, 0), hear, &h));
	assert_string_equal(buf_cstr(&h.text), wanted);
	buf_free(&h.text);
}

/* Forgets what was sent so far. */
static inline void again(struct scene *s)
{
	for (struct peer *p = peers_first(&s->h); p; p = p->next) {
		p->channel.joined = false;
		assert_true(channel_resume(&p->channel, p->channel.sent));
	}
}

static inline void say(struct scene *s, struct session *from, const char *xml)
{
	struct stanza view;

	assert_true(stanza_view(str_of(xml), &view));
	route_stanza(&s->h, from, &view);
}

#endif

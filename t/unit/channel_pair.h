/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two ends of a channel, what each has seen, and frames made by hand: for the tests of channels. */
#ifndef T_UNIT_CHANNEL_PAIR_H
#define T_UNIT_CHANNEL_PAIR_H

#include "proto/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 300000

/* what a handler saw */
struct seen {
	struct channel *c;
	unsigned n;
	struct {
		unsigned code;
		uint64_t seq;
	} of[64];
	struct buf xml;  /* of stanza and deliver, one behind the other */
	unsigned refuse; /* the code that the handler says no to */
	unsigned cut;    /* the code at which it cuts the link */
	const char *because;
};

static inline bool see(void *ctx, const struct message *m)
{
	struct seen *s = ctx;

	assert_true(s->n < COUNT(s->of));
	if (m->code == s->refuse) {
		if (s->because)
			s->c->fault = s->because;
		return false;
	}
	if (m->code == s->cut)
		channel_cut(s->c);
	s->of[s->n].code = m->code;
	s->of[s->n++].seq = m->seq;
	if (m->code == MSG_stanza)
		buf_put(&s->xml, m->as.stanza.xml);
	if (m->code == MSG_deliver)
		buf_put(&s->xml, m->as.deliver.xml);
	return true;
}

/* The two ends of a joined link, and what each has seen. */
struct pair {
	struct channel worker, sm;
	struct seen by_worker, by_sm;
};

static inline void pair_start(struct pair *p)
{
	*p = (struct pair){0};
	channel_start(&p->worker, ROLE_C2S, ROLE_SM, CHANNEL_MAX_TO_C2S);
	channel_start(&p->sm, ROLE_SM, ROLE_C2S, MOST);
	p->by_worker.c = &p->worker;
	p->by_sm.c = &p->sm;
	assert_true(channel_resume(&p->worker, 0));
	assert_true(channel_resume(&p->sm, 0));
}

static inline void pair_end(struct pair *p)
{
	channel_end(&p->worker);
	channel_end(&p->sm);
	buf_free(&p->by_worker.xml);
	buf_free(&p->by_sm.xml);
}

static inline void pass(struct channel *from, struct channel *to, struct seen *seen)
{
	assert_true(channel_feed(to, buf_str(&from->out), see, seen));
	buf_clear(&from->out);
}

static inline void send_stanza(struct channel *c, uint64_t conn, struct str xml)
{
	struct message m = {.code = MSG_stanza, .as.stanza = {conn, xml}};

	channel_send(c, &m);
}

static inline void send_deliver(struct channel *c, struct str xml)
{
	static const uint64_t conns[] = {5, 6};
	struct message m = {
		.code = MSG_deliver, .as.deliver = {.conns = list_of(conns, 2), .xml = xml}};

	channel_send(c, &m);
}

static inline struct str filled(struct buf *b, size_t n)
{
	buf_clear(b);
	for (size_t i = 0; i < n; i++)
		buf_putc(b, (char)(i * 7 + i / 251));
	return buf_str(b);
}

/* frames by hand, independent of proto/frame.c */

static inline void put_header(struct buf *b, uint32_t n, uint16_t code, uint8_t flags, uint64_t seq)
{
	buf_u32(b, n);
	buf_u16(b, code);
	buf_u8(b, flags);
	buf_u8(b, 0);
	buf_u64(b, seq);
}

static inline void put_stanza(struct buf *b, uint64_t seq)
{
	put_header(b, 16, MSG_stanza, 0, seq);
	buf_u64(b, 9);
	buf_u32(b, 4);
	buf_puts(b, "<a/>");
}

static inline void put_full(struct buf *b, uint16_t code, uint8_t flags, uint64_t seq)
{
	put_header(b, FRAME_MAX, code, flags, seq);
	memset(buf_room(b, FRAME_MAX), 0, FRAME_MAX);
	buf_grew(b, FRAME_MAX);
}

#endif

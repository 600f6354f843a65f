/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What modules lean on: answers and fan-out. */
#include "sm/module.h"

#include "common/log.h"
#include "sm/peer_work.h"
#include "sm/route.h"

#define KEPT 65536 /* bytes that a buffer keeps from one stanza to the next */

struct buf *house_scratch(struct house *h)
{
	struct buf *b = &h->route->scratch;

	buf_clear(b);
	if (b->cap > KEPT)
		buf_trim(b);
	return b;
}

struct buf *traffic_scratch(const struct traffic *t)
{
	return house_scratch(t->house);
}

struct str traffic_stamped(const struct traffic *t)
{
	struct buf *out = traffic_scratch(t);

	stanza_stamp(out, t->stanza, t->from->jid.text,
		t->addressed ? t->to.text : jid_bare(t->from->jid));
	return buf_str(out);
}

void traffic_bounce(const struct traffic *t, enum cond why)
{
	struct buf *out = traffic_scratch(t);
	struct str from = t->addressed ? t->to.text : jid_bare(t->from->jid);

	stanza_error(out, t->stanza, from, t->from->jid.text, why, STR_NONE);
	if (out->n == 0)
		return;
	log_event(bounce, LOG_HEX("sid", t->from->row.sid), LOG_STR("cond", cond_element(why)));
	fan_add(t->house, t->from);
	fan_send(t->house, buf_str(out));
}

/* fan-out */

void fan_add(struct house *h, const struct session *s)
{
	struct peer *p = s ? s->peer : NULL;

	if (!p || p->over)
		return;
	if (p->fan.n == 0) {
		p->fan_next = h->peers->fan;
		h->peers->fan = p;
	}
	buf_add(&p->fan, &s->row.conn, sizeof s->row.conn);
}

void fan_send(struct house *h, struct str xml)
{
	struct message m = {.code = MSG_deliver};

	while (h->peers->fan) {
		struct peer *p = h->peers->fan;

		h->peers->fan = p->fan_next;
		m.as.deliver = (struct msg_deliver){
			.conns = {(const uint8_t *)p->fan.p, p->fan.n / 8}, .xml = xml};
		h->made += xml.n + p->fan.n;
		peer_send(p, &m);
		buf_clear(&p->fan);
	}
}

void fan_send_account(struct house *h, const struct account *a, const struct session *apart,
	struct str xml)
{
	for (const struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (s->row.available && s != apart)
			fan_add(h, s);
	}
	fan_send(h, xml);
}

void fan_send_jid(struct house *h, struct str jid, struct str xml)
{
	struct jid j;

	if (!jid_split(jid, &j))
		return;
	if (!jid_resource(j).n) {
		fan_send_account(h, account_by_jid(h->sessions, jid), NULL, xml);
		return;
	}
	fan_add(h, session_by_jid(h->sessions, jid));
	fan_send(h, xml);
}

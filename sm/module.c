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

/* stanza-id (XEP-0359): of what is worth keeping, as the last child. */
static void put_id(const struct traffic *t, struct buf *out, struct str by)
{
	static const char end[] = "</message>";
	static const char digits[] = "0123456789abcdef";
	char id[16];

	if (!str_ends(buf_str(out), str_at(end, sizeof end - 1)))
		return;
	for (unsigned i = 0; i < sizeof id; i++)
		id[i] = digits[t->id >> (4 * i) & 15];
	out->n -= sizeof end - 1;
	buf_put(out, STR("<stanza-id xmlns=\"urn:xmpp:sid:0\" by=\""));
	emit_escape_value(out, by);
	buf_put(out, STR("\" id=\""));
	buf_add(out, id, sizeof id);
	buf_put(out, STR("\"/></message>"));
}

static struct str stamped(const struct traffic *t, const struct conf_domain *d, struct str by)
{
	struct buf *out = traffic_scratch(t);

	stanza_stamp(out, t->stanza, t->from->jid.text,
		t->addressed ? t->to.text : jid_bare(t->from->jid));
	if (t->stanza->kind == STANZA_MESSAGE && d && d->stanza_ids && offline_is_storable(t))
		put_id(t, out, by);
	return buf_str(out);
}

struct str traffic_stamped(const struct traffic *t)
{
	return stamped(t, t->domain, jid_bare(t->addressed ? t->to : t->from->jid));
}

struct str traffic_sent(const struct traffic *t)
{
	return stamped(t, conf_domain(t->house->conf, jid_domain(t->from->jid)),
		jid_bare(t->from->jid));
}

void traffic_cut(struct traffic *t, bool (*cut)(void *ctx, const struct stanza_child *c), void *ctx)
{
	struct route_work *w = t->house->route;
	struct buf out = {0};

	stanza_edit(&out, t->stanza, cut, ctx, STR_NONE);
	buf_free(&w->cut_bytes);
	buf_take(&w->cut_bytes, &out);
	CHECK(stanza_view(buf_str(&w->cut_bytes), &w->cut));
	t->stanza = &w->cut;
	t->marks = mark_message(t->stanza);
}

void traffic_bounce(const struct traffic *t, enum cond why)
{
	traffic_bounce_more(t, why, STR_NONE);
}

void traffic_bounce_more(const struct traffic *t, enum cond why, struct str more)
{
	struct buf *out = traffic_scratch(t);
	struct str from = t->addressed ? t->to.text : jid_bare(t->from->jid);

	stanza_error_more(out, t->stanza, from, t->from->jid.text, why, STR_NONE, more);
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

void fan_add_account(struct house *h, const struct account *a, const struct session *apart)
{
	for (const struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (s->row.available && s != apart)
			fan_add(h, s);
	}
}

bool session_may_see(const struct house *h, const struct session *who, const struct session *of)
{
	return !block_denies(h, of->account->jid, who->jid) &&
		!block_denies(h, who->account->jid, of->jid);
}

void fan_add_seeing(struct house *h, const struct account *a, const struct session *of)
{
	for (const struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (s->row.available && session_may_see(h, s, of))
			fan_add(h, s);
	}
}

static void fan_out(struct house *h, struct str xml, uint8_t own)
{
	struct message m = {.code = MSG_deliver};

	while (h->peers->fan) {
		struct peer *p = h->peers->fan;

		h->peers->fan = p->fan_next;
		m.as.deliver = (struct msg_deliver){
			.conns = {(const uint8_t *)p->fan.p, p->fan.n / 8}, .xml = xml, .own = own};
		h->made += xml.n + p->fan.n;
		peer_send(p, &m);
		buf_clear(&p->fan);
	}
}

void fan_send(struct house *h, struct str xml)
{
	fan_out(h, xml, 0);
}

void fan_send_own(struct house *h, struct str xml, enum fan_own own)
{
	fan_out(h, xml, own);
}

void fan_send_jid(struct house *h, struct str jid, const struct session *of, struct str xml)
{
	const struct session *one = session_by_jid(h->sessions, jid);

	if (one && session_may_see(h, one, of))
		fan_add(h, one);
	fan_add_seeing(h, account_by_jid(h->sessions, jid), of);
	fan_send(h, xml);
}

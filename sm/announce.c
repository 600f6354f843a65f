/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See announce.h. */
#include "sm/announce.h"

#include "sm/module.h"

void announce_send(struct house *h, struct str domain, struct str to, struct str text)
{
	struct buf out = {0};
	struct emit e = emit_to(&out);

	emit_start(&e, "message");
	emit_attr(&e, "type", STR("headline"));
	emit_attr(&e, "from", domain);
	emit_attr_opt(&e, "to", to);
	emit_leaf(&e, "body", text);
	emit_end(&e);
	fan_send(h, buf_str(&out));
	buf_free(&out);
}

struct hearers {
	struct house *house;
	struct str domain;
	unsigned n;
};

static void add_hearer(void *ctx, void *session)
{
	struct hearers *a = ctx;
	const struct session *s = session;

	if (!s->row.available || !str_eq(jid_domain(s->jid), a->domain))
		return;
	fan_add(a->house, s);
	a->n++;
}

unsigned announce_all(struct house *h, struct str domain, struct str text)
{
	struct hearers a = {.house = h};

	for (size_t i = 0; i < h->conf->domain_count; i++) {
		a.domain = str_of(h->conf->domains[i].name);
		if (domain.n && !str_eq(domain, a.domain))
			continue;
		session_each(h->sessions, add_hearer, &a);
		announce_send(h, a.domain, STR_NONE, text);
	}
	return a.n;
}

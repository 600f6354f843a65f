/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a block, and its end, mean for presence (XEP-0191 3.3, 3.4). */
#include "sm/module.h"

/* One full JID out of an account that knows of the session as a whole: only that one is told. Never
 * of one's own: nobody is hidden from oneself. */
static bool is_resource_of(struct jid item, struct str address, const struct session *s)
{
	return jid_is_full(item) && jid_local(item).n && str_eq(jid_bare(item), address) &&
		!str_eq(address, s->account->jid);
}

static void send_presence(struct house *h, const struct session *to, struct str presence)
{
	fan_add(h, to);
	fan_send_own(h, presence, FAN_BARE);
}

/* Whom an item of a block list may mean: one contact, or those of a domain of ours; a resource of
 * the domain itself is nobody's. */
static const struct roster_item *first_meant(struct house *h, const struct session *s,
	struct jid item)
{
	bool one = jid_local(item).n;

	if (!s->account->roster || !conf_domain(h->conf, jid_domain(item)) ||
		(!one && jid_is_full(item)))
		return NULL;
	return one ? roster_find(s->account->roster, jid_bare(item)) : s->account->roster->first;
}

static const struct roster_item *next_meant(const struct roster_item *c, struct jid item)
{
	return jid_local(item).n ? NULL : c->next;
}

/* Their sessions, where the roster has them in this state. */
static void each_meant(struct house *h, const struct session *s, struct jid item, unsigned state,
	void (*each)(struct house *h, const struct session *s, const struct session *r))
{
	for (const struct roster_item *c = first_meant(h, s, item); c; c = next_meant(c, item)) {
		const struct account *a = c->row.state & state
			? account_by_jid(h->sessions, c->row.contact)
			: NULL;

		for (const struct session *r = a ? a->oldest : NULL; r; r = r->next) {
			if (r->row.available && block_matches(item.text, r->jid) &&
				session_may_see(h, r, s))
				each(h, s, r);
		}
	}
}

static void add(struct house *h, const struct session *s, const struct session *r)
{
	(void)s;
	fan_add(h, r);
}

static void hide(struct house *h, const struct session *s, const struct session *r)
{
	send_presence(h, s, presence_unavailable(h, r, NULL, STR_NONE));
}

static void show(struct house *h, const struct session *s, const struct session *r)
{
	send_presence(h, s, r->row.presence);
}

void presence_hide(struct house *h, struct session *s, struct jid item)
{
	struct str rest = s->row.directed, one;
	struct buf list = {0};
	struct jid other;

	while (rest.n) {
		str_cut(rest, '\n', &one, &rest);
		if (jid_split(one, &other) && block_matches(item.text, other) &&
			!str_eq(jid_bare(other), s->account->jid)) {
			fan_send_jid(h, one, s, presence_unavailable(h, s, NULL, one));
			continue;
		}
		if (is_resource_of(item, one, s))
			fan_send_jid(h, item.text, s, presence_unavailable(h, s, NULL, item.text));
		buf_put(&list, one);
		buf_putc(&list, '\n');
	}
	if (list.n != s->row.directed.n) {
		session_directed_set(s, buf_str(&list));
		session_changed(h, s);
	}
	buf_free(&list);
	if (!s->row.available)
		return;
	each_meant(h, s, item, SUB_FROM, add);
	fan_send_own(h, presence_unavailable(h, s, NULL, STR_NONE), FAN_BARE);
	each_meant(h, s, item, SUB_TO, hide); /* nor will it hear what becomes of them */
}

/* A domain may be many: they come as at its arrival. */
void presence_show(struct house *h, struct session *s, struct jid item)
{
	if (!s->row.available)
		return;
	each_meant(h, s, item, SUB_FROM, add);
	fan_send_own(h, s->row.presence, FAN_BARE);
	if (jid_local(item).n)
		each_meant(h, s, item, SUB_TO, show);
	else if (first_meant(h, s, item))
		arrival_start(h, s);
}

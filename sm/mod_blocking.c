/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The blocking command (XEP-0191). A blocked contact sees an account that is not online, and is not
 * told that it is blocked; the user is, who writes to it. */
#include "sm/module.h"

#include "common/xml.h"

/* --- stanzas of and to blocked contacts (3.3) ------------------------------------------------ */

static void say_blocked(const struct traffic *t)
{
	struct buf more = {0};
	struct emit e = emit_to(&more);

	emit_start_ns(&e, "blocked", NS_blocking_errors);
	emit_end(&e);
	traffic_bounce_more(t, STANZA_not_acceptable, buf_str(&more));
	buf_free(&more);
}

/* Who blocks its own server is answered by it all the same. */
static bool is_own_server(const struct traffic *t)
{
	return str_eq(t->to.text, jid_domain(t->from->jid));
}

/* These change the sender's own roster too, whoever blocks it: subscribe.c sees to it that the
 * contact is not asked, and roster_run.c that it does not hear. */
static bool is_subscription(const struct stanza *s)
{
	return s->kind == STANZA_PRESENCE &&
		(s->type == TYPE_SUBSCRIBE || s->type == TYPE_SUBSCRIBED ||
			s->type == TYPE_UNSUBSCRIBE || s->type == TYPE_UNSUBSCRIBED);
}

enum verdict blocking_from_client(struct traffic *t)
{
	if (!t->addressed || is_own_server(t))
		return PASS;
	if (block_denies(t->house, jid_bare(t->from->jid), t->to)) {
		say_blocked(t);
		return DONE;
	}
	if (!block_denies(t->house, jid_bare(t->to), t->from->jid) || is_subscription(t->stanza))
		return PASS;
	if (t->stanza->kind != STANZA_PRESENCE)
		traffic_bounce(t, STANZA_service_unavailable);
	return DONE;
}

/* --- questions ------------------------------------------------------------------------------- */

/* The items with prepared JIDs, inside the list that is open. */
static enum cond emit_items(const struct xml_node *list, struct emit *e, uint64_t *n)
{
	const struct xml_node *i = xml_child(list, NS_blocking, "item");
	struct buf prepared = {0};
	enum cond why = COND_none;
	struct jid who;

	for (; why == COND_none && i; i = xml_next(i, NS_blocking, "item")) {
		buf_clear(&prepared);
		++*n;
		if (!xml_has_attr(i, "jid")) {
			why = STANZA_bad_request;
		} else if (!jid_parse(xml_attr(i, "jid"), &prepared, &who)) {
			why = STANZA_jid_malformed;
		} else {
			emit_start(e, "item");
			emit_attr(e, "jid", who.text);
			emit_end(e);
		}
	}
	buf_free(&prepared);
	return why;
}

/* The client's iq once more, as its store function and the pushes want it. */
static enum cond rewrite(const struct iq *q, const char *element, struct buf *out, uint64_t *n)
{
	const struct traffic *t = q->traffic;
	struct xml *x = xml_parse(q->child->whole);
	struct buf id = {0};
	struct emit e = emit_to(out);
	enum cond why = STANZA_internal_server_error;

	*n = 0;
	if (!x)
		return why;
	stanza_value(&id, t->stanza->id.value);
	emit_start(&e, "iq");
	emit_attr(&e, "type", STR("set"));
	emit_attr(&e, "id", buf_str(&id));
	emit_attr(&e, "from", t->from->jid.text);
	emit_attr(&e, "to", jid_bare(t->from->jid));
	emit_start_ns(&e, element, NS_blocking);
	why = emit_items(xml_root(x), &e, n);
	emit_end(&e);
	emit_end(&e);
	buf_free(&id);
	xml_free(&x);
	return why;
}

static uint64_t most(const struct traffic *t)
{
	const struct conf_domain *d = conf_domain(t->house->conf, jid_domain(t->from->jid));

	return d ? (uint64_t)d->blocked_contacts : 0;
}

static enum cond ask(const struct iq *q, const char *element, enum errand_code code)
{
	const struct traffic *t = q->traffic;
	struct buf xml = {0};
	uint64_t n;
	enum cond why = rewrite(q, element, &xml, &n);

	if (session_is_anonymous(t->from))
		why = STANZA_not_allowed;
	else if (why == COND_none && code == ERRAND_block && n == 0)
		why = STANZA_bad_request;
	else if (why == COND_none && code == ERRAND_block && n > most(t))
		why = STANZA_policy_violation;
	if (why == COND_none)
		why = errand_ask_as(t, code, buf_str(&xml));
	buf_free(&xml);
	return why;
}

enum cond blocklist_get(const struct iq *q, struct emit *e)
{
	(void)e;
	return errand_ask(q->traffic, ERRAND_blocklist);
}

enum cond block_set(const struct iq *q, struct emit *e)
{
	(void)e;
	return ask(q, "block", ERRAND_block);
}

enum cond unblock_set(const struct iq *q, struct emit *e)
{
	(void)e;
	return ask(q, "unblock", ERRAND_unblock);
}

/* --- what comes of them ---------------------------------------------------------------------- */

void blocklist_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	struct session *s = errand_session(h, e);

	if (errand_failed(h, e, r))
		return;
	if (s && !(s->row.flags & SESSION_BLOCKLIST)) {
		s->row.flags |= SESSION_BLOCKLIST;
		session_changed(h, s);
	}
	errand_answer(h, e, result);
}

static void push_to(struct house *h, const struct errand *e, const struct session *s,
	struct str list)
{
	struct buf *out = house_scratch(h), id = {0};
	struct emit m = emit_to(out);

	buf_printf(&id, "block-%016llx", (unsigned long long)e->id);
	emit_start(&m, "iq");
	emit_attr(&m, "type", STR("set"));
	emit_attr(&m, "id", buf_str(&id));
	emit_attr(&m, "from", e->account);
	emit_attr(&m, "to", s->jid.text);
	emit_raw(&m, list);
	emit_end(&m);
	fan_add(h, s);
	fan_send(h, buf_str(out));
	buf_free(&id);
}

static void push(struct house *h, const struct errand *e)
{
	const struct account *a = account_by_jid(h->sessions, e->account);
	struct stanza iq;

	if (!stanza_view(e->xml, &iq) || iq.child_count == 0)
		return;
	for (const struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (s->row.flags & SESSION_BLOCKLIST)
			push_to(h, e, s, iq.child[0].whole);
	}
}

/* `now`: presence_hide or presence_show, for each session of the account. */
static void each_session(struct house *h, struct str account, struct str item,
	void (*now)(struct house *h, struct session *s, struct jid item))
{
	struct account *a = account_by_jid(h->sessions, account);
	struct jid who;

	for (struct session *s = a ? a->oldest : NULL; s && jid_split(item, &who); s = s->next)
		now(h, s, who);
}

static bool take_item(struct str *items, struct str *item)
{
	uint32_t n;

	return str_take_u32(items, &n) && str_take_bytes(items, n, item);
}

void block_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	uint8_t full = 0;
	struct str item, rest;

	if (errand_failed(h, e, r))
		return;
	if (str_take_u8(&result, &full) && full) {
		errand_refuse(h, e, STANZA_policy_violation,
			STR("That is more than an account may block"));
		return;
	}
	/* Who saw the account until now sees it go. After a crash memory has them already. */
	rest = result;
	while (take_item(&rest, &item))
		block_remove(h, e->account, item);
	while (take_item(&result, &item)) {
		each_session(h, e->account, item, presence_hide);
		block_add(h, e->account, item);
	}
	errand_answer(h, e, STR_NONE);
	push(h, e);
}

void unblock_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	struct str item;

	if (errand_failed(h, e, r))
		return;
	while (take_item(&result, &item)) {
		block_remove(h, e->account, item);
		each_session(h, e->account, item, presence_show);
	}
	errand_answer(h, e, STR_NONE);
	push(h, e);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Last activity (XEP-0012): how long the server runs, and when an account was last online. Only who
 * sees an account's presence may know of it, its sessions included. */
#include "sm/module.h"

#include "common/xml.h"

#include <time.h>

static void emit_last(struct emit *e, int64_t since, struct str status)
{
	int64_t seconds = (int64_t)time(NULL) - since;
	struct buf text = {0};

	buf_printf(&text, "%lld", (long long)(seconds > 0 ? seconds : 0));
	emit_start_ns(e, "query", NS_last);
	emit_attr(e, "seconds", buf_str(&text));
	emit_text(e, status);
	emit_end(e);
	buf_free(&text);
}

/* Has the account an available session, but this one (or NULL)? */
static bool is_online(const struct account *a, const struct session *apart)
{
	for (const struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (s->row.available && s != apart)
			return true;
	}
	return false;
}

/* --- leaving --------------------------------------------------------------------------------- */

static void note_left(struct house *h, const struct session *s, struct str status)
{
	if (s->row.available && !session_is_anonymous(s) && !is_online(s->account, s))
		last_note(h, jid_bare(s->jid), status);
}

void last_session_ended(struct house *h, struct session *s)
{
	note_left(h, s, STR_NONE);
}

static void note_unavailable(struct traffic *t)
{
	const struct stanza_child *c = stanza_child(t->stanza, NS_client, "status");
	struct xml *x = c ? xml_parse(c->whole) : NULL;

	note_left(t->house, t->from, x ? xml_text(xml_root(x)) : STR_NONE);
	xml_free(&x);
}

/* --- questions ------------------------------------------------------------------------------- */

enum cond last_uptime(const struct iq *q, struct emit *e)
{
	emit_last(e, q->traffic->house->started, STR_NONE);
	return COND_none;
}

enum cond last_get(const struct iq *q, struct emit *e)
{
	(void)e;
	return errand_ask(q->traffic, ERRAND_last_get);
}

/* For a session: who may not know of it must not learn whether it is there. */
static enum verdict ask_session(struct traffic *t)
{
	const struct session *s = session_by_jid(t->house->sessions, t->to.text);
	struct str who = jid_bare(t->from->jid);

	if (str_eq(jid_bare(t->to), who) || (s && roster_state(s->account->roster, who) & SUB_FROM))
		return PASS;
	t->why = s ? STANZA_forbidden : errand_ask(t, ERRAND_last_get);
	return t->why == COND_later ? DONE : DENY;
}

enum verdict last_from_client(struct traffic *t)
{
	const struct stanza *s = t->stanza;

	if (s->kind == STANZA_PRESENCE && s->type == TYPE_UNAVAILABLE && !t->addressed)
		note_unavailable(t);
	if (s->kind == STANZA_IQ && s->type == TYPE_GET && s->child[0].ns == NS_last &&
		t->addressed && jid_is_full(t->to) && jid_local(t->to).n &&
		conf_domain(t->house->conf, jid_domain(t->to)))
		return ask_session(t);
	return PASS;
}

static void answer(struct house *h, const struct errand *e, int64_t when, struct str status)
{
	struct buf out = {0};
	struct emit m = emit_to(&out);

	emit_last(&m, when, status);
	errand_answer(h, e, buf_str(&out));
	buf_free(&out);
}

static bool was_for_a_session(const struct errand *e)
{
	struct stanza iq;

	return stanza_view_start(e->xml, &iq) && str_find(iq.to.value, '/') < iq.to.value.n;
}

void last_get_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	uint64_t stored = 0;
	int64_t when;

	if (errand_failed(h, e, r))
		return;
	if (!str_take_u64(&result, &stored)) {
		errand_refuse(h, e, STANZA_forbidden, STR_NONE);
		return;
	}
	when = (int64_t)stored;
	if (was_for_a_session(e))
		errand_refuse(h, e, STANZA_service_unavailable, STR_NONE);
	else if (is_online(account_by_jid(h->sessions, e->account), NULL))
		answer(h, e, (int64_t)time(NULL), STR_NONE);
	else if (last_find(h, e->account, &when, &result) || when)
		answer(h, e, when, result);
	else
		errand_refuse(h, e, STANZA_item_not_found, STR_NONE);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rosters (RFC 6121 2): a client gets its own, or what of it has changed since the version that it
 * knows (2.6), and changes items. Answers come from memory; changes go to the store, and come back
 * as pushes to all who asked for the roster. */
#include "sm/module.h"

#include "common/xml.h"

#define CHANGES_MOST 64 /* that are pushed; of more, the whole roster is told */

/* What a client that asks for the roster knows of it. */
struct ask {
	bool versioned;   /* it said ver='...' */
	uint64_t version; /* 0: none that we know */
};

static struct ask ask_of(struct str query)
{
	struct xml *x = xml_parse(query);
	struct ask a = {0};

	if (x) {
		a.versioned = xml_has_attr(xml_root(x), "ver");
		a.version = roster_version_read(xml_attr(xml_root(x), "ver"));
	}
	xml_free(&x);
	return a;
}

/* What changed since, oldest first; how many there are, CHANGES_MOST + 1 for too many. */
static size_t changes_since(const struct roster *r, uint64_t version,
	const struct roster_row *rows[CHANGES_MOST])
{
	size_t n = 0;

	for (const struct roster_item *c = r->first; c; c = c->next) {
		size_t at = n;

		if (c->row.version <= version || !(c->row.state & (SUB_LISTED | SUB_GONE)))
			continue;
		if (n == CHANGES_MOST)
			return CHANGES_MOST + 1;
		for (; at && rows[at - 1]->version > c->row.version; at--)
			rows[at] = rows[at - 1];
		rows[at] = &c->row;
		n++;
	}
	return n;
}

/* 2.6.3: can it be told with pushes alone? What is newer than we have is of another roster. */
static bool is_known(const struct roster *r, const struct ask *a)
{
	const struct roster_row *rows[CHANGES_MOST];

	if (!r || !a->versioned)
		return false;
	if (a->version == r->head.version)
		return true;
	return a->version > r->head.floor && a->version < r->head.version &&
		changes_since(r, a->version, rows) <= CHANGES_MOST;
}

/* 2.6.3: with the version, whether it was asked for or not. */
static void emit_roster(struct emit *e, const struct roster *r)
{
	struct buf version = {0};

	emit_start_ns(e, "query", NS_roster);
	roster_version_put(&version, r ? r->head.version : 0);
	emit_attr(e, "ver", buf_str(&version));
	for (const struct roster_item *c = r ? r->first : NULL; c; c = c->next) {
		if (c->row.state & SUB_LISTED)
			roster_item_emit(e, &c->row);
	}
	emit_end(e);
	buf_free(&version);
}

static void push_changes(struct house *h, const struct session *s, uint64_t since)
{
	const struct roster *r = s->account->roster;
	const struct roster_row *rows[CHANGES_MOST];
	size_t n = changes_since(r, since, rows);

	for (size_t i = 0; i < n; i++) {
		struct buf *out = house_scratch(h);

		roster_push_put(out, rows[i]);
		fan_add(h, s);
		fan_send_own(h, buf_str(out), FAN_FULL);
	}
}

/* From here on it hears of every change (2.1.6). */
static void become_interested(struct house *h, struct session *s)
{
	if (s->row.flags & SESSION_INTERESTED)
		return;
	s->row.flags |= SESSION_INTERESTED;
	session_changed(h, s);
}

/* What is on its way to the store comes first, and pushes come behind the result. */
enum cond roster_get(const struct iq *q, struct emit *e)
{
	struct session *s = q->traffic->from;
	const struct roster *r = s->account->roster;
	struct ask a = ask_of(q->child->whole);

	if (s->errands || (is_known(r, &a) && a.version != r->head.version))
		return errand_ask(q->traffic, ERRAND_roster_get);
	become_interested(q->traffic->house, s);
	if (!is_known(r, &a))
		emit_roster(e, r);
	return COND_none;
}

void roster_get_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	struct session *s = errand_session(h, e);
	struct stanza view;
	struct buf content = {0};
	struct emit m = emit_to(&content);
	struct ask a;

	(void)result;
	if (!s || errand_failed(h, e, r) || !stanza_view(e->xml, &view))
		return;
	a = ask_of(view.child[0].whole);
	become_interested(h, s);
	if (is_known(s->account->roster, &a)) {
		errand_answer(h, e, STR_NONE);
		push_changes(h, s, a.version);
	} else {
		emit_roster(&m, s->account->roster);
		errand_answer(h, e, buf_str(&content));
	}
	buf_free(&content);
}

/* changes */

enum cond roster_set(const struct iq *q, struct emit *e)
{
	const struct traffic *t = q->traffic;
	const struct conf_domain *d = conf_domain(t->house->conf, jid_domain(t->from->jid));
	struct roster_wish w = {0};
	enum cond why = STANZA_not_allowed;

	(void)e;
	if (t->from->account->roster) /* not that of nobody's account */
		why = roster_wish_read(q->child->whole, jid_bare(t->from->jid), d, &w);
	buf_free(&w.store);
	return why == COND_none ? errand_ask(t, ERRAND_roster_set) : why;
}

/* The result: u8 condition, and the acts. */
void roster_set_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	uint8_t why = STANZA_internal_server_error;

	if (errand_failed(h, e, r))
		return;
	if (str_take_u8(&result, &why) && why == COND_none) {
		acts_run(h, result);
		errand_answer(h, e, STR_NONE);
	} else {
		errand_refuse(h, e, (enum cond)why, STR_NONE);
	}
}

/* Rosters are between a client and its server: whoever says something of one to somebody else wants
 * to be mistaken for it (2.1.6, 2.3.3). */
enum verdict roster_from_client(struct traffic *t)
{
	const struct stanza *s = t->stanza;

	if (s->kind != STANZA_IQ || (s->type != TYPE_GET && s->type != TYPE_SET) || !t->addressed ||
		s->child[0].ns != NS_roster || !jid_local(t->to).n ||
		str_eq(t->to.text, jid_bare(t->from->jid)) ||
		!conf_domain(t->house->conf, jid_domain(t->to)))
		return PASS;
	t->why = STANZA_forbidden;
	return DENY;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Presence (RFC 6121 4): broadcast to one's own resources and to the contacts that may see it, as
 * the roster says, and directed presence. All of us are in one house, so that nobody is probed: who
 * comes is told what is known. What is kept of a session: its last available presence as it was
 * sent on, its priority, and to whom it sent directed presence, so that every end of it can be
 * told. All that is bounded, for it is in every record of the session. */
#include "sm/module.h"

#include "common/xml.h"

#define PRESENCE_MOST 16384  /* bytes of a presence that is kept (RFC 6121 4.7.2) */
#define DIRECTED_MOST 200    /* addresses, ... */
#define DIRECTED_BYTES 16384 /* ... and their bytes */
#define FAREWELLS_MOST 65536 /* bytes of what they are told together at the end */

static struct str own_bare(const struct session *s)
{
	return jid_bare(s->jid);
}

/* directed presence: each address ended by a newline, which no JID can hold */

static size_t directed_count(const struct session *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->row.directed.n; i++)
		n += s->row.directed.p[i] == '\n';
	return n;
}

/* Where the address stands in the list; false: nowhere. */
static bool directed_find(const struct session *s, struct str jid, size_t *at)
{
	struct str rest = s->row.directed, one;

	while (rest.n) {
		*at = (size_t)(rest.p - s->row.directed.p);
		str_cut(rest, '\n', &one, &rest);
		if (str_eq(one, jid))
			return true;
	}
	return false;
}

bool presence_is_directed(const struct traffic *t)
{
	size_t at;

	return directed_find(t->from, t->to.text, &at);
}

/* Has the session told this one, or its account, that it is there (RFC 6121 4.6)? */
static bool directed_to(const struct session *s, const struct session *who)
{
	size_t at;

	return directed_find(s, who->jid.text, &at) || directed_find(s, own_bare(who), &at);
}

static bool directed_remember(struct traffic *t)
{
	struct session *s = t->from;
	struct buf list = {0};
	size_t at;

	if (directed_find(s, t->to.text, &at))
		return true;
	if (directed_count(s) >= DIRECTED_MOST ||
		s->row.directed.n + t->to.text.n + 1 > DIRECTED_BYTES)
		return false;
	buf_put(&list, s->row.directed);
	buf_put(&list, t->to.text);
	buf_putc(&list, '\n');
	session_directed_set(s, buf_str(&list));
	buf_free(&list);
	session_changed(t->house, s);
	return true;
}

static void directed_forget(struct house *h, struct session *s, struct str jid)
{
	struct buf list = {0};
	size_t at;

	if (!directed_find(s, jid, &at))
		return;
	buf_put(&list, str_head(s->row.directed, at));
	buf_put(&list, str_skip(s->row.directed, at + jid.n + 1));
	session_directed_set(s, buf_str(&list));
	buf_free(&list);
	session_changed(h, s);
}

/* Who hears that a session is gone has nobody there to be unavailable to (4.6.1). One that says so
 * to somebody alone is still there. */
static void forget_gone(struct house *h, const struct account *listener, const struct session *gone)
{
	for (struct session *s = listener ? listener->oldest : NULL; s; s = s->next) {
		if (s != gone)
			directed_forget(h, s, gone->jid.text);
	}
}

/* jid: full or bare. */
static void forget_gone_at(struct house *h, struct str jid, const struct session *gone)
{
	struct session *one = session_by_jid(h->sessions, jid);

	if (!one)
		forget_gone(h, account_by_jid(h->sessions, jid), gone);
	else if (one != gone)
		directed_forget(h, one, gone->jid.text);
}

/* the roster */

bool presence_is_shared(const struct session *s, const struct session *who)
{
	return s->account == who->account ||
		(roster_state(s->account->roster, own_bare(who)) & SUB_FROM) || directed_to(s, who);
}

static const struct roster_item *contacts_of(const struct session *s)
{
	return s->account->roster ? s->account->roster->first : NULL;
}

/* Who hears what the session says to all: RFC 6121 4.2.2, 4.4.2, 4.5.2. */
static void add_listeners(struct house *h, const struct session *s, const struct session *apart)
{
	for (const struct roster_item *c = contacts_of(s); c; c = c->next) {
		if (c->row.state & SUB_FROM)
			fan_add_seeing(h, account_by_jid(h->sessions, c->row.contact), s);
	}
	fan_add_account(h, s->account, apart);
}

static void send_presence(struct house *h, const struct session *to, struct str presence)
{
	fan_add(h, to);
	fan_send_own(h, presence, FAN_BARE);
}

static void tell_of(struct house *h, const struct session *to, const struct account *a)
{
	for (const struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (s == to || !s->row.available || !session_may_see(h, to, s))
			continue;
		send_presence(h, to, s->row.presence);
	}
}

/* Whoever waits for an answer asks again each time that somebody is there to give it (3.1.3). */
static void tell_of_request(struct house *h, const struct session *to, const struct roster_row *c)
{
	struct jid who;

	if (!(c->state & SUB_IN) || !c->request.n || !jid_split(c->contact, &who) ||
		block_denies(h, to->account->jid, who))
		return;
	fan_add(h, to);
	fan_send(h, c->request);
}

bool presence_has_news(const struct house *h, const struct roster_item *c)
{
	return (c->row.state & SUB_IN) ||
		((c->row.state & SUB_TO) && account_by_jid(h->sessions, c->row.contact));
}

void presence_news(struct house *h, const struct session *to, struct str contact)
{
	const struct roster_item *c = roster_find(to->account->roster, contact);

	if (!c)
		return;
	if (c->row.state & SUB_TO)
		tell_of(h, to, account_by_jid(h->sessions, contact));
	tell_of_request(h, to, &c->row);
}

/* A resource that comes hears of those that are there: its own, and those of contacts (RFC 6121
 * 4.2.2, 4.3.2: only at its initial presence). */
static void tell_of_others(struct house *h, struct session *to)
{
	tell_of(h, to, to->account);
	arrival_start(h, to);
}

/* What one that comes first is told may be long, and was not of its choosing. */
static void greet(struct house *h, struct session *s)
{
	uint64_t made = h->made;

	tell_of_others(h, s);
	if (!s->greeted)
		h->made = made;
	s->greeted = true;
}

/* unavailable */

struct str presence_unavailable(struct house *h, const struct session *s, const struct stanza *said,
	struct str to)
{
	struct buf *out = house_scratch(h);
	struct emit e = emit_to(out);

	if (said) {
		stanza_stamp(out, said, s->jid.text, to);
		return buf_str(out);
	}
	emit_start(&e, "presence");
	emit_attr(&e, "from", s->jid.text);
	emit_attr_opt(&e, "to", to);
	emit_attr(&e, "type", STR("unavailable"));
	emit_end(&e);
	return buf_str(out);
}

/* Does this address hear it with all the others? */
static bool is_told(struct house *h, const struct session *s, struct str jid)
{
	const struct session *one;
	struct jid j;

	if (!s->row.available || !jid_split(jid, &j) ||
		!(str_eq(jid_bare(j), own_bare(s)) ||
			(roster_state(s->account->roster, jid_bare(j)) & SUB_FROM)))
		return false;
	one = jid_is_full(j) ? session_by_jid(h->sessions, jid) : NULL;
	return !one || one->row.available;
}

/* Each has a copy of its own. When that comes to too much, they hear that it is gone, but not its
 * words. */
static void tell_directed(struct house *h, const struct session *s, const struct stanza *said)
{
	struct str rest = s->row.directed, one;

	if (said && said->bytes.n * directed_count(s) > FAREWELLS_MOST)
		said = NULL;

	while (rest.n) {
		str_cut(rest, '\n', &one, &rest);
		forget_gone_at(h, one, s);
		if (!is_told(h, s, one))
			fan_send_jid(h, one, s, presence_unavailable(h, s, said, one));
	}
}

static void tell_listeners(struct house *h, const struct session *s, const struct stanza *said,
	bool itself)
{
	for (const struct roster_item *c = contacts_of(s); c; c = c->next) {
		if (c->row.state & SUB_FROM)
			forget_gone(h, account_by_jid(h->sessions, c->row.contact), s);
	}
	forget_gone(h, s->account, s);
	add_listeners(h, s, itself ? NULL : s);
	fan_send_own(h, presence_unavailable(h, s, said, STR_NONE), FAN_BARE);
}

/* With `itself` the resource hears of itself too, as RFC 6121 4.5.2 has it; one whose connection is
 * gone cannot. */
static void go_unavailable(struct house *h, struct session *s, const struct stanza *said,
	bool itself)
{
	arrival_end(s);
	tell_directed(h, s, said);
	if (s->row.available)
		tell_listeners(h, s, said, itself);
	s->row.available = false;
	s->row.priority = 0;
	session_presence_set(s, STR_NONE);
	session_directed_set(s, STR_NONE);
}

void presence_session_ended(struct house *h, struct session *s)
{
	go_unavailable(h, s, NULL, false);
}

/* available */

/* The text of <priority/>, blanks around it apart. False: there is none. The view remembers few
 * children, so that a presence with many is read as a tree. */
static bool priority_text(const struct stanza *s, struct buf *out)
{
	const struct stanza_child *c = stanza_child(s, NS_client, "priority");
	struct str whole = c ? c->whole : s->bytes;
	struct xml *x = c || s->child_count > STANZA_CHILDREN ? xml_parse(whole) : NULL;
	const struct xml_node *n = x ? xml_root(x) : NULL;
	struct str text;

	if (n && !c)
		n = xml_child(n, NS_client, "priority");
	text = n ? xml_text(n) : STR_NONE;
	while (text.n && str_find(STR(" \t\n\r"), text.p[0]) < 4)
		text = str_skip(text, 1);
	while (text.n && str_find(STR(" \t\n\r"), text.p[text.n - 1]) < 4)
		text.n--;
	buf_put(out, text);
	xml_free(&x);
	return n != NULL;
}

/* RFC 6121 4.7.2.3: an integer between -128 and 127; none is 0. */
static bool read_priority(const struct stanza *s, int *priority)
{
	struct buf text = {0};
	bool there = priority_text(s, &text);
	struct str digits = buf_str(&text);
	bool negative = str_starts(digits, STR("-"));
	uint64_t n = 0;
	bool good;

	if (negative || str_starts(digits, STR("+")))
		digits = str_skip(digits, 1);
	good = !there || (str_u64(digits, &n) && n <= (negative ? 128u : 127u));
	*priority = negative ? -(int)n : (int)n;
	buf_free(&text);
	return good;
}

static enum verdict go_available(struct traffic *t)
{
	struct session *s = t->from;
	struct buf *out = traffic_scratch(t);
	bool initial = !s->row.available, was_shown = session_is_shown(s);
	int priority;

	if (!read_priority(t->stanza, &priority)) {
		t->why = STANZA_bad_request;
		return DENY;
	}
	stanza_stamp(out, t->stanza, s->jid.text, STR_NONE);
	if (out->n > PRESENCE_MOST) {
		t->why = STANZA_policy_violation;
		return DENY;
	}
	s->row.available = true;
	s->row.priority = (int8_t)priority;
	session_presence_set(s, buf_str(out));
	session_changed(t->house, s);
	add_listeners(t->house, s, NULL);
	fan_send_own(t->house, s->row.presence, FAN_BARE);
	if (initial)
		greet(t->house, s);
	if (!was_shown && session_is_shown(s))
		pipeline_session_shown(t->house, s);
	else if (was_shown && !session_is_shown(s))
		pipeline_session_hidden(t->house, s);
	return DONE;
}

/* The mere fact, with the id of what says so: the session's own presence, or the probe that finds
 * none (RFC 6121 4.3.2.1). */
static void answer_merely(const struct traffic *t, const struct stanza *said, bool there)
{
	struct emit e = emit_to(traffic_scratch(t));
	struct buf id = {0};

	stanza_value(&id, said->id.value);
	emit_start(&e, "presence");
	emit_attr(&e, "from", t->to.text);
	emit_attr_opt(&e, "id", buf_str(&id));
	if (!there)
		emit_attr(&e, "type", STR("unavailable"));
	emit_end(&e);
	fan_add(t->house, t->from);
	fan_send_own(t->house, buf_str(e.out), FAN_BARE);
	buf_free(&id);
}

/* Of one session: who is subscribed learns whether it is there, and whom it has told itself, that
 * it is (4.3.2, 4.6.6). */
static void answer_for_session(const struct traffic *t, bool sees)
{
	const struct session *one = session_by_jid(t->house->sessions, t->to.text);
	struct stanza said = {0};

	if (one && ((sees && one->row.available) || directed_to(one, t->from)))
		answer_merely(t, stanza_view_start(one->row.presence, &said) ? &said : t->stanza,
			true);
	else if (sees)
		answer_merely(t, t->stanza, false);
}

/* Of an account, all that there is, or that there is nothing. */
static void answer_for_account(const struct traffic *t)
{
	const struct account *a = account_by_jid(t->house->sessions, t->to.text);
	bool there = false;

	for (const struct session *s = a ? a->oldest : NULL; s; s = s->next)
		there = there || s->row.available;
	if (there)
		tell_of(t->house, t->from, a);
	else
		answer_merely(t, t->stanza, false);
}

/* RFC 6121 4.3.2. Who may not see it learns nothing: "unsubscribed" would end a request that still
 * waits for its answer. */
static void answer_probe(const struct traffic *t)
{
	struct str contact = jid_bare(t->to), own = own_bare(t->from);
	bool sees = str_eq(contact, own) ||
		roster_state(t->from->account->roster, contact) & SUB_TO;

	if (jid_is_full(t->to))
		answer_for_session(t, sees);
	else if (str_eq(contact, own))
		tell_of(t->house, t->from, t->from->account);
	else if (sees)
		answer_for_account(t);
}

/* from the client */

static enum verdict broadcast(struct traffic *t)
{
	switch (t->stanza->type) {
	case TYPE_NONE:
		return go_available(t);
	case TYPE_UNAVAILABLE:
		go_unavailable(t->house, t->from, t->stanza, true);
		session_changed(t->house, t->from);
		pipeline_session_hidden(t->house, t->from);
		return DONE;
	case TYPE_PROBE: /* without `to` it asks what the initial presence asked (RFC 6121 4.3.1) */
		tell_of_others(t->house, t->from);
		return DONE;
	default:
		return DONE; /* errors and subscriptions are for somebody, or mean nothing */
	}
}

static enum verdict directed(struct traffic *t)
{
	switch (t->stanza->type) {
	case TYPE_NONE:
		if (!conf_domain(t->house->conf, jid_domain(t->to)) || directed_remember(t))
			return PASS; /* another domain's is refused by routing: nobody there is to
					be told of an end */
		t->why = STANZA_resource_constraint;
		return DENY;
	case TYPE_UNAVAILABLE:
		directed_forget(t->house, t->from, t->to.text);
		return PASS;
	case TYPE_PROBE:
		if (!conf_domain(t->house->conf, jid_domain(t->to)))
			return PASS;
		answer_probe(t);
		return DONE;
	default:
		return PASS;
	}
}

enum verdict presence_from_client(struct traffic *t)
{
	if (t->stanza->kind != STANZA_PRESENCE)
		return PASS;
	return t->addressed ? directed(t) : broadcast(t);
}

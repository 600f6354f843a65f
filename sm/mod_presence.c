/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Presence (RFC 6121 4) among one's own resources, and directed presence. Rosters are to come; they
 * add receivers to what is broadcast here. What is kept of a session: its last available presence
 * as it was sent on, its priority, and to whom it sent directed presence, so that every end of it
 * can be told. All that is bounded, for it is in every record of the session. */
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

static void directed_forget(struct traffic *t)
{
	struct session *s = t->from;
	struct buf list = {0};
	size_t at;

	if (!directed_find(s, t->to.text, &at))
		return;
	buf_put(&list, str_head(s->row.directed, at));
	buf_put(&list, str_skip(s->row.directed, at + t->to.text.n + 1));
	session_directed_set(s, buf_str(&list));
	buf_free(&list);
	session_changed(t->house, s);
}

/* unavailable: what the client said, or, when it could not, what the server says for it (RFC
 * 6121 4.5) */

static struct str unavailable(struct house *h, const struct session *s, const struct stanza *said,
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
	emit_attr(&e, "to", to);
	emit_attr(&e, "type", STR("unavailable"));
	emit_end(&e);
	return buf_str(out);
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
		fan_send_jid(h, one, unavailable(h, s, said, one));
	}
}

/* With `itself` the resource hears of itself too, as RFC 6121 4.5.2 has it; one whose connection is
 * gone cannot. */
static void go_unavailable(struct house *h, struct session *s, const struct stanza *said,
	bool itself)
{
	tell_directed(h, s, said);
	if (s->row.available)
		fan_send_account(h, s->account, itself ? NULL : s,
			unavailable(h, s, said, own_bare(s)));
	s->row.available = false;
	s->row.priority = 0;
	session_presence_set(s, STR_NONE);
	session_directed_set(s, STR_NONE);
}

/* One full JID out of an account that knows of the session as a whole: only that one is told. */
static bool is_resource_of(struct jid item, struct str address)
{
	return jid_is_full(item) && jid_local(item).n && str_eq(jid_bare(item), address);
}

void presence_hide(struct house *h, struct session *s, struct jid item)
{
	struct str rest = s->row.directed, one;
	struct buf list = {0};
	struct jid other;

	while (rest.n) {
		str_cut(rest, '\n', &one, &rest);
		if (jid_split(one, &other) && block_matches(item.text, other)) {
			fan_send_jid(h, one, unavailable(h, s, NULL, one));
			continue;
		}
		if (is_resource_of(item, one))
			fan_send_jid(h, item.text, unavailable(h, s, NULL, item.text));
		buf_put(&list, one);
		buf_putc(&list, '\n');
	}
	if (list.n != s->row.directed.n) {
		session_directed_set(s, buf_str(&list));
		session_changed(h, s);
	}
	buf_free(&list);
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

/* A resource that comes hears of those that are there (RFC 6121 4.2.2 has it so for the initial
 * presence only). */
static void tell_of_others(struct house *h, const struct session *to)
{
	for (const struct session *s = to->account->oldest; s; s = s->next) {
		if (s == to || !s->row.available)
			continue;
		fan_add(h, to);
		fan_send(h, s->row.presence);
	}
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
	stanza_stamp(out, t->stanza, s->jid.text, own_bare(s));
	if (out->n > PRESENCE_MOST) {
		t->why = STANZA_policy_violation;
		return DENY;
	}
	s->row.available = true;
	s->row.priority = (int8_t)priority;
	session_presence_set(s, buf_str(out));
	session_changed(t->house, s);
	fan_send_account(t->house, s->account, NULL, s->row.presence);
	if (initial)
		tell_of_others(t->house, s);
	if (!was_shown && session_is_shown(s))
		pipeline_session_shown(t->house, s);
	else if (was_shown && !session_is_shown(s))
		pipeline_session_hidden(t->house, s);
	return DONE;
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
		directed_forget(t);
		return PASS;
	case TYPE_PROBE:
		if (!str_eq(t->to.text, own_bare(t->from)))
			return PASS;
		tell_of_others(t->house, t->from);
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

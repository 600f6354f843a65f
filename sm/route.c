/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table and the hands that do what it says. Nothing is allocated for a stanza but what the
 * buffers have not grown to yet. */
#include "sm/route.h"

#include "common/log.h"
#include "common/rand.h"
#include "sm/iq.h"
#include "sm/pipeline.h"

struct route_work *route_work_new(void)
{
	return mem_new(sizeof(struct route_work));
}

void route_work_free(struct route_work **w)
{
	if (!*w)
		return;
	buf_free(&(*w)->raw);
	buf_free(&(*w)->id);
	buf_free(&(*w)->prepared);
	buf_free(&(*w)->scratch);
	buf_free(&(*w)->answer);
	buf_free(&(*w)->cut_bytes);
	mem_free(*w);
	*w = NULL;
}

/* the table */

struct row {
	unsigned kinds, types, forms, homes;
	enum route_action action;
	const char *section;
};

#define KIND_any (KIND_message | KIND_presence | KIND_iq)
#define KIND_message (1u << STANZA_MESSAGE)
#define KIND_presence (1u << STANZA_PRESENCE)
#define KIND_iq (1u << STANZA_IQ)
#define T(type) (1u << TYPE_##type)
#define ANY (~0u)
#define SUBSCRIPTION_TYPES \
	(T(SUBSCRIBE) | T(SUBSCRIBED) | T(UNSUBSCRIBE) | T(UNSUBSCRIBED))
#define STORED_TYPES (T(NONE) | T(NORMAL) | T(CHAT) | T(UNKNOWN))

static const struct row rows[] = {
/* Inside the table, forms and homes go by their bare names. */
#define none FORM_none
#define own FORM_own
#define bare FORM_bare
#define full FORM_full
#define domain FORM_domain
#define service FORM_service
#define foreign FORM_foreign
#define match HOME_match
#define hidden HOME_hidden
#define some HOME_some
#define empty HOME_empty
#define waiting HOME_waiting
#define ANY_FORM ANY
#define ACCOUNT_FORMS (none | own | bare)
#define ANY_HOME ANY
#define ROUTE(kind, types, forms, homes, action, section) \
	{KIND_##kind, types, forms, homes, ACTION_##action, section},
#include "sm/route.def"
#undef ROUTE
#undef none
#undef own
#undef bare
#undef full
#undef domain
#undef service
#undef foreign
#undef match
#undef hidden
#undef some
#undef empty
#undef waiting
};

enum route_action route_decide(const struct route_case *c, const char **section)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];

		if (!(r->kinds & 1u << c->kind) || !(r->types & 1u << c->type) ||
			!(r->forms & c->form) || !(r->homes & c->home))
			continue;
		*section = r->section;
		return r->action;
	}
	*section = "";
	return ACTION_ignore;
}

/* the case */

static enum route_form form_of(const struct traffic *t)
{
	struct str local = jid_local(t->to);

	if (!t->addressed)
		return FORM_none;
	if (!t->domain)
		return FORM_foreign;
	if (local.n == 0)
		return jid_is_full(t->to) ? FORM_service : FORM_domain;
	if (jid_is_full(t->to))
		return FORM_full;
	return str_eq(t->to.text, jid_bare(t->from->jid)) ? FORM_own : FORM_bare;
}

/* Does an older message to the same receiver still wait for the store? Then this one goes behind
 * it. One to another resource than the one that is having them overtakes nothing. */
static bool waits(const struct traffic *t, enum route_form form, const struct session *match)
{
	struct str account = form == FORM_none ? jid_bare(t->from->jid) : jid_bare(t->to);

	return t->stanza->kind == STANZA_MESSAGE && mailbox_is_waiting(t->house, account) &&
		(!match || match == mailbox_reader(t->house, account)) && offline_is_storable(t);
}

/* Who may not see a session must not get it to answer either (8.5.3.1). */
static bool is_hidden(const struct traffic *t)
{
	return t->stanza->kind == STANZA_IQ && !presence_is_shared(t->match, t->from);
}

static enum route_home home_of_match(const struct traffic *t)
{
	if (is_hidden(t))
		return HOME_hidden;
	return waits(t, FORM_full, t->match) ? HOME_waiting : HOME_match;
}

struct route_case route_case_of(struct traffic *t)
{
	struct route_case c = {
		.kind = t->stanza->kind, .type = t->stanza->type, .home = HOME_empty};
	const struct account *a;

	t->domain = conf_domain(t->house->conf, jid_domain(t->addressed ? t->to : t->from->jid));
	c.form = form_of(t);
	if (c.form == FORM_full)
		t->match = session_by_jid(t->house->sessions, t->to.text);
	if (t->match) {
		t->receiver = t->match->account;
		c.home = home_of_match(t);
		return c;
	}
	if (c.form & (FORM_domain | FORM_service | FORM_foreign))
		return c;
	t->receiver = c.form & (FORM_none | FORM_own)
		? t->from->account
		: account_by_jid(t->house->sessions, jid_bare(t->to));
	a = t->receiver;
	for (const struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (session_is_shown(s))
			c.home = HOME_some;
	}
	if (c.home == HOME_some && (c.form != FORM_full || c.type == TYPE_CHAT) &&
		waits(t, c.form, NULL))
		c.home = HOME_waiting;
	return c;
}

/* the hands */

static int best_priority(const struct account *a)
{
	int best = 0;

	for (const struct session *s = a->oldest; s; s = s->next) {
		if (session_is_shown(s) && s->row.priority > best)
			best = s->row.priority;
	}
	return best;
}

static bool is_meant(const struct session *s, enum route_action action, int best)
{
	switch (action) {
	case ACTION_best:
		return session_is_shown(s) && s->row.priority == best;
	case ACTION_shown:
		return session_is_shown(s);
	default:
		return s->row.available;
	}
}

static void to_account(struct traffic *t)
{
	const struct account *a = t->receiver;
	int best;

	if (!a)
		return;
	best = best_priority(a);
	for (const struct session *s = a->oldest; s; s = s->next) {
		if (is_meant(s, (enum route_action)t->action, best))
			fan_add(t->house, s);
	}
	fan_send(t->house, traffic_stamped(t));
	t->end = TRAFFIC_GIVEN;
}

static void to_resource(struct traffic *t)
{
	fan_add(t->house, t->match);
	fan_send(t->house, traffic_stamped(t));
	t->end = TRAFFIC_GIVEN;
}

/* Who has, or will have, what waits for an account: see mailbox_hand.c. */
static const struct session *reader_of(const struct traffic *t)
{
	const struct session *s = mailbox_reader(t->house, t->receiver->jid);

	if (s)
		return s;
	for (s = t->receiver->oldest; s && !session_is_shown(s); s = s->next)
		;
	return s;
}

bool traffic_reaches(const struct traffic *t, const struct session *s)
{
	if (s->account != t->receiver)
		return false;
	switch (t->action) {
	case ACTION_resource:
		return s == t->match;
	case ACTION_store:
		return t->end == TRAFFIC_STORED && s == reader_of(t);
	case ACTION_best:
	case ACTION_shown:
	case ACTION_available:
		return is_meant(s, (enum route_action)t->action, best_priority(s->account));
	default:
		return false;
	}
}

static void bounce(struct traffic *t, enum cond why)
{
	traffic_bounce(t, why);
	t->end = TRAFFIC_BOUNCED;
	t->bounced = why;
}

static void act(struct traffic *t, enum route_action action)
{
	t->action = action;
	switch (action) {
	case ACTION_resource:
		to_resource(t);
		break;
	case ACTION_best:
	case ACTION_shown:
	case ACTION_available:
		to_account(t);
		break;
	case ACTION_account:
		iq_serve(t, IQ_ACCOUNT);
		break;
	case ACTION_server:
		iq_serve(t, IQ_SERVER);
		break;
	case ACTION_contact:
		iq_serve(t, IQ_CONTACT);
		break;
	case ACTION_store:
		offline_store(t);
		break;
	case ACTION_subscribe:
		subscription_ask(t);
		break;
	case ACTION_bounce:
		bounce(t, STANZA_service_unavailable);
		break;
	case ACTION_far:
		bounce(t, STANZA_remote_server_not_found);
		break;
	case ACTION_ignore:
		break;
	}
}

/* the address */

/* Prepares `to` into *jid. The stanza's own bytes serve when they are canonical already. */
static bool prepare(struct house *h, struct str escaped, struct jid *jid)
{
	struct buf *raw = &h->route->raw, *prepared = &h->route->prepared;

	buf_clear(raw);
	buf_clear(prepared);
	if (str_find(escaped, '&') == escaped.n)
		return jid_parse(escaped, prepared, jid);
	stanza_value(raw, escaped);
	return jid_parse(buf_str(raw), prepared, jid);
}

bool route_from_is_good(struct house *h, const struct session *from, const struct stanza *s)
{
	struct jid claimed;

	if (s->from.whole.n == 0 || str_eq(s->from.value, from->jid.text))
		return true;
	return prepare(h, s->from.value, &claimed) &&
		(str_eq(claimed.text, from->jid.text) || str_eq(claimed.text, jid_bare(from->jid)));
}

/* What no receiver should have to see: RFC 6120 8.2.3 (iq), RFC 6121 4.7.1 (presence). A message of
 * an unknown type is a normal one. */
static bool is_sound(const struct stanza *s)
{
	if (s->kind == STANZA_IQ)
		return iq_is_sound(s);
	return s->kind != STANZA_PRESENCE || s->type != TYPE_UNKNOWN;
}

/* From the kernel, many at a time. */
static uint64_t message_id(struct route_work *w)
{
	if (!w->random_left) {
		rand_bytes(w->random, sizeof w->random);
		w->random_left = COUNT(w->random);
	}
	return w->random[--w->random_left];
}

static void set_marks(struct traffic *t)
{
	if (t->stanza->kind != STANZA_IQ)
		t->marks = mark_message(t->stanza);
	if (t->stanza->kind == STANZA_MESSAGE)
		t->id = message_id(t->house->route);
}

/* What is stored would overtake too: what is ahead may come to be stored. */
static bool delivers(enum route_action action)
{
	return action == ACTION_resource || action == ACTION_best || action == ACTION_shown ||
		action == ACTION_available || action == ACTION_store;
}

/* By the table. What would overtake an errand goes behind it. */
static void go_on(struct traffic *t, bool may_wait)
{
	struct route_case c = route_case_of(t);
	const char *section;
	enum route_action action = route_decide(&c, &section);

	if (may_wait && t->addressed && delivers(action) &&
		errand_precedes(t->house, t->from, jid_bare(t->to))) {
		if (!errand_put(t, ERRAND_stanza))
			traffic_bounce(t, STANZA_resource_constraint);
		return;
	}
	log_event(stanza, LOG_HEX("sid", t->from->row.sid), LOG_STR("kind", t->stanza->name),
		LOG_U64("action", action), LOG_TEXT("section", section));
	act(t, action);
	pipeline_routed(t);
}

void route_stanza(struct house *h, struct session *from, const struct stanza *s)
{
	struct traffic t = {.house = h, .from = from, .stanza = s, .addressed = s->to.whole.n > 0};

	h->routed++;
	h->messages += s->kind == STANZA_MESSAGE;
	set_marks(&t);
	if (t.addressed && !prepare(h, s->to.value, &t.to)) {
		t.addressed = false;
		traffic_bounce(&t, STANZA_jid_malformed);
		return;
	}
	if (!is_sound(s)) {
		traffic_bounce(&t, STANZA_bad_request);
		return;
	}
	if (pipeline_from_client(&t) != PASS)
		return;
	go_on(&t, true);
}

enum db_result stanza_store(struct db *d, const struct errand *e, struct buf *result)
{
	(void)d;
	(void)e;
	(void)result;
	return DB_OK;
}

/* Once its sender is not available any more, nobody would be told of an end. */
static bool is_over(const struct traffic *t)
{
	return t->stanza->kind == STANZA_PRESENCE && t->stanza->type == TYPE_NONE &&
		!presence_is_directed(t);
}

/* What it had to wait for is done. A message goes on when its sender has gone, as if that had not
 * been waited for. */
void stanza_done(struct house *h, const struct errand *e, enum db_result r, struct str result)
{
	struct session *s = errand_session(h, e);
	struct session gone = {.row.jid = e->sender};
	struct stanza view;
	struct traffic t = {.house = h, .from = s ? s : &gone, .stanza = &view, .addressed = true};

	(void)r; /* its order is what it waited for, not the database */
	(void)result;
	if (!stanza_view(e->xml, &view) || !prepare(h, view.to.value, &t.to) ||
		!jid_split(e->sender, &gone.jid))
		return;
	gone.account = account_by_jid(h->sessions, jid_bare(gone.jid));
	set_marks(&t);
	if ((s || view.kind == STANZA_MESSAGE) && blocking_from_client(&t) == PASS && !is_over(&t))
		go_on(&t, false); /* one of the two may have blocked the other meanwhile */
}

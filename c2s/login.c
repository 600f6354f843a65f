/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See login.h; everything here is expanded from login.def. */
#include "c2s/login.h"
#include "c2s/client.h"
#include "c2s/trace.h"
#include "c2s/verb.h"
#include "common/log.h"

struct verb {
	void (*run)(struct client *c, const struct cue *cue);
	const char *name;
};

enum how { HOW_HEADER, HOW_FOOTER, HOW_ELEMENT, HOW_REQUEST, HOW_QUERY, HOW_STANZA, HOW_ANY };

/* clang-format off */
static const struct {
	const char *name;
	enum how how;
	enum ns ns;
	const char *element;
} inputs[LOGIN_INPUTS] = {
#define INPUT(name, how, ns, element) {#name, HOW_##how, NS_##ns, element},
#include "c2s/login.def"
};

static const struct {
	const char *name;
	enum login_bytes bytes;
	struct verb verb[LOGIN_INPUTS];
} states[LOGIN_STATES] = {
#define VERB(name) {verb_##name, #name}
#define STATE(name, does, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u) \
	{#name, LOGIN_##does, \
		{VERB(a), VERB(b), VERB(c), VERB(d), VERB(e), VERB(f), VERB(g), VERB(h), VERB(i), \
			VERB(j), VERB(k), VERB(l), VERB(m), VERB(n), VERB(o), VERB(p), VERB(q), \
			VERB(r), VERB(s), VERB(t), VERB(u)}},
#include "c2s/login.def"
};

#define EVENT_PLACES 5 /* the most AT()s of one row, and one without a verb behind them */

static const struct {
	const char *name;
	struct verb anywhere;
	struct {
		enum login_state state;
		struct verb verb;
	} but[EVENT_PLACES];
} events[LOGIN_EVENTS] = {
#define AT(state, verb) {LOGIN_##state, VERB(verb)},
#define EVENT(name, anywhere, places) \
	{#name, VERB(anywhere), {places {LOGIN_STATES, {NULL, NULL}}}},
#include "c2s/login.def"
#undef AT
#undef VERB
};

static const unsigned edges[LOGIN_STATES] = {
#define TO(state) | 1u << LOGIN_##state
#define EDGE(state, ways) [LOGIN_##state] = 0 ways,
#include "c2s/login.def"
#undef TO
};

/* clang-format on */

enum login_bytes login_bytes(enum login_state s)
{
	return states[s].bytes;
}

bool login_edge(enum login_state from, enum login_state to)
{
	return edges[from] & 1u << to;
}

const char *login_state_name(enum login_state s)
{
	return states[s].name;
}

const char *login_input_name(enum login_input i)
{
	return inputs[i].name;
}

const char *login_event_name(enum login_event e)
{
	return events[e].name;
}

/* Is it an iq of this sort for the server itself? One to somebody else is relayed, whatever is
 * in it. */
static bool for_server(const struct stanza *s, struct str domain)
{
	return s && s->kind == STANZA_IQ && (s->type == TYPE_SET || s->type == TYPE_GET) &&
		(!s->to.whole.n || str_eq(s->to.value, domain));
}

static bool recognises(enum login_input i, const struct scan_element *e, const struct stanza *s,
	struct str domain)
{
	switch (inputs[i].how) {
	case HOW_ELEMENT:
		return e->ns == inputs[i].ns && str_is(e->name, inputs[i].element);
	case HOW_REQUEST:
		return for_server(s, domain) && s->type == TYPE_SET &&
			stanza_child(s, inputs[i].ns, inputs[i].element);
	case HOW_QUERY:
		return for_server(s, domain) && stanza_child(s, inputs[i].ns, inputs[i].element);
	case HOW_STANZA:
		return s;
	default:
		return inputs[i].how == HOW_ANY;
	}
}

enum login_input login_recognise(const struct scan_element *e, const struct stanza *stanza,
	struct str domain)
{
	enum login_input i = 0;
	if (stanza && stanza->kind != STANZA_IQ) /* no other row is for them */
		return INPUT_stanza;
	while (i + 1 < LOGIN_INPUTS && !recognises(i, e, stanza, domain))
		i++;
	return i;
}

static void run(struct client *c, const struct verb *v, const char *input, const struct cue *cue)
{
	enum login_state from = c->state;
	if (trace_on)
		trace_begin();
	v->run(c, cue);
	if (trace_on)
		trace_step(c, from, input, v->name, cue);
}

void login_input(struct client *c, enum login_input input, const struct cue *cue)
{
	run(c, &states[c->state].verb[input], inputs[input].name, cue);
}

void login_event(struct client *c, enum login_event event, const struct cue *cue)
{
	const struct verb *v = &events[event].anywhere;
	for (unsigned i = 0; i < EVENT_PLACES && events[event].but[i].verb.run; i++) {
		if (events[event].but[i].state == c->state)
			v = &events[event].but[i].verb;
	}
	run(c, v, events[event].name, cue);
}

void login_goto(struct client *c, enum login_state to)
{
	CHECK(login_edge(c->state, to));
	if (log_wants(EVENT_state))
		log_event(state, LOG_HEX("conn", c->id), LOG_TEXT("from", states[c->state].name),
			LOG_TEXT("to", states[to].name));
	c->state = to;
}

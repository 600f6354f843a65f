/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The login table (login.def) as code: enums, and the one place where a cell is run and the one
 * where a state is changed. */
#ifndef C2S_LOGIN_H
#define C2S_LOGIN_H

#include "common/scan.h"
#include "common/stanza.h"
#include "proto/types.h"

struct client;

enum login_state {
#define STATE(name, ...) LOGIN_##name,
#include "c2s/login.def"
	LOGIN_STATES
};

enum login_input {
#define INPUT(name, how, ns, element) INPUT_##name,
#include "c2s/login.def"
	LOGIN_INPUTS
};

enum login_event {
#define EVENT(name, anywhere, but) ON_##name,
#include "c2s/login.def"
	LOGIN_EVENTS
};

enum login_bytes { LOGIN_READS, LOGIN_WAITS, LOGIN_LEAVES };

/* What a verb is given; everything borrowed for its call. */
struct cue {
	const struct scan_header *header;   /* of the input header */
	const struct scan_element *element; /* of the other inputs but goodbye */
	const struct stanza *stanza;        /* of an element that is one, else NULL */
	const struct message *message;      /* of an event from sm */
	struct str key;   /* ON_key; ON_made: credentials; empty when it could not be derived */
	struct str more;  /* ON_key: credentials that were wanted (sasl.h) */
	enum cond why;    /* ON_broken, ON_overflow */
	const char *text; /* ON_broken, ON_tls_failed */
};

enum login_bytes login_bytes(enum login_state s);
bool login_edge(enum login_state from, enum login_state to); /* is there such a change? */

/* Which column of the table an element is. `domain`: the stream's; `stanza` is its view, NULL
 * when it is none. */
enum login_input login_recognise(const struct scan_element *e, const struct stanza *stanza,
	struct str domain);
void login_input(struct client *c, enum login_input input, const struct cue *cue);
void login_event(struct client *c, enum login_event event, const struct cue *cue);
/* The one function that changes a state: checks the edge (a fault of ours when there is none)
 * and logs. */
void login_goto(struct client *c, enum login_state to);

const char *login_state_name(enum login_state s);
const char *login_input_name(enum login_input i);
const char *login_event_name(enum login_event e);

#endif

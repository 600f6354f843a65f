/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a client's stanza goes: route.def as a function, and its execution. */
#ifndef SM_ROUTE_H
#define SM_ROUTE_H

#include "common/stanza.h"
#include "sm/module.h"

/* One bit each, so that a row can name several. */
enum route_form {
	FORM_none = 1,
	FORM_own = 2,
	FORM_bare = 4,
	FORM_full = 8,
	FORM_domain = 16,
	FORM_service = 32,
	FORM_foreign = 64
};
enum route_home {
	HOME_match = 1,
	HOME_hidden = 2,
	HOME_some = 4,
	HOME_empty = 8,
	HOME_waiting = 16
};
enum route_action {
	ACTION_resource,
	ACTION_best,
	ACTION_shown,
	ACTION_available,
	ACTION_account,
	ACTION_server,
	ACTION_contact,
	ACTION_store,
	ACTION_subscribe,
	ACTION_bounce,
	ACTION_far,
	ACTION_ignore
};

struct route_case {
	enum stanza_kind kind;
	enum stanza_type type;
	enum route_form form;
	enum route_home home; /* full: match, or else as for its bare JID */
};

/* Buffers that routing keeps from one stanza to the next; the house has one. */
struct route_work {
	struct buf raw;      /* an address, unescaped; t->to may borrow from it too */
	struct buf id;       /* of an iq, unescaped */
	struct buf prepared; /* what t->to borrows from */
	struct buf scratch;  /* the stanza being made */
	struct buf answer;   /* an iq result */
	/* a stanza without what was cut from it; to may borrow from it, too */
	struct buf cut_bytes;
	struct stanza cut;
	uint64_t random[64]; /* for ids of messages */
	unsigned random_left;
};

struct route_work *route_work_new(void);
void route_work_free(struct route_work **w);

/* The row of route.def that fits: its action, and in *section what it follows. */
enum route_action route_decide(const struct route_case *c, const char **section);
/* What the case of this stanza is, at this moment. */
struct route_case route_case_of(struct traffic *t);
/* Is `from` absent, or the sender's full or bare JID (RFC 6120 8.1.2.1)? */
bool route_from_is_good(struct house *h, const struct session *from, const struct stanza *s);
/* A stanza from a client, whose `from` is checked: pipeline, table, delivery or answer. */
void route_stanza(struct house *h, struct session *from, const struct stanza *s);

#endif

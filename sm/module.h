/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All that a module (mod_*.c) may call. A module's parts are named in pipeline.def and iq.def; they
 * borrow what they are given, and what they change of a session goes through session_changed. */
#ifndef SM_MODULE_H
#define SM_MODULE_H

#include "common/emit.h"
#include "common/mark.h"
#include "common/stanza.h"
#include "sm/announce.h"
#include "sm/arrival.h"
#include "sm/block.h"
#include "sm/errand.h"
#include "sm/house.h"
#include "sm/last.h"
#include "sm/mailbox.h"
#include "sm/opening.h"
#include "sm/roster_act.h"
#include "sm/roster_item.h"
#include "sm/session.h"

/* What has become of a stanza. */
enum traffic_end {
	TRAFFIC_GONE, /* nobody has it */
	TRAFFIC_GIVEN,
	TRAFFIC_STORED,
	TRAFFIC_BOUNCED
};

/* A client's stanza on its way. */
struct traffic {
	struct house *house;
	struct session *from;
	const struct stanza *stanza;
	unsigned marks; /* of its children (common/mark.h), for messages and presence */
	uint64_t id;    /* of a message, for stanza-id (XEP-0359): random */
	bool addressed; /* it has a `to`, prepared: */
	struct jid to;
	enum cond why; /* of DENY: a stanza condition */
	/* from route_case_of on */
	const struct conf_domain *domain; /* of ours that it is for; NULL: another's */
	struct account *receiver;         /* local, and somebody is in; else NULL */
	struct session *match;            /* that the full JID names; else NULL */
	/* when it is routed */
	int action; /* enum route_action */
	enum traffic_end end;
	enum cond bounced;
};

enum verdict {
	PASS, /* go on */
	DONE, /* the module has seen to it */
	DENY  /* answer with the error t->why */
};

/* An iq get or set that the server answers. */
enum iq_target {
	IQ_SERVER = 1,  /* the domain */
	IQ_ACCOUNT = 2, /* the sender's own account */
	IQ_CONTACT = 4, /* another account of ours, or none: there must be no telling */
	IQ_BOTH = IQ_SERVER | IQ_ACCOUNT,
	IQ_ANYONE = IQ_ACCOUNT | IQ_CONTACT
};
struct iq {
	const struct traffic *traffic;
	const struct stanza_child *child;
	enum iq_target target; /* one of the three */
};

/* The stanza as its receivers see it, in the scratch buffer: the sender's full JID, a prepared
 * `to`. */
struct str traffic_stamped(const struct traffic *t);
/* The same as the sender's other sessions see it. */
struct str traffic_sent(const struct traffic *t);
/* Goes on without the children that `cut` says yes to. */
void traffic_cut(struct traffic *t, bool (*cut)(void *ctx, const struct stanza_child *c),
	void *ctx);
/* Once it is routed: has this session got the stanza itself, or will it be handed it from the
 * store? */
bool traffic_reaches(const struct traffic *t, const struct session *s);
/* The answer to a stanza's sender: RFC 6120 8.3. Nothing for what must not be answered. */
void traffic_bounce(const struct traffic *t, enum cond why);
/* The same, with an element (canonical) that says more. */
void traffic_bounce_more(const struct traffic *t, enum cond why, struct str more);
/* An empty buffer for the stanza being made; another call gives the same one. */
struct buf *traffic_scratch(const struct traffic *t);
struct buf *house_scratch(struct house *h);

/* Fan-out: adds sessions (of any worker; NULL: none), then sends them one stanza, as one frame a
 * worker. */
void fan_add(struct house *h, const struct session *s);
/* The available sessions of the account (NULL: none), but `apart` (or NULL). */
void fan_add_account(struct house *h, const struct account *a, const struct session *apart);
/* Those that may see `of`: neither blocks the other (XEP-0191). */
void fan_add_seeing(struct house *h, const struct account *a, const struct session *of);
bool session_may_see(const struct house *h, const struct session *who, const struct session *of);
void fan_send(struct house *h, struct str xml);
/* The same for a stanza without `to`: each worker puts in the receiving connection's own full (or
 * bare) JID. */
enum fan_own { FAN_FULL = PROTO_OWN_FULL, FAN_BARE = PROTO_OWN_BARE };
void fan_send_own(struct house *h, struct str xml, enum fan_own own);
/* To a prepared JID: its session, or the available ones of the account, of those that may see `of`.
 * Somebody else's domain: nobody. */
void fan_send_jid(struct house *h, struct str jid, const struct session *of, struct str xml);

/* What a module finds out about a session goes to the others through these (pipeline.def). */
void pipeline_session_shown(struct house *h, struct session *s);
void pipeline_session_hidden(struct house *h, struct session *s);

/* Each feature (namespace) that iq.def and feature.def have for the target, once. */
void iq_features(enum iq_target target, void (*each)(void *ctx, struct str feature), void *ctx);

#include "sm/parts.h" /* the parts themselves */

#endif

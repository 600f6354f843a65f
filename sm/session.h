/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Live sessions by sid, by connection, by full JID and by account. Every change of a session's kept
 * state goes through session_changed or session_end, which hand it to the turn record and to
 * sessions.db. */
#ifndef SM_SESSION_H
#define SM_SESSION_H

#include "common/jid.h"
#include "proto/types.h"
#include "sm/store_session.h"

struct house;
struct sessions;
struct account;
struct peer;
struct roster;
struct arrival;

struct session {
	struct session_row row; /* its slices are owned by the session */
	struct jid jid;         /* row.jid, split */
	struct account *account;
	struct session *next, *previous; /* of the account, oldest first */
	struct peer *peer;               /* the worker that has its connection */
	uint64_t active;                 /* loop milliseconds of the last stanza from the client */
	unsigned held;    /* errands of its client that are under way (errand.h), ... */
	unsigned errands; /* ... of these, what it asked of the store */
	uint64_t queued;  /* bytes waiting in its worker, as last reported */
	/* errand_run.c: bytes of long answers since that report, the last one's place on its way to
	 * the worker, and how many wait for room */
	uint64_t answered, answered_report, answered_seq;
	unsigned paced;
	bool kicked;             /* it ends by our word: its connection is there yet */
	struct arrival *arrival; /* NULL: it has heard of all (arrival.h) */
	bool greeted; /* it has had its initial presence, once at least (mod_presence.c) */
	/* replacements of this full JID, handed on from the one replaced: see conflict.h */
	uint64_t swap_since;
	unsigned swaps;
	/* surplus.c: bytes made beyond its own, since loop ms */
	uint64_t surplus, surplus_since;
	/* inside session.c and turn.c */
	char *strings; /* what row's fixed slices lie in */
	size_t place;
	struct buf presence, directed; /* what row's changing slices lie in */
	bool changed;                  /* in the list of those to be recorded in this turn */
	struct session *next_changed;
	bool stored; /* sessions.db was given its row, once at least */
};

/* Nobody's account: its one session (sm/proof_nobody.c). */
static inline bool session_is_anonymous(const struct session *s)
{
	return s->row.flags & PROTO_FLAG_ANONYMOUS;
}

static inline bool session_has_carbons(const struct session *s)
{
	return s->row.flags & PROTO_FLAG_CARBONS;
}

struct account {
	struct str jid;        /* bare, owned */
	struct roster *roster; /* owned; NULL: an anonymous one's */
	struct session *oldest, *newest;
	unsigned count, carbons; /* sessions; those of them that want copies */
	unsigned holds;          /* account_hold: it stays without a session, too */
};

/* Available, with a priority of 0 or more: messages for the account may come here (RFC 6121
 * 8.5). */
bool session_is_shown(const struct session *s);
struct session *session_by_sid(const struct sessions *t, uint64_t sid);
struct session *session_by_conn(const struct sessions *t, uint64_t conn);
struct session *session_by_jid(const struct sessions *t, struct str full);
struct account *account_by_jid(const struct sessions *t, struct str bare); /* NULL: nobody is in */
/* It outlives its last session until it is dropped. NULL: nobody is in. */
struct account *account_hold(struct sessions *t, struct str bare);
void account_drop(struct sessions *t, struct account *a); /* NULL: nothing */
size_t session_count(const struct sessions *t);
/* Visits every session; the visited one may end, no other. */
void session_each(struct sessions *t, void (*visit)(void *ctx, void *session), void *ctx);
/* The same piece by piece, while sessions come and go: each keeps its place for life, and a place
 * that is free is taken again. NULL: nobody has that one. */
size_t session_places(const struct sessions *t);
struct session *session_at(const struct sessions *t, size_t place);
/* Ends a session from our side: its worker ends the stream with `why` and `text`, unavailable
 * presence goes out, the row goes. */
void session_kick(struct house *h, struct session *s, int why /* enum cond */, struct str text);
/* The same for every session of an account (removed accounts); how many. Logins under way of the
 * account end unproven. */
unsigned account_kick(struct house *h, struct str bare, int why, struct str text);

/* The account is no more: whatever of it is in memory goes, and its sessions end; how many. */
unsigned account_removed(struct house *h, struct str bare);

/* What an account proved itself by is not good any more (another password, or none): logins under
 * way end unproven, and tokens that are being made are none. Sessions stay. */
void account_revoke(struct house *h, struct str bare);

struct sessions *sessions_new(void);
void sessions_free(struct sessions **t); /* drops what is left, silently */
uint64_t session_new_sid(struct sessions
		*t); /* ms since 2020 << 22 | 22 random bits; strictly growing */
void session_seen(struct sessions *t, uint64_t sid); /* later ones are greater than that, too */
/* Adds a session with a copy of `row`. NULL: its sid, connection or full JID is taken, or there is
 * no memory. The caller calls session_changed when it is to be kept (one that was recovered is kept
 * already). */
MUST_CHECK struct session *session_add(struct sessions *t, const struct session_row *row,
	struct peer *peer);
void session_changed(struct house *h,
	struct session *s); /* its row is to be recorded with this turn */
void session_carbons_set(struct house *h, struct session *s, bool on); /* copies (XEP-0280) */
void session_presence_set(struct session *s, struct str presence);     /* row.presence; copied */
void session_directed_set(struct session *s, struct str directed);     /* row.directed; copied */
/* The connection is gone already: unavailable presence goes out, the row goes. `why` is for the
 * log. */
void session_end(struct house *h, struct session *s, const char *why);
/* Its client has said goodbye: once none of its errands is held any more, so that it hears what
 * comes of them, the session ends, and the worker may say goodbye too (RFC 6120 4.4). */
void session_part(struct house *h, struct session *s);
void sessions_end_of_peer(struct house *h, const struct peer *p, const char *why);
/* Takes it out of the tables, silently and unrecorded: recovery only. */
void session_forget(struct sessions *t, struct session *s);
/* Takes the sessions whose rows changed in this turn, one by one; NULL: no more. */
struct session *session_take_changed(struct sessions *t);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sessions.db: the live session table as SQLite sees it, one row per session, written behind in
 * batches, loaded at a restart (the turn log is its redo log), with the documented view `sessions`
 * for people. The key is the sid, so rows of one full JID never collide, in whatever order they
 * come and go. A file that a reader has held too long is replaced by its desk (desk.h): nothing to
 * do here. */
#ifndef SM_STORE_SESSION_H
#define SM_STORE_SESSION_H

#include "common/jid.h"
#include "sm/db.h"

/* In `flags`, beside those that come with open_session and are kept: */
#define SESSION_BLOCKLIST 4     /* its client asked for the block list, and is told of changes */
#define SESSION_ARRIVING 8      /* it has not heard of all contacts yet (arrival.h) */
#define SESSION_INTERESTED 0x40 /* ... for the roster (RFC 6121 2.1.6), ... */
#define SESSION_PARTING 0x80    /* its client has said goodbye (session_part) */

/* A session as it is kept: in sessions.db, in the turn log, and inside struct session. Slices are
 * borrowed. */
struct session_row {
	uint64_t sid, conn;
	struct str jid; /* full, canonical */
	int64_t since;  /* wall clock, seconds */
	struct str address, tls, cipher, mechanism;
	uint8_t flags;       /* PROTO_FLAG_* */
	uint64_t opened_seq; /* channel sequence of its `opened` */
	bool available;
	int8_t priority;
	/* last available presence, canonical, from stamped; empty when not available */
	struct str presence;
	struct str directed; /* JIDs with directed presence, each ended by a newline */
	uint64_t client;     /* client_number.h; 0: it did not say */
};

/* Row as bytes, for the turn log. */
void session_row_encode(struct buf *out, const struct session_row *r);
MUST_CHECK bool session_row_decode(struct str bytes, struct session_row *out);

MUST_CHECK enum db_result store_session_put(struct db *d, const struct session_row *r);
MUST_CHECK enum db_result store_session_remove(struct db *d, uint64_t sid);
/* The turn up to which the table is complete; kept in the same transaction as the rows. */
MUST_CHECK enum db_result store_session_turn_set(struct db *d, uint64_t turn);
MUST_CHECK enum db_result store_session_turn(struct db *d, uint64_t *turn);
MUST_CHECK enum db_result store_session_each(struct db *d,
	void (*each)(void *ctx, const struct session_row *r), void *ctx);
/* Creates tables and the view when absent; a file of another layout or a corrupt one is made anew
 * (it is only a live table). For desk_new. */
/* Sessions do not outlive the machine: a file from before its last start is emptied, too. */
bool session_migrate(struct db *d, const char *path, struct buf *why);

#endif

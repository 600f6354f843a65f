/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The turn record (design.md 3): what the turn now open has changed, its record in the turn log,
 * and the session table that is written behind it. Whoever changes kept state tells it here;
 * turn_commit records it all, and only then lets bytes leave. */
#ifndef SM_TURN_H
#define SM_TURN_H

#include "sm/house.h"
#include "sm/session.h"
#include "sm/turn_item.h"

struct turn;

/* Opens log and session table and takes up what they hold: sessions, channels, bound logins;
 * `recovered` says whether there was anything that workers must join for. Then begins a new log
 * file. NULL: `why`. */
MUST_CHECK struct turn *turn_new(struct house *h, bool *recovered, struct buf *why);
void turn_free(struct turn **t);
/* Ends the turn: record, then acknowledgements and output, one write a link, then the answers of
 * the control socket. A turn that changed nothing writes no record. Not to be called while a
 * channel is being fed. */
void turn_commit(struct house *h);
/* Has the turn produced so much that it should end before more is read? */
bool turn_is_heavy(const struct house *h);
uint64_t turn_number(const struct house *h); /* of the last record */

/* Changes, noted for the record. A session's new or changed row is noted by session_changed. */
void turn_session_removed(struct house *h, struct session *s);
void turn_bound(struct house *h, uint64_t conn, struct str account);
void turn_unbound(struct house *h, uint64_t conn);
void turn_peer_gone(struct house *h, uint32_t incarnation);
/* For mailbox.c and errand.c: their items go behind what is there. */
struct buf *turn_items(struct house *h);

/* Begins to write sessions.db behind the log, when h->table_desk is there. turn_table_stop writes
 * the rest and closes the desk. */
MUST_CHECK bool turn_table_start(struct house *h, struct buf *why);
void turn_table_stop(struct house *h);

#endif

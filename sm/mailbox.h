/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mailbox of an account (design.md 1): what waits between the loop and store.db, so that a
 * message that is to be stored is stored exactly once, whatever crashes, and none overtakes another
 * on its way through the store.
 *
 * A message that comes in is an errand (errand.h): held until the store has it, or has refused it
 * and its sender was told.
 * When a resource that may have messages comes, what is stored is *handed out*, some at a time: the
 * record says how far and to whom (TURN_HAND), and once the worker has acknowledged them they are
 * removed. Nobody else gets them before it is clear that they never came there. Until the last one
 * is handed out, new ones queue up behind them in the store. */
#ifndef SM_MAILBOX_H
#define SM_MAILBOX_H

#include "sm/session.h"
#include "sm/turn_item.h"

struct mailboxes;

struct mailboxes *mailboxes_new(void);
/* Reads which accounts have messages in store.db at `path`; ids that are given from now on are
 * greater than theirs. False: `why`. */
MUST_CHECK bool mailboxes_read(struct house *h, const char *path, struct buf *why);
void mailboxes_free(struct mailboxes **m); /* when the desks have ended */

/* Is something of this account (a bare JID) in the store, to be handed out, or on its way there? */
bool mailbox_is_waiting(const struct house *h, struct str account);
/* To whom what is stored is being handed out; NULL: to nobody. */
const struct session *mailbox_reader(const struct house *h, struct str account);
/* Takes a message, as its receiver is to have it, and with the id that mailbox_new_id gave.
 * `sender`, a full JID, hears of it when it cannot be stored. False: too much waits already, and
 * nobody hears anything. */
MUST_CHECK bool mailbox_put(struct house *h, struct str account, struct str sender, uint64_t id,
	struct str xml);
uint64_t mailbox_new_id(struct house *h);
static inline int64_t mailbox_id_time(uint64_t id) /* wall clock, ms since 1970 */
{
	return (int64_t)(id >> 22) + INT64_C(1577836800000); /* the ids count from 2020 */
}

/* This session may have messages now: they are handed out to it, unless another is having them. */
void mailbox_open(struct house *h, struct session *s);
/* It may have no more, or is about to end; gone: its connection has ended already. */
void mailbox_leave(struct house *h, struct session *s, bool gone);
/* The connection of a session that we have ended is gone: perhaps before it had what was handed to
 * it. */
void mailbox_gone(struct house *h, const struct peer *p, uint64_t conn);
/* After each turn's record: what was acknowledged goes on. */
void mailboxes_turn(struct house *h);

/* For the turn record: what is handed out now, and taking that up again. */
void mailboxes_snapshot(struct house *h, struct buf *out);
void mailbox_recover(struct house *h, const struct turn_item *i);
/* The sessions are there: goes on where the record ends. */
void mailboxes_resume(struct house *h);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside the mailboxes: mailbox.c (holding, storing, the record), mailbox_hand.c (handing out). */
#ifndef SM_MAILBOX_WORK_H
#define SM_MAILBOX_WORK_H

#include "sm/mailbox.h"
#include "sm/module.h"
#include "sm/peer.h"
#include "sm/turn.h"

#define MAILBOX_ALL UINT64_MAX /* in TURN_HAND: to the end */

struct held;
struct batch;

struct mailbox {
	struct str account;
	size_t pending;         /* held for it */
	bool stored;            /* there may be some in the store */
	struct session *reader; /* NULL: nobody has them now */
	uint64_t upto;          /* handed out to the reader */
	uint64_t removed;       /* of these, the writer was told to remove them */
	uint64_t seq;           /* of the last one's frame, on the reader's channel */
	uint64_t rest; /* loop ms: nothing is to be read before; UINT64_MAX: until a job is done */
	struct buf handed; /* of the last ones: u64 id, u64 seq of its frame */
	unsigned removing; /* removals with the writer */
	bool undone;       /* one failed: it is due again */
	struct batch *loading;
	struct mailbox *next_open, *previous_open; /* those with a reader */
	char text[];
};

struct mailboxes {
	struct table *by_account;
	struct held *first, *last; /* by id */
	struct held *fresh; /* from here on they are for the writer, once the record has them */
	size_t bytes;       /* held */
	struct mailbox *open;
	bool resumed;        /* those who said goodbye before a crash are to be looked after */
	struct buf handing;  /* recovery: pairs of sid and upto */
	struct buf dropping; /* recovery: u64 upto, u32 bytes, the account */
};

struct mailbox *box_of(const struct mailboxes *m, struct str account); /* NULL: it has none */
struct mailbox *box_make(struct mailboxes *m, struct str account);     /* NULL: no memory */
void box_settle(struct mailboxes *m, struct mailbox *b); /* frees one with nothing in it */
uint64_t box_oldest_held(const struct mailboxes *m, const struct mailbox *b); /* INT64_MAX: none */

/* Goes on with each that has a reader. */
void hand_turn(struct house *h);
void hand_snapshot(const struct mailboxes *m, struct buf *out);
/* After a restart: those up to there are to be removed; this session was having them, up to
 * there. */
void hand_drop(struct house *h, struct str account, uint64_t upto);
void hand_resume(struct house *h, uint64_t sid, uint64_t upto);

#endif

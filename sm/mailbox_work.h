/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside the mailboxes: mailbox.c (storing), mailbox_hand.c (handing out). */
#ifndef SM_MAILBOX_WORK_H
#define SM_MAILBOX_WORK_H

#include "sm/mailbox.h"
#include "sm/module.h"
#include "sm/peer.h"
#include "sm/turn.h"

#define MAILBOX_ALL UINT64_MAX /* in TURN_HAND: to the end */

struct batch;

/* Open: it has a reader, or what was handed out is not acknowledged and removed yet. */
struct mailbox {
	struct str account;
	size_t pending;         /* held for it */
	uint64_t stores;        /* how often the store got one */
	bool stored;            /* there may be some in the store that are not handed out */
	bool open, removing;    /* removing: the writer is at it */
	struct session *reader; /* NULL: nobody has them now */
	uint64_t resumes;       /* recovery: its sid */
	uint64_t upto;          /* handed out, and so not to be again */
	uint64_t safe;          /* of these, acknowledged */
	uint64_t gone;          /* of these, removed */
	uint64_t taker, seq;    /* between safe and upto: to which connection, and its last frame */
	uint32_t worker;        /* ... on whose channel: the incarnation */
	uint64_t rest;  /* loop ms: nothing is to be read before; UINT64_MAX: until a job is done */
	uint64_t again; /* the same for removing */
	struct buf handed;       /* of those: u64 id, u64 seq of its frame; lost in a crash */
	uint64_t burst, reports; /* bytes handed out since that report of the reader's worker */
	struct batch *loading;
	struct mailbox *next_open, *previous_open;
	char text[];
};

struct mailboxes {
	struct table *by_account;
	struct mailbox *open;
};

struct mailbox *box_of(const struct mailboxes *m, struct str account); /* NULL: it has none */
struct mailbox *box_make(struct mailboxes *m, struct str account);     /* NULL: no memory */
void box_settle(struct mailboxes *m, struct mailbox *b); /* frees one with nothing in it */
uint64_t box_oldest_held(const struct house *h, const struct mailbox *b); /* INT64_MAX: none */

/* Goes on with each that is open. */
void hand_turn(struct house *h);
void hand_snapshot(const struct mailboxes *m, struct buf *out);
/* After a restart: what the record says, and then, when the sessions are there, their readers. */
void hand_recover(struct mailboxes *m, const struct turn_item *i);
void hand_resume(struct house *h);

#endif

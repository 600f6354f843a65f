/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a record of the turn log says: a run of items, each u8 kind, u32 bytes, body. An ordinary
 * record has what one turn changed; a snapshot (the first record of a file) has everything that the
 * turns before it left behind. Items of both are applied alike. */
#ifndef SM_TURN_ITEM_H
#define SM_TURN_ITEM_H

#include "common/buf.h"

enum turn_kind {
	TURN_LINK = 1, /* a worker's channel: where it stands, and the frames to add to what is
			  retained */
	TURN_GONE,     /* a worker that will not come back */
	TURN_PUT,      /* a session's row is now this */
	TURN_REMOVE,   /* a session is no more */
	TURN_BIND,     /* a connection has proved an account */
	TURN_UNBIND,   /* ... and has its session, or is gone */
	TURN_HOLD,     /* a message is held for the store (mailbox.h, errand.h) */
	TURN_FREE,     /* it, or an errand, is held no more */
	TURN_HAND,     /* how far an account's stored messages are handed out, and removed */
	TURN_ERRAND    /* another errand is held */
};

struct turn_link {
	uint32_t incarnation, pid;
	uint16_t slot;
	uint64_t sent, heard;
	struct str frames;
};

struct turn_item {
	enum turn_kind kind;
	uint64_t turn; /* PUT, REMOVE: of the change; newer than the record's never. HAND: the id;
			  ERRAND: its code */
	uint64_t id; /* REMOVE, PUT, HAND: sid; BIND, UNBIND: conn; GONE: incarnation; the others: a
			  message's, an errand's */
	struct str bytes; /* PUT: the row; BIND: the account; others: mailbox_hand.c, errand.c */
	struct turn_link link; /* LINK */
};

void turn_item_put(struct buf *out, const struct turn_item *i);
/* Takes an item off the front of *s. False: malformed, or there is none. */
MUST_CHECK bool turn_item_take(struct str *s, struct turn_item *out);

#endif

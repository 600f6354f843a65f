/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What comes of a change of rosters, as a row of acts: the writer's thread decides, in the same
 * transaction, what is to be done and in which order (RFC 6121 3); the loop does it. Being bytes,
 * they are kept with the change, and done once, whatever crashes. */
#ifndef SM_ROSTER_ACT_H
#define SM_ROSTER_ACT_H

#include "sm/roster.h"

struct house;

/* who of an account: RFC 6121 3.1.3 (those that sent presence), 3.1.6 (those that asked for the
 * roster) */
enum act_who { ACT_AVAILABLE, ACT_INTERESTED };

/* The row is what the account has of this contact now; push: its clients are told (2.1.6). */
void act_row(struct buf *out, struct str account, const struct roster_row *row, bool push);
/* A stanza goes to these sessions of the account. */
void act_deliver(struct buf *out, struct str account, enum act_who who, struct str xml);
/* `to` gets the presence of all that is available of `of`; or, that it is no more. */
void act_show(struct buf *out, struct str of, struct str to);
void act_hide(struct buf *out, struct str of, struct str to);

/* The next one, off the front. False: there is none, or no whole one. */
enum act_kind { ACT_ROW = 1, ACT_DELIVER, ACT_SHOW, ACT_HIDE };
struct act {
	enum act_kind kind;
	uint8_t detail; /* ROW: push; DELIVER: who */
	struct str account;
	struct str rest; /* ROW: the row; DELIVER: the stanza; SHOW, HIDE: the other account */
};
MUST_CHECK bool act_take(struct str *acts, struct act *out);

/* Does them, in the turn in which the change is let go. */
void acts_run(struct house *h, struct str acts);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accounts on their way into memory. The first session of an account waits for its roster, which
 * a reader desk loads; after a restart those of all recovered sessions are loaded before anything
 * else happens. What the store takes meanwhile is kept up with. */
#ifndef SM_OPENING_H
#define SM_OPENING_H

#include "proto/types.h"
#include "sm/house.h"
#include "sm/roster.h"

struct openings;
struct peer;

struct openings *openings_new(void);
void openings_free(struct openings **o); /* when the desks have ended */

/* True: the account (a bare JID) is being loaded, and the question is taken; once it is there,
 * open_session (answer_login.c) is called with it. False: go on. */
MUST_CHECK bool opening_holds(struct peer *p, struct str account, const struct msg_open_session *m);
/* The roster of an account that has its first session now; NULL: it has none. */
struct roster *opening_roster(struct house *h, struct str account);

/* The store has taken this row of the account's roster: it is in memory, too, if the account is. */
void roster_changed(struct house *h, struct str account, const struct roster_row *row);

/* Loads the rosters of all accounts that have sessions, from store.db at `path`; sessions whose
 * account is no more, or disabled, are ended. False: `why`. */
MUST_CHECK bool rosters_recover(struct house *h, const char *path, struct buf *why);

#endif

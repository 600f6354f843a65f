/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * When accounts were last online, and with which words they left (XEP-0012). It is noted here and
 * written behind, many in one go: a crash loses what the writer had not yet. */
#ifndef SM_LAST_H
#define SM_LAST_H

#include "common/buf.h"

struct house;
struct lasts;

#define LAST_STATUS_MOST 1000 /* bytes */

struct lasts *lasts_new(void);
void lasts_free(struct lasts **l); /* when the desks have ended */

/* The account (a bare JID) has no available session any more. Too long a status is none. */
void last_note(struct house *h, struct str account, struct str status);
/* What is not written yet. False: store.db has what there is. */
MUST_CHECK bool last_find(const struct house *h, struct str account, int64_t *when,
	struct str *status);
/* Gives the writer what there is: at each tick, not each turn, so that a login and its end need no
 * commit of their own. */
void lasts_write(struct house *h);

#endif

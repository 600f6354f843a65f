/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside changes of rosters: subscribe.c, share.c. A pair is two accounts, and what the roster of
 * each has of the other. */
#ifndef SM_SUBSCRIBE_WORK_H
#define SM_SUBSCRIBE_WORK_H

#include "sm/subscribe.h"

struct side {
	struct str account;
	bool exists;      /* nobody's account has no roster */
	bool deaf;        /* it blocks the other, and hears nothing of it (XEP-0191 3.3) */
	uint64_t version; /* of its roster */
	struct roster_row row, was;
	struct buf keep;    /* what these lie in */
	struct buf arrives; /* acts: the stanzas that it gets */
	struct buf shared;  /* what row.shared lies in, if it is another */
};

struct pair {
	struct db *d;
	uint64_t version; /* of what changes, unless a roster is further (side_write) */
	const struct subscribe_limits *most;
	struct side user, contact;
	struct buf scratch, request;
};

/* DB_CONSTRAINT: there is no such user. */
MUST_CHECK enum db_result pair_read(struct pair *p, struct str user, struct str contact);
/* Both sides, and in the order of RFC 6121 3. `asked`: the user's own client wants it so, and is
 * told, changed or not. */
MUST_CHECK enum db_result pair_write(struct pair *p, bool asked, struct buf *acts);
void pair_end(struct pair *p);
MUST_CHECK enum db_result side_read(struct db *d, struct side *s, struct str account,
	struct str other);
MUST_CHECK enum db_result side_write(struct pair *p, struct side *s, bool asked, struct buf *acts);
/* As those of errands are made (session_new_sid), by the clock. */
uint64_t version_now(void);
/* The side's contact is in this shared group with it, or not any more. */
void side_share(struct side *s, struct str group, bool in);
/* In no group, and nothing else. */
void side_part(struct side *s);

#endif

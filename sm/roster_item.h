/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Roster items as XML (RFC 6121 2.1): what a client wants to be in its roster, and what it is told
 * that is. */
#ifndef SM_ROSTER_ITEM_H
#define SM_ROSTER_ITEM_H

#include "common/conf.h"
#include "common/emit.h"
#include "sm/roster.h"

struct roster_wish {
	struct str contact; /* bare, prepared */
	bool remove;
	struct str name, groups; /* as in struct roster_row */
	struct buf store;        /* what these lie in; the caller's to free */
};

/* Reads the <query/> of a roster set of the account's. COND_none, or the stanza condition of RFC
 * 6121 2.3.3. d: NULL limits nothing (it was read before). */
MUST_CHECK enum cond roster_wish_read(struct str query, struct str account,
	const struct conf_domain *d, struct roster_wish *out);

/* Is one of these, each ended by a NUL, it? */
bool groups_have(struct str groups, struct str name);
/* <item/>; of one that is listed no more, its removal. */
void roster_item_emit(struct emit *e, const struct roster_row *row);
/* The words of ver='...', and what they were; an unknown one is none, 0. */
void roster_version_put(struct buf *out, uint64_t version);
uint64_t roster_version_read(struct str words);
/* The roster push of this row (2.1.6), without `to`. */
void roster_push_put(struct buf *out, const struct roster_row *row);

#endif

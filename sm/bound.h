/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which connection has proved which account: from its sasl_verdict until it has a session or is
 * gone. open_session leans on nothing else (design.md 1). An anonymous one is bound to a full JID,
 * the only name that it may have. */
#ifndef SM_BOUND_H
#define SM_BOUND_H

#include "sm/house.h"
#include "sm/store_account.h"

struct bound *bound_new(void);
void bound_free(struct bound **b);
size_t bound_count(const struct house *h);
/* Replaces what the connection proved before. False: no memory, or too many of its worker. Noted
 * for the turn record, as is every removal. */
MUST_CHECK bool bound_put(struct house *h, uint64_t conn, struct str account);
/* That it did so by the password is remembered, but not over a restart. */
void bound_by_password(struct house *h, uint64_t conn);
bool bound_is_by_password(const struct house *h, uint64_t conn);
/* And which of the account's passwords it was. NULL: not known (yet); borrowed. */
void bound_mark(struct house *h, uint64_t conn, const struct password_mark *mark);
const struct password_mark *bound_marked(const struct house *h, uint64_t conn);
struct str bound_account(const struct house *h,
	uint64_t conn); /* empty: none; borrowed until the next change */
void bound_remove(struct house *h, uint64_t conn);
void bound_remove_account(struct house *h, struct str account);
void bound_remove_peer(struct house *h, uint32_t incarnation);
void bound_each(struct house *h, void (*visit)(void *ctx, uint64_t conn, struct str account),
	void *ctx);

#endif

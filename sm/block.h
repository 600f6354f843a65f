/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whom each account blocks (XEP-0191), in memory for all accounts: they are asked with every stanza
 * that goes from one account to another. store.db has them too; they change here when it has the
 * change. */
#ifndef SM_BLOCK_H
#define SM_BLOCK_H

#include "common/jid.h"

struct house;
struct blocks;

struct blocks *blocks_new(void);
/* Reads those of store.db at `path`. False: `why`. */
MUST_CHECK bool blocks_read(struct blocks *b, const char *path, struct buf *why);
void blocks_free(struct blocks **b);

/* Does the account (a bare JID) block this JID: as a full JID, as a bare one, or by its domain? Its
 * own resources nobody blocks. */
bool block_denies(const struct house *h, struct str account, struct jid other);
/* Does `item`, of a block list, mean this JID? */
bool block_matches(struct str item, struct jid other);

/* For mod_blocking.c, when store.db has it. */
void block_add(struct house *h, struct str account, struct str item);
void block_remove(struct house *h, struct str account, struct str item);
/* The account is no more. */
void blocks_forget(struct house *h, struct str account);

#endif

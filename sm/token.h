/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Making tokens (FAST, XEP-0484): for a connection that has proved its account, and told only when
 * the token is committed. A worker that was taken over can have one made for an account that logs
 * in through it, and use it elsewhere until it ends: domains that do not want that list no
 * fast-mechanisms. */
#ifndef SM_TOKEN_H
#define SM_TOKEN_H

#include "proto/types.h"
#include "sm/house.h"

/* Answers with `token`, now or later, once however often it is asked meanwhile. */
void token_make(struct house *h, const struct msg_want_token *m);
/* The password of the account was changed, or the account is no more: a token that is being made
 * will be none. */
void tokens_revoke(struct house *h, struct str account);

#endif

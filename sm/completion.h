/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accounts get the credentials that they lack: those of before their domain listed a mechanism. */
#ifndef SM_COMPLETION_H
#define SM_COMPLETION_H

#include "common/credential.h"
#include "sm/house.h"

/* Writes what of `list` (a worker's word) the domain wants and the account lacks, later, unless
 * the password is another by then: `proved` is no longer its verifier. What is malformed, or cannot
 * be written, is made again at the next login. */
void completion_start(struct house *h, struct str account, const struct verifier *proved,
	struct str list);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A client installation (the id of its user-agent, XEP-0388 2.4) as a number for one account, made
 * with a secret of ours: the id itself must not show in a resource (XEP-0386 3.2.1), nor may
 * somebody who knows a resource find the id by trying. The number is the end of that client's Bind
 * 2 resources, what its sessions are known by, and its name for operators. */
#ifndef SM_CLIENT_NUMBER_H
#define SM_CLIENT_NUMBER_H

#include "common/buf.h"

#define CLIENT_SECRET_BYTES 32
#define CLIENT_ID_MOST 64 /* bytes; a UUID has 36 */

/* The secret (made at first use) of this store.db. */
MUST_CHECK bool client_secret_read(const char *store_path, uint8_t secret[CLIENT_SECRET_BYTES],
	struct buf *why);
/* Never 0, but for an empty id or one that is too long. */
uint64_t client_number(const uint8_t secret[CLIENT_SECRET_BYTES], struct str account,
	struct str id);
void client_number_put(struct buf *out, uint64_t number); /* 16 digits */

#endif

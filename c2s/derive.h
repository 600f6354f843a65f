/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a password proves, derived off the loop: PBKDF2 takes milliseconds, so it runs in libuv's
 * thread pool (design.md 2.4), whose threads give way to the loops: who comes with a token or by
 * SCRAM does not wait for the core behind passwords. */
#ifndef C2S_DERIVE_H
#define C2S_DERIVE_H

#include "c2s/sasl.h"
#include <uv.h>

#define DERIVE_NICE 10 /* of the threads (setpriority(2)); the sandbox lets them be just that */

/* ClientKey = HMAC(PBKDF2(password, salt, iterations), "Client Key") (RFC 5802 3); hash_size
 * bytes. Any thread. */
void derive_client_key(const struct sasl_work *work, uint8_t *key);
/* The same on a thread, and the credentials that the work wants (`more`, a list of them); the work
 * is copied, and wiped afterwards. `done` is called on the loop, once, later; an empty key: the
 * loop was stopped before its turn came. False: no memory. */
MUST_CHECK bool derive_start(uv_loop_t *loop, const struct sasl_work *work,
	void (*done)(void *ctx, struct str key, struct str more), void *ctx);

/* What is kept of a new password (common/credential.h), on a thread; `done` is given the list, as
 * above. */
MUST_CHECK bool derive_credentials_start(uv_loop_t *loop, const struct credential_rules *rules,
	struct str account, struct str password, void (*done)(void *ctx, struct str credentials),
	void *ctx);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verifiers on their way from the CLI to the running sm: the password itself never leaves the
 * process that was told it. One word each, HASH:ITERATIONS:SALT:STOREDKEY:SERVERKEY, the last three
 * in base64. */
#ifndef SM_VERIFIER_LINE_H
#define SM_VERIFIER_LINE_H

#include "sm/store_account.h"

/* with its newline */
void verifier_line_write(struct buf *out, const struct verifier *v, size_t n);
/* Exactly one verifier for each hash of a new account, in any order. */
MUST_CHECK bool verifier_line_read(struct str line, struct verifier out[VERIFIER_COUNT]);

#endif

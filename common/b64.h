/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Strict base64 (RFC 4648 section 4): no blanks, no missing or extra padding, trailing bits zero
 * (RFC 6120 6.4.2, 13.9.1). */
#ifndef COMMON_B64_H
#define COMMON_B64_H

#include "common/buf.h"

void b64_encode(struct buf *out, struct str bytes); /* appends */
MUST_CHECK bool b64_decode(struct buf *out,
	struct str text); /* appends; false: malformed, out unchanged */

#endif

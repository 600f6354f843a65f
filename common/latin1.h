/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ISO 8859-1, in which clients of RFC 2831 hash names and passwords where they can. */
#ifndef COMMON_LATIN1_H
#define COMMON_LATIN1_H

#include "common/buf.h"

/* Appends. False, and nothing is appended: it is not UTF-8, or has a character of another set. */
MUST_CHECK bool latin1_from_utf8(struct buf *out, struct str utf8);
void latin1_to_utf8(struct buf *out, struct str latin1); /* appends */

#endif

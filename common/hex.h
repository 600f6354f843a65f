/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lower-case hexadecimal digits, as MD5 mechanisms write digests. */
#ifndef COMMON_HEX_H
#define COMMON_HEX_H

#include "common/buf.h"

void hex_put(struct buf *out, struct str bytes); /* appends */
/* Exactly 2 * n digits, lower-case alone, to n bytes. */
MUST_CHECK bool hex_take(struct str digits, uint8_t *out, size_t n);

#endif

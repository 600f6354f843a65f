/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A strict reader of DER (X.690): definite lengths in their shortest form, tags of one byte. */
#ifndef C2S_DER_H
#define C2S_DER_H

#include "common/str.h"

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_OCTETS = 0x04,
	DER_OID = 0x06,
	DER_UTF8 = 0x0c,
	DER_SEQUENCE = 0x30
};
#define DER_CONTEXT(n) (0xa0 | (n)) /* constructed, context-specific */

/* Takes the next element off the front of *s. False, and *s untouched: it is cut, or no DER. */
MUST_CHECK bool der_any(struct str *s, uint8_t *tag, struct str *content);
/* The same for one that must have this tag. */
MUST_CHECK bool der_take(struct str *s, uint8_t tag, struct str *content);
/* Skips an element if it has this tag. False: the next one is no DER. */
MUST_CHECK bool der_skip_if(struct str *s, uint8_t tag);

#endif

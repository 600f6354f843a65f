/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mechanisms for tokens (FAST, XEP-0484): HT-SHA-256-* of draft-schmaus-kitten-sasl-ht-09.
 * They are apart from those of passwords (sasl.h's list): offered elsewhere, and chosen only with
 * <fast/>. */
#ifndef C2S_SASL_HT_H
#define C2S_SASL_HT_H

#include "c2s/sasl.h"

const struct sasl_mech *ht_find(struct str name); /* NULL: none such */
/* Can this mechanism be used with these channel bindings (bits, 1 << enum tls_binding)? */
bool ht_fits(const struct sasl_mech *m, unsigned bindings);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Preparation and enforcement of names and passwords, each behind an ASCII fast path. Input is
 * arbitrary bytes; output is appended to `out`. False: not allowed (bad UTF-8, forbidden code
 * point, empty, over 1023 bytes). */
#ifndef COMMON_PREP_H
#define COMMON_PREP_H

#include "common/buf.h"

#define JID_PART_MAX 1023 /* bytes of each part after preparation, RFC 7622 3.1 */

MUST_CHECK bool prep_local(struct buf *out,
	struct str in); /* RFC 7622 3.3: UsernameCaseMapped, minus "&'/:<>@ */
MUST_CHECK bool prep_domain(struct buf *out,
	struct str in); /* RFC 7622 3.2: IDNA2008 U-label, IP literals, final dot cut */
MUST_CHECK bool prep_resource(struct buf *out, struct str in); /* RFC 7622 3.4: OpaqueString */
MUST_CHECK bool prep_password(struct buf *out, struct str in); /* RFC 8265 4.2: OpaqueString */
MUST_CHECK bool prep_saslprep(struct buf *out,
	struct str in); /* RFC 4013, stored strings, for SCRAM by older clients */

/* Is it ASCII and what its preparation would give already? Nearly always so, and for some ten
 * nanoseconds. */
bool prep_local_ready(struct str in);
bool prep_domain_ready(struct str in);
bool prep_resource_ready(struct str in);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A text as code points, on its way from UTF-8 through mappings to UTF-8 again; private to prep*.c.
 * It may be a password: what it owns is wiped. {0} is empty. */
#ifndef COMMON_PREP_POINTS_H
#define COMMON_PREP_POINTS_H

#include "common/prep.h"

/* Preparation can shorten (a full-width letter is three bytes for one), but nothing honest shortens
 * to less than a quarter; longer input is refused unread. */
#define PREP_INPUT_MAX (4 * JID_PART_MAX)

struct points {
	uint32_t *p;
	size_t n;
};

MUST_CHECK bool prep_points_from(struct points *s,
	struct str in); /* false: empty, too long, not UTF-8, no memory */
MUST_CHECK bool prep_points_put(const struct points *s,
	struct buf *out); /* appends; false: not 1 to JID_PART_MAX bytes */
void prep_points_end(struct points *s);
void prep_points_map_width(struct points
		*s); /* full-width and half-width forms become the ordinary ones, RFC 8265 3.3.2 */
MUST_CHECK bool prep_points_lower(struct points *s);   /* toLowerCase, then NFC; false: no memory */
MUST_CHECK bool prep_points_compose(struct points *s); /* NFC; false: no memory */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Code points and what libunistring does with them. */
#include "common/prep_points.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>
#include <unictype.h>
#include <unistr.h>

void prep_points_end(struct points *s)
{
	if (s->p)
		mem_wipe(s->p, s->n * sizeof *s->p);
	free(s->p);
	*s = (struct points){0};
}

/* Takes over what a library call made of *s: NULL stands for its failure. */
static bool prep_points_become(struct points *s, uint32_t *made, size_t n)
{
	prep_points_end(s);
	*s = (struct points){made, made ? n : 0};
	return made != NULL;
}

bool prep_points_from(struct points *s, struct str in)
{
	size_t n = 0;
	uint32_t *made;

	if (in.n == 0 || in.n > PREP_INPUT_MAX || !str_utf8(in))
		return false;
	made = u8_to_u32((const uint8_t *)in.p, in.n, NULL, &n);
	return prep_points_become(s, made, n);
}

bool prep_points_put(const struct points *s, struct buf *out)
{
	size_t n = JID_PART_MAX;
	uint8_t room[JID_PART_MAX];
	uint8_t *made = u32_to_u8(s->p, s->n, room, &n);

	if (made == room && n > 0)
		buf_add(out, room, n);
	mem_wipe(room, sizeof room);
	if (made == room)
		return n > 0;
	if (made) { /* it did not fit, so it is longer than may be */
		mem_wipe(made, n);
		free(made);
	}
	return false;
}

void prep_points_map_width(struct points *s)
{
	for (size_t i = 0; i < s->n; i++) {
		ucs4_t mapped[UC_DECOMPOSITION_MAX_LENGTH];
		int tag, n = uc_decomposition(s->p[i], &tag, mapped);

		if (n == 1 && (tag == UC_DECOMP_WIDE || tag == UC_DECOMP_NARROW))
			s->p[i] = mapped[0];
	}
}

bool prep_points_lower(struct points *s)
{
	size_t n = 0;
	uint32_t *made = u32_tolower(s->p, s->n, "", UNINORM_NFC, NULL, &n);

	return prep_points_become(s, made, n);
}

bool prep_points_compose(struct points *s)
{
	size_t n = 0;
	uint32_t *made = u32_normalize(UNINORM_NFC, s->p, s->n, NULL, &n);

	return prep_points_become(s, made, n);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See surplus.h. */
#include "sm/surplus.h"

#include "common/condition.h"
#include "sm/house.h"
#include "sm/peer.h"

#define SURPLUS_FACTOR 4
#define SURPLUS_MOST (128 * 1024) /* bytes ... */
#define SURPLUS_MS 1000           /* ... in this time */

static bool is_flood(struct house *h, struct session *s, uint64_t said, uint64_t made)
{
	uint64_t now = uv_now(&h->loop), fair = SURPLUS_FACTOR * said;

	if (now - s->surplus_since >= SURPLUS_MS) {
		s->surplus_since = now;
		s->surplus = 0;
	}
	s->surplus += made > fair ? made - fair : 0;
	return s->surplus > SURPLUS_MOST && peers_choked(h);
}

void surplus_note(struct house *h, struct session *s, uint64_t said, uint64_t made)
{
	if (is_flood(h, s, said, made))
		session_kick(h, s, STREAM_policy_violation, STR("Too much at once"));
}

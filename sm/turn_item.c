/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Items as bytes. A reader skips a kind that it does not know, so an older sm can be put back. */
#include "sm/turn_item.h"

static void put_link(struct buf *out, const struct turn_link *l)
{
	buf_u32(out, l->incarnation);
	buf_u32(out, l->pid);
	buf_u16(out, l->slot);
	buf_u64(out, l->sent);
	buf_u64(out, l->heard);
	buf_put(out, l->frames);
}

static bool take_link(struct str body, struct turn_link *l)
{
	if (!str_take_u32(&body, &l->incarnation) || !str_take_u32(&body, &l->pid) ||
		!str_take_u16(&body, &l->slot) || !str_take_u64(&body, &l->sent) ||
		!str_take_u64(&body, &l->heard))
		return false;
	l->frames = body;
	return true;
}

#define LINK_FIXED (4 + 4 + 2 + 8 + 8)

static size_t body_bytes(const struct turn_item *i)
{
	if (i->kind == TURN_LINK)
		return LINK_FIXED + i->link.frames.n;
	return 8 + 8 + i->bytes.n;
}

void turn_item_put(struct buf *out, const struct turn_item *i)
{
	size_t n = body_bytes(i);

	CHECK(n <= UINT32_MAX);
	buf_u8(out, (uint8_t)i->kind);
	buf_u32(out, (uint32_t)n);
	if (i->kind == TURN_LINK) {
		put_link(out, &i->link);
		return;
	}
	buf_u64(out, i->turn);
	buf_u64(out, i->id);
	buf_put(out, i->bytes);
}

static bool take_one(struct str *s, struct turn_item *out)
{
	uint8_t kind;
	uint32_t n;
	struct str body;

	if (!str_take_u8(s, &kind) || !str_take_u32(s, &n) || !str_take_bytes(s, n, &body))
		return false;
	*out = (struct turn_item){.kind = (enum turn_kind)kind};
	if (kind == TURN_LINK)
		return take_link(body, &out->link);
	if (kind == 0 || kind > TURN_ERRAND)
		return true;
	if (!str_take_u64(&body, &out->turn) || !str_take_u64(&body, &out->id))
		return false;
	out->bytes = body;
	return true;
}

bool turn_item_take(struct str *s, struct turn_item *out)
{
	struct str rest = *s;

	if (!take_one(&rest, out))
		return false;
	*s = rest;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See roster_act.h. Each is: u8 kind, u8 detail, the account behind its u32 of bytes, the rest
 * behind its own. roster_run.c does them. */
#include "sm/roster_act.h"

static void put(struct buf *out, enum act_kind kind, uint8_t detail, struct str account,
	struct str rest)
{
	buf_u8(out, (uint8_t)kind);
	buf_u8(out, detail);
	buf_u32(out, (uint32_t)account.n);
	buf_put(out, account);
	buf_u32(out, (uint32_t)rest.n);
	buf_put(out, rest);
}

void act_row(struct buf *out, struct str account, const struct roster_row *row, bool push)
{
	struct buf bytes = {0};

	roster_row_put(&bytes, row);
	put(out, ACT_ROW, push, account, buf_str(&bytes));
	buf_free(&bytes);
}

void act_deliver(struct buf *out, struct str account, enum act_who who, struct str xml)
{
	put(out, ACT_DELIVER, (uint8_t)who, account, xml);
}

void act_show(struct buf *out, struct str of, struct str to)
{
	put(out, ACT_SHOW, 0, of, to);
}

void act_hide(struct buf *out, struct str of, struct str to)
{
	put(out, ACT_HIDE, 0, of, to);
}

bool act_take(struct str *acts, struct act *out)
{
	struct str rest = *acts;
	uint8_t kind;
	uint32_t n;

	if (!str_take_u8(&rest, &kind) || !str_take_u8(&rest, &out->detail) ||
		!str_take_u32(&rest, &n) || !str_take_bytes(&rest, n, &out->account) ||
		!str_take_u32(&rest, &n) || !str_take_bytes(&rest, n, &out->rest))
		return false;
	out->kind = (enum act_kind)kind;
	*acts = rest;
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See share.h. The rows of both sides are written anew for each member: groups change seldom, and
 * rosters are read often. */
#include "sm/share.h"

#include "sm/store_group.h"
#include "sm/subscribe_work.h"

/* --- a side ---------------------------------------------------------------------------------- */

/* The groups without this one. */
static void put_others(struct buf *out, struct str groups, struct str group)
{
	struct str one;

	while (groups.n) {
		str_cut(groups, '\0', &one, &groups);
		if (str_eq(one, group))
			continue;
		buf_put(out, one);
		buf_putc(out, '\0');
	}
}

static void state_share(struct side *s)
{
	unsigned own = s->row.state & (SUB_LISTED | SUB_TO | SUB_FROM | SUB_APPROVED);

	if (!(s->row.state & SUB_SHARED))
		s->row.state = SUB_SHARED | SUB_LISTED | SUB_TO | SUB_FROM | own << SUB_OWN;
}

/* An item that was only there for the group is gone, and clients are to be told. */
static void state_part(struct side *s)
{
	if (s->row.state & SUB_SHARED)
		s->row.state >>= SUB_OWN;
	if (!(s->row.state & SUB_LISTED)) {
		s->row.state |= SUB_GONE;
		s->row.name = s->row.groups = STR_NONE;
	}
}

void side_share(struct side *s, struct str group, bool in)
{
	buf_clear(&s->shared);
	put_others(&s->shared, s->row.shared, group);
	if (in) {
		buf_put(&s->shared, group);
		buf_putc(&s->shared, '\0');
	}
	s->row.shared = buf_str(&s->shared);
	if (s->shared.n)
		state_share(s);
	else
		state_part(s);
}

void side_part(struct side *s)
{
	s->row.shared = STR_NONE;
	if (s->row.state & SUB_SHARED)
		state_part(s);
	s->row.state &= ~(unsigned)SUB_STATE;
}

/* --- a group --------------------------------------------------------------------------------- */

static void note_member(void *ctx, struct str account)
{
	buf_put(ctx, account);
	buf_putc(ctx, '\n'); /* which no JID can hold */
}

static enum db_result share_pair(struct db *d, struct str group, struct str account,
	struct str other, bool in, struct buf *acts)
{
	struct pair p = {.d = d, .version = version_now()};
	enum db_result r = pair_read(&p, account, other);

	if (r == DB_OK && p.contact.exists) {
		side_share(&p.user, group, in);
		side_share(&p.contact, group, in);
		r = pair_write(&p, false, acts);
	}
	pair_end(&p);
	return r;
}

static enum db_result with_members(struct db *d, struct str group, struct str account, bool in,
	struct buf *acts)
{
	struct buf members = {0};
	enum db_result r = store_group_members(d, group, note_member, &members);
	struct str rest = buf_str(&members), other;

	while (r == DB_OK && rest.n) {
		str_cut(rest, '\n', &other, &rest);
		if (!str_eq(other, account))
			r = share_pair(d, group, account, other, in, acts);
	}
	buf_free(&members);
	return r;
}

enum db_result share_join(struct db *d, struct str group, struct str account, bool *changed,
	struct buf *acts)
{
	enum db_result r = store_group_add(d, group, account, changed);

	return r == DB_OK && *changed ? with_members(d, group, account, true, acts) : r;
}

enum db_result share_leave(struct db *d, struct str group, struct str account, bool *changed,
	struct buf *acts)
{
	enum db_result r = store_group_remove(d, group, account, changed);

	return r == DB_OK && *changed ? with_members(d, group, account, false, acts) : r;
}

enum db_result share_each(struct db *d,
	void (*each)(void *ctx, struct str group, struct str account), void *ctx)
{
	return store_groups(d, each, ctx);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of rosters. */
#include "sm/store_roster.h"

#include "sm/subscription.h"

/* A version is milliseconds since 2020 << 22, and more (session_new_sid). */
#define EPOCH_SECONDS INT64_C(1577836800)
#define VERSION_SECOND (INT64_C(1000) << 22)

void roster_row_put(struct buf *out, const struct roster_row *r)
{
	const struct str parts[] = {r->contact, r->name, r->groups, r->request, r->shared};

	buf_u32(out, r->state);
	buf_u64(out, r->version);
	for (size_t i = 0; i < COUNT(parts); i++) {
		buf_u32(out, (uint32_t)parts[i].n);
		buf_put(out, parts[i]);
	}
}

bool roster_row_take(struct str *in, struct roster_row *out)
{
	struct str *const parts[] = {
		&out->contact, &out->name, &out->groups, &out->request, &out->shared};
	struct str s = *in;
	uint32_t n;

	if (!str_take_u32(&s, &n) || !str_take_u64(&s, &out->version))
		return false;
	out->state = n;
	for (size_t i = 0; i < COUNT(parts); i++) {
		if (!str_take_u32(&s, &n) || !str_take_bytes(&s, n, parts[i]))
			return false;
	}
	*in = s;
	return true;
}

/* Of a statement that selects these columns, in this order. */
#define COLUMNS "contact, state, version, name, groups, request, shared"

static struct roster_row row_of(struct stmt *s)
{
	return (struct roster_row){
		.contact = stmt_col_text(s, 0),
		.state = (unsigned)stmt_col_i64(s, 1),
		.version = (uint64_t)stmt_col_i64(s, 2),
		.name = stmt_col_text(s, 3),
		.groups = stmt_col_blob(s, 4),
		.request = stmt_col_blob(s, 5),
		.shared = stmt_col_blob(s, 6),
	};
}

static enum db_result done(struct stmt *s, enum db_result r)
{
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

enum db_result store_roster_get(struct db *d, struct str account, struct str contact,
	struct roster_row *out, struct buf *keep, bool *found)
{
	struct stmt *s = db_stmt(d,
		"SELECT " COLUMNS " FROM roster WHERE jid = ?1 AND contact = ?2");
	struct roster_row row;
	struct str kept;
	enum db_result r;
	size_t at = keep->n;

	*found = false;
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_text(s, 2, contact);
	r = stmt_step(s);
	if (r != DB_ROW)
		return done(s, r);
	row = row_of(s);
	roster_row_put(keep, &row);
	kept = str_skip(buf_str(keep), at);
	*found = roster_row_take(&kept, out);
	return done(s, r);
}

static enum db_result set_version(struct db *d, struct str account, uint64_t version)
{
	struct stmt *s = db_stmt(d, "UPDATE account SET roster_version = ?2 WHERE jid = ?1");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, (int64_t)version);
	return stmt_run(s);
}

static enum db_result upsert(struct db *d, struct str account, const struct roster_row *r)
{
	struct stmt *s = db_stmt(d,
		"INSERT OR REPLACE INTO roster(jid, contact, state, version, name, groups, "
		"request, shared) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_text(s, 2, r->contact);
	stmt_i64(s, 3, r->state);
	stmt_i64(s, 4, (int64_t)r->version);
	stmt_text(s, 5, r->name);
	stmt_blob(s, 6, r->groups);
	stmt_blob(s, 7, r->request);
	stmt_blob(s, 8, r->shared);
	return stmt_run(s);
}

static enum db_result drop(struct db *d, struct str account, struct str contact)
{
	struct stmt *s = db_stmt(d, "DELETE FROM roster WHERE jid = ?1 AND contact = ?2");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_text(s, 2, contact);
	return stmt_run(s);
}

/* Those that are gone for longest are forgotten, and whoever knows only what was before them gets
 * the whole roster. The index is of these rows only. */
static enum db_result forget_gone(struct db *d, struct str account)
{
	struct stmt *s = db_stmt(d,
		"UPDATE account SET roster_floor = max(roster_floor, coalesce((SELECT version "
		"FROM roster WHERE jid = ?1 AND state & 64 "
		"ORDER BY version DESC LIMIT 1 OFFSET ?2), 0)) WHERE jid = ?1");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, ROSTER_GONE_MOST);
	r = stmt_run(s);
	s = r == DB_OK
		? db_stmt(d,
			  "DELETE FROM roster WHERE jid = ?1 AND state & 64 AND state & 8 = 0 AND "
			  "version <= (SELECT roster_floor FROM account WHERE jid = ?1)")
		: NULL;
	if (!s)
		return r == DB_OK ? db_last(d) : r;
	stmt_text(s, 1, account);
	return stmt_run(s);
}

enum db_result store_roster_put(struct db *d, struct str account, const struct roster_row *row)
{
	enum db_result r;

	if (subscription_is_kept(row->state))
		r = upsert(d, account, row);
	else
		r = drop(d, account, row->contact);
	if (r == DB_OK && (row->state & SUB_GONE))
		r = forget_gone(d, account);
	return r == DB_OK ? set_version(d, account, row->version) : r;
}

/* Versions from before the account was made are of another one of that name. */
static uint64_t floor_of(int64_t floor, int64_t created)
{
	int64_t made = created < EPOCH_SECONDS ? 0 : (created - EPOCH_SECONDS) * VERSION_SECOND;

	return (uint64_t)(floor > made ? floor : made);
}

static enum db_result load_head(struct db *d, struct str account, struct roster_head *head,
	bool *found)
{
	struct stmt *s = db_stmt(d,
		"SELECT roster_version, roster_floor, created FROM account WHERE jid = ?1");
	enum db_result r;

	*head = (struct roster_head){0};
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	r = stmt_step(s);
	*found = r == DB_ROW;
	if (*found) {
		head->version = (uint64_t)stmt_col_i64(s, 0);
		head->floor = floor_of(stmt_col_i64(s, 1), stmt_col_i64(s, 2));
	}
	return done(s, r);
}

enum db_result store_roster_version(struct db *d, struct str account, uint64_t *version,
	bool *found)
{
	struct roster_head head;
	enum db_result r = load_head(d, account, &head, found);

	*version = head.version;
	return r;
}

enum db_result store_roster_load(struct db *d, struct str account, struct roster_head *head,
	bool *found, void (*each)(void *ctx, const struct roster_row *r), void *ctx)
{
	enum db_result r = load_head(d, account, head, found);
	struct stmt *s;

	if (r != DB_OK || !*found)
		return r;
	s = db_stmt(d, "SELECT " COLUMNS " FROM roster WHERE jid = ?1 ORDER BY contact");
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	while ((r = stmt_step(s)) == DB_ROW) {
		struct roster_row row = row_of(s);

		each(ctx, &row);
	}
	return done(s, r);
}

enum db_result store_roster_size(struct db *d, struct str account, struct roster_size *out)
{
	struct stmt *s = db_stmt(d,
		"SELECT count(*) FILTER (WHERE NOT state & 128), "
		"sum(iif(state & 128, 0, length(CAST(contact AS BLOB))) + "
		"length(CAST(name AS BLOB)) + length(groups)) "
		"FROM roster WHERE jid = ?1 AND state & 16");
	enum db_result r;

	*out = (struct roster_size){0};
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	r = stmt_step(s);
	if (r == DB_ROW) {
		out->items = stmt_col_i64(s, 0);
		out->bytes = stmt_col_i64(s, 1);
	}
	return done(s, r);
}

enum db_result store_roster_requests(struct db *d, struct str account, int64_t *n)
{
	struct stmt *s = db_stmt(d, "SELECT count(*) FROM roster WHERE jid = ?1 AND state & 8");
	enum db_result r;

	*n = 0;
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	r = stmt_step(s);
	if (r == DB_ROW)
		*n = stmt_col_i64(s, 0);
	return done(s, r);
}

enum db_result store_roster_owners(struct db *d, struct str contact,
	void (*each)(void *ctx, struct str account), void *ctx)
{
	struct stmt *s = db_stmt(d, "SELECT jid FROM roster WHERE contact = ?1 ORDER BY jid");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, contact);
	while ((r = stmt_step(s)) == DB_ROW)
		each(ctx, stmt_col_text(s, 0));
	return done(s, r);
}

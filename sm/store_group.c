/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of shared roster groups. */
#include "sm/store_group.h"

static enum db_result change(struct db *d, struct stmt *s, struct str group, struct str account,
	bool *changed)
{
	enum db_result r;

	*changed = false;
	if (!s)
		return db_last(d);
	stmt_text(s, 1, group);
	stmt_text(s, 2, account);
	r = stmt_run(s);
	*changed = r == DB_OK && db_changes(d) > 0;
	return r;
}

enum db_result store_group_add(struct db *d, struct str group, struct str account, bool *changed)
{
	return change(d,
		db_stmt(d,
			"INSERT INTO shared_group(name, jid) VALUES(?1, ?2) "
			"ON CONFLICT(name, jid) DO NOTHING"),
		group, account, changed);
}

enum db_result store_group_remove(struct db *d, struct str group, struct str account, bool *changed)
{
	return change(d, db_stmt(d, "DELETE FROM shared_group WHERE name = ?1 AND jid = ?2"), group,
		account, changed);
}

enum db_result store_group_members(struct db *d, struct str group,
	void (*each)(void *ctx, struct str account), void *ctx)
{
	struct stmt *s = db_stmt(d, "SELECT jid FROM shared_group WHERE name = ?1 ORDER BY jid");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, group);
	while ((r = stmt_step(s)) == DB_ROW)
		each(ctx, stmt_col_text(s, 0));
	stmt_done(s);
	return r;
}

enum db_result store_groups(struct db *d,
	void (*each)(void *ctx, struct str group, struct str account), void *ctx)
{
	struct stmt *s = db_stmt(d, "SELECT name, jid FROM shared_group ORDER BY name, jid");
	enum db_result r;

	if (!s)
		return db_last(d);
	while ((r = stmt_step(s)) == DB_ROW)
		each(ctx, stmt_col_text(s, 0), stmt_col_text(s, 1));
	stmt_done(s);
	return r;
}

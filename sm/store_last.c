/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of last activity, and who may know it. */
#include "sm/store_last.h"

#include "common/jid.h"
#include "sm/errand.h"
#include "sm/store_roster.h"
#include "sm/subscription.h"

enum db_result store_last_put(struct db *d, struct str account, int64_t when, struct str status)
{
	struct stmt *s = db_stmt(d,
		"INSERT INTO last(jid, left_at, status) SELECT jid, ?2, ?3 FROM account WHERE jid = ?1 "
		"ON CONFLICT DO UPDATE SET left_at = excluded.left_at, status = excluded.status");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, when);
	stmt_text(s, 3, status);
	return stmt_run(s);
}

/* Oneself, and those who see the account's presence. */
static enum db_result may_know(struct db *d, const struct errand *e, bool *may)
{
	struct jid sender;
	struct roster_row row;
	struct buf keep = {0};
	bool found = false;
	enum db_result r = DB_OK;

	if (!jid_split(e->sender, &sender))
		return DB_FAILED;
	*may = str_eq(jid_bare(sender), e->account);
	if (!*may) {
		r = store_roster_get(d, e->account, jid_bare(sender), &row, &keep, &found);
		*may = r == DB_OK && found && row.state & SUB_FROM;
	}
	buf_free(&keep);
	return r;
}

/* The result: nothing for who may not know; else the time (0: it never was here) and the status. */
enum db_result last_get_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct stmt *s;
	bool may = false;
	enum db_result r = may_know(d, e, &may);

	if (r != DB_OK || !may)
		return r;
	s = db_stmt(d, "SELECT left_at, status FROM last WHERE jid = ?1");
	if (!s)
		return db_last(d);
	stmt_text(s, 1, e->account);
	r = stmt_step(s);
	buf_u64(result, r == DB_ROW ? (uint64_t)stmt_col_i64(s, 0) : 0);
	if (r == DB_ROW)
		buf_put(result, stmt_col_text(s, 1));
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

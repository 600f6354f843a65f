/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of errands that have been done. */
#include "sm/store_errand.h"

enum db_result store_errand_put(struct db *d, uint64_t id, struct str result)
{
	struct stmt *s = db_stmt(d, "INSERT INTO errand(id, result) VALUES(?1, ?2)");

	if (!s)
		return db_last(d);
	stmt_i64(s, 1, (int64_t)id);
	stmt_blob(s, 2, result);
	return stmt_run(s);
}

enum db_result store_errand_get(struct db *d, uint64_t id, struct buf *result, bool *found)
{
	struct stmt *s = db_stmt(d, "SELECT result FROM errand WHERE id = ?1");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_i64(s, 1, (int64_t)id);
	r = stmt_step(s);
	*found = r == DB_ROW;
	if (*found)
		buf_put(result, stmt_col_blob(s, 0));
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

enum db_result store_errand_forget(struct db *d, uint64_t before)
{
	struct stmt *s = db_stmt(d, "DELETE FROM errand WHERE id < ?1");

	if (!s)
		return db_last(d);
	stmt_i64(s, 1, (int64_t)before);
	return stmt_run(s);
}

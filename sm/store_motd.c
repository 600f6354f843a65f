/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of the message of the day: they are numbered, and each account has the number of the last
 * one that it was given. */
#include "sm/store_motd.h"

#include "sm/errand.h"

bool motd_read(const char *path, bool *there, struct buf *why)
{
	struct db *d = db_open(path, DB_READ, why);
	int64_t n = 0;
	bool good = d && db_number(d, "SELECT count(*) FROM motd WHERE body <> ''", &n) == DB_OK;

	if (d && !good)
		buf_printf(why, "%s: %s", path, db_why(d));
	db_close(&d);
	*there = n > 0;
	return good;
}

enum db_result store_motd_set(struct db *d, struct str body)
{
	struct stmt *s = db_stmt(d,
		"INSERT INTO motd(one, number, body) VALUES(1, 1, ?1) "
		"ON CONFLICT DO UPDATE SET number = number + 1, body = excluded.body");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, body);
	return stmt_run(s);
}

enum db_result store_motd_get(struct db *d, struct buf *body, int64_t *had)
{
	struct stmt *s = db_stmt(d,
		"SELECT body, (SELECT count(*) FROM motd_had h WHERE h.number = motd.number) FROM motd");
	enum db_result r;

	*had = 0;
	if (!s)
		return db_last(d);
	r = stmt_step(s);
	if (r == DB_ROW) {
		buf_put(body, stmt_col_text(s, 0));
		*had = stmt_col_i64(s, 1);
	}
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

/* The result: the body, if this is the first time that the account comes since there is one. */
enum db_result motd_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct stmt *s = db_stmt(d,
		"INSERT INTO motd_had(jid, number) "
		"SELECT a.jid, m.number FROM account a, motd m WHERE a.jid = ?1 AND m.body <> '' "
		"ON CONFLICT DO UPDATE SET number = excluded.number WHERE number < excluded.number");
	enum db_result r;
	int64_t had;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, e->account);
	r = stmt_run(s);
	if (r != DB_OK || db_changes(d) == 0)
		return r;
	return store_motd_get(d, result, &had);
}

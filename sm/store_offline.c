/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of offline messages. */
#include "sm/store_offline.h"

/* Is the row there already? A crash came between its commit and the record that it was done. */
static enum db_result is_there(struct db *d, struct str account, uint64_t id, bool *there)
{
	struct stmt *s = db_stmt(d, "SELECT 1 FROM offline WHERE jid = ?1 AND id = ?2");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, (int64_t)id);
	r = stmt_step(s);
	*there = r == DB_ROW;
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

/* Takes the room for one message. *found: the account is there; *room: and has it. */
static enum db_result take_room(struct db *d, struct str account, size_t bytes,
	const struct offline_limit *limit, bool *found, bool *room)
{
	struct stmt *s = db_stmt(d,
		"UPDATE account SET offline = offline + 1, offline_bytes = offline_bytes + ?2 "
		"WHERE jid = ?1 AND offline < ?3 AND offline_bytes + ?2 <= ?4");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, (int64_t)bytes);
	stmt_i64(s, 3, limit->messages);
	stmt_i64(s, 4, limit->bytes);
	r = stmt_run(s);
	*room = *found = r == DB_OK && db_changes(d) > 0;
	if (r != DB_OK || *room)
		return r;
	s = db_stmt(d, "SELECT 1 FROM account WHERE jid = ?1");
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	r = stmt_step(s);
	*found = r == DB_ROW;
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

static enum db_result insert(struct db *d, struct str account, uint64_t id, struct str xml)
{
	struct stmt *s = db_stmt(d, "INSERT INTO offline(jid, id, xml) VALUES(?1, ?2, ?3)");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, (int64_t)id);
	stmt_blob(s, 3, xml);
	return stmt_run(s);
}

enum db_result store_offline_put(struct db *d, struct str account, uint64_t id, struct str xml,
	const struct offline_limit *limit, enum offline_outcome *outcome)
{
	bool there = false, found = false, room = false;
	enum db_result r = is_there(d, account, id, &there);

	*outcome = OFFLINE_STORED;
	if (r != DB_OK || there)
		return r;
	r = take_room(d, account, xml.n, limit, &found, &room);
	if (r == DB_OK && room)
		return insert(d, account, id, xml);
	*outcome = found ? OFFLINE_FULL : OFFLINE_NOBODY;
	return r;
}

enum db_result store_offline_read(struct db *d, struct str account, uint64_t after, uint64_t before,
	unsigned most, size_t bytes, void (*each)(void *ctx, uint64_t id, struct str xml),
	void *ctx)
{
	struct stmt *s = db_stmt(d,
		"SELECT id, xml FROM offline WHERE jid = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4");
	enum db_result r = DB_ROW;
	size_t read = 0;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, (int64_t)after);
	stmt_i64(s, 3, (int64_t)before);
	stmt_i64(s, 4, most);
	while (read < bytes && (r = stmt_step(s)) == DB_ROW) {
		struct str xml = stmt_col_blob(s, 1);

		read += xml.n;
		each(ctx, (uint64_t)stmt_col_i64(s, 0), xml);
	}
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

enum db_result store_offline_part(struct db *d, struct str account, size_t bytes, uint64_t *upto)
{
	struct stmt *s = db_stmt(d,
		"SELECT id, length(xml) FROM offline WHERE jid = ?1 AND id <= ?2 ORDER BY id");
	enum db_result r = DB_ROW;
	uint64_t sum = 0, last = *upto;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, (int64_t)*upto);
	while (sum < bytes && (r = stmt_step(s)) == DB_ROW) {
		last = (uint64_t)stmt_col_i64(s, 0);
		sum += (uint64_t)stmt_col_i64(s, 1);
	}
	stmt_done(s);
	if (r == DB_ROW)
		*upto = last;
	return r == DB_ROW ? DB_OK : r;
}

static enum db_result give_room(struct db *d, struct str account, uint64_t upto)
{
	struct stmt *s = db_stmt(d,
		"UPDATE account SET "
		"offline = offline - (SELECT count(*) FROM offline WHERE jid = ?1 AND id <= ?2), "
		"offline_bytes = offline_bytes - (SELECT coalesce(sum(length(xml)), 0) FROM offline "
		"WHERE jid = ?1 AND id <= ?2) WHERE jid = ?1");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, (int64_t)upto);
	return stmt_run(s);
}

enum db_result store_offline_remove(struct db *d, struct str account, uint64_t upto,
	int64_t *removed)
{
	struct stmt *s;
	enum db_result r;

	*removed = 0;
	r = give_room(d, account, upto);
	s = r == DB_OK ? db_stmt(d, "DELETE FROM offline WHERE jid = ?1 AND id <= ?2") : NULL;
	if (!s)
		return r == DB_OK ? db_last(d) : r;
	stmt_text(s, 1, account);
	stmt_i64(s, 2, (int64_t)upto);
	r = stmt_run(s);
	*removed = r == DB_OK ? db_changes(d) : 0;
	return r;
}

enum db_result store_offline_accounts(struct db *d,
	void (*each)(void *ctx, struct str account, uint64_t newest), void *ctx)
{
	struct stmt *s = db_stmt(d,
		"SELECT jid, (SELECT max(id) FROM offline WHERE jid = account.jid) "
		"FROM account WHERE offline > 0");
	enum db_result r;

	if (!s)
		return db_last(d);
	while ((r = stmt_step(s)) == DB_ROW)
		each(ctx, stmt_col_text(s, 0), (uint64_t)stmt_col_i64(s, 1));
	stmt_done(s);
	return r;
}

enum db_result store_offline_summary(struct db *d, struct str account, struct offline_summary *out)
{
	struct stmt *s = db_stmt(d,
		"SELECT offline, offline_bytes, (SELECT min(id) FROM offline WHERE jid = ?1) "
		"FROM account WHERE jid = ?1");
	enum db_result r;

	*out = (struct offline_summary){0};
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	r = stmt_step(s);
	if (r == DB_ROW) {
		out->messages = stmt_col_i64(s, 0);
		out->bytes = stmt_col_i64(s, 1);
		out->oldest = (uint64_t)stmt_col_i64(s, 2);
	}
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of the live session table, and its rows as bytes for the turn log. */
#include "sm/store_session.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"
#include "sm/schema.h"

#define LAYOUT 2 /* another one makes the file anew */

/* --- rows as bytes --------------------------------------------------------------------------- */

static void put_text(struct buf *out, struct str s)
{
	CHECK(s.n <= UINT32_MAX);
	buf_u32(out, (uint32_t)s.n);
	buf_put(out, s);
}

static bool take_text(struct str *in, struct str *out)
{
	uint32_t n;

	return str_take_u32(in, &n) && str_take_bytes(in, n, out);
}

void session_row_encode(struct buf *out, const struct session_row *r)
{
	buf_u64(out, r->sid);
	buf_u64(out, r->conn);
	buf_u64(out, (uint64_t)r->since);
	buf_u64(out, r->opened_seq);
	buf_u8(out, r->flags);
	buf_u8(out, r->available);
	buf_u8(out, (uint8_t)r->priority);
	put_text(out, r->jid);
	put_text(out, r->address);
	put_text(out, r->tls);
	put_text(out, r->cipher);
	put_text(out, r->mechanism);
	put_text(out, r->presence);
	put_text(out, r->directed);
	buf_u64(out, r->client);
}

static bool take_numbers(struct str *in, struct session_row *out)
{
	uint64_t since;
	uint8_t available, priority;

	if (!str_take_u64(in, &out->sid) || !str_take_u64(in, &out->conn) ||
		!str_take_u64(in, &since) || !str_take_u64(in, &out->opened_seq))
		return false;
	if (!str_take_u8(in, &out->flags) || !str_take_u8(in, &available) ||
		!str_take_u8(in, &priority))
		return false;
	out->since = (int64_t)since;
	out->available = available != 0;
	out->priority = (int8_t)priority;
	return true;
}

bool session_row_decode(struct str bytes, struct session_row *out)
{
	struct jid jid;

	*out = (struct session_row){0};
	if (!take_numbers(&bytes, out) || !take_text(&bytes, &out->jid) ||
		!take_text(&bytes, &out->address))
		return false;
	if (!take_text(&bytes, &out->tls) || !take_text(&bytes, &out->cipher) ||
		!take_text(&bytes, &out->mechanism))
		return false;
	if (!take_text(&bytes, &out->presence) || !take_text(&bytes, &out->directed))
		return false;
	/* An older program did not write it; what is behind the last field is of a newer one. */
	if (bytes.n && !str_take_u64(&bytes, &out->client))
		return false;
	return jid_split(out->jid, &jid) && jid_is_full(jid);
}

/* --- rows in the table ----------------------------------------------------------------------- */

enum db_result store_session_put(struct db *d, const struct session_row *r)
{
	struct stmt *s = db_stmt(d,
		"INSERT OR REPLACE INTO session(sid, conn, jid, since, address, tls, cipher, mechanism, "
		"flags, opened_seq, available, priority, presence, directed, client) "
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)");

	if (!s)
		return db_last(d);
	stmt_i64(s, 1, (int64_t)r->sid);
	stmt_i64(s, 2, (int64_t)r->conn);
	stmt_text(s, 3, r->jid);
	stmt_i64(s, 4, r->since);
	stmt_text(s, 5, r->address);
	stmt_text(s, 6, r->tls);
	stmt_text(s, 7, r->cipher);
	stmt_text(s, 8, r->mechanism);
	stmt_i64(s, 9, r->flags);
	stmt_i64(s, 10, (int64_t)r->opened_seq);
	stmt_i64(s, 11, r->available);
	stmt_i64(s, 12, r->priority);
	stmt_blob(s, 13, r->presence);
	stmt_blob(s, 14, r->directed);
	stmt_i64(s, 15, (int64_t)r->client);
	return stmt_run(s);
}

enum db_result store_session_remove(struct db *d, uint64_t sid)
{
	struct stmt *s = db_stmt(d, "DELETE FROM session WHERE sid = ?1");

	if (!s)
		return db_last(d);
	stmt_i64(s, 1, (int64_t)sid);
	return stmt_run(s);
}

enum db_result store_session_turn_set(struct db *d, uint64_t turn)
{
	struct stmt *s = db_stmt(d, "UPDATE meta SET turn = ?1");

	if (!s)
		return db_last(d);
	stmt_i64(s, 1, (int64_t)turn);
	return stmt_run(s);
}

enum db_result store_session_turn(struct db *d, uint64_t *turn)
{
	int64_t value;
	enum db_result r = db_number(d, "SELECT turn FROM meta", &value);

	*turn = (uint64_t)value;
	return r;
}

static struct session_row row_of(struct stmt *s)
{
	return (struct session_row){
		.sid = (uint64_t)stmt_col_i64(s, 0),
		.conn = (uint64_t)stmt_col_i64(s, 1),
		.jid = stmt_col_text(s, 2),
		.since = stmt_col_i64(s, 3),
		.address = stmt_col_text(s, 4),
		.tls = stmt_col_text(s, 5),
		.cipher = stmt_col_text(s, 6),
		.mechanism = stmt_col_text(s, 7),
		.flags = (uint8_t)stmt_col_i64(s, 8),
		.opened_seq = (uint64_t)stmt_col_i64(s, 9),
		.available = stmt_col_i64(s, 10) != 0,
		.priority = (int8_t)stmt_col_i64(s, 11),
		.presence = stmt_col_blob(s, 12),
		.directed = stmt_col_blob(s, 13),
		.client = (uint64_t)stmt_col_i64(s, 14),
	};
}

enum db_result store_session_each(struct db *d,
	void (*each)(void *ctx, const struct session_row *r), void *ctx)
{
	struct stmt *s = db_stmt(d,
		"SELECT sid, conn, jid, since, address, tls, cipher, mechanism, flags, opened_seq, "
		"available, priority, presence, directed, client FROM session");
	enum db_result r;

	if (!s)
		return db_last(d);
	while ((r = stmt_step(s)) == DB_ROW) {
		struct session_row row = row_of(s);
		struct jid jid;

		if (!jid_split(row.jid, &jid) || !jid_is_full(jid)) {
			r = DB_CORRUPT;
			break;
		}
		each(ctx, &row);
	}
	stmt_done(s);
	return r;
}

/* --- the file -------------------------------------------------------------------------------- */

/* The view is for people and scripts, and stays as it is: columns are only added, at the end. A
 * localpart has no '@' and no
 * '/', a domain no '/': the first of each is the one that divides. */
static const char tables[] =
	"BEGIN IMMEDIATE;"
	"CREATE TABLE session("
	" sid INTEGER PRIMARY KEY, conn INTEGER NOT NULL, jid TEXT NOT NULL, since INTEGER NOT NULL, address TEXT NOT NULL,"
	" tls TEXT NOT NULL, cipher TEXT NOT NULL, mechanism TEXT NOT NULL, flags INTEGER NOT NULL,"
	" opened_seq INTEGER NOT NULL, available INTEGER NOT NULL, priority INTEGER NOT NULL, presence BLOB NOT NULL,"
	" directed BLOB NOT NULL, client INTEGER NOT NULL) STRICT;"
	"CREATE TABLE meta(turn INTEGER NOT NULL, boot BLOB NOT NULL) STRICT;"
	"CREATE VIEW sessions AS SELECT jid,"
	" substr(jid, 1, instr(jid, '@') - 1) AS user,"
	" substr(jid, instr(jid, '@') + 1, instr(jid, '/') - instr(jid, '@') - 1) AS domain,"
	" substr(jid, instr(jid, '/') + 1) AS resource,"
	" printf('%016x', sid) AS sid,"
	" (conn >> 32) & 0xffffffff AS worker," /* incarnation; sm status shows which slot it has */
	" conn & 0xffffffff AS connection,"
	" address, tls, cipher, mechanism,"
	" strftime('%Y-%m-%dT%H:%M:%SZ', since, 'unixepoch') AS since,"
	" available, priority FROM session;"
	"COMMIT";

/* An upgrade of a running sm takes its sessions with it. */
static const char from_layout_1[] =
	"BEGIN IMMEDIATE;"
	"ALTER TABLE session ADD COLUMN client INTEGER NOT NULL DEFAULT 0;"
	"PRAGMA user_version=2;"
	"COMMIT";

/* What the kernel calls the time since the machine started; empty where it does not say. */
static struct str boot_id(char *room, size_t n)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, room, n) : 0;

	if (fd >= 0)
		close(fd);
	return str_at(room, got > 0 ? (size_t)got : 0);
}

static bool is_of_this_boot(struct db *d, struct str boot)
{
	struct stmt *s = db_stmt(d, "SELECT boot FROM meta");
	bool same;

	if (!s)
		return false;
	same = stmt_step(s) == DB_ROW && str_eq(stmt_col_blob(s, 0), boot);
	stmt_done(s);
	return same;
}

static bool is_sound(struct db *d)
{
	struct stmt *s = db_stmt(d, "PRAGMA quick_check(1)");
	bool sound;

	if (!s)
		return false;
	sound = stmt_step(s) == DB_ROW && str_is(stmt_col_text(s, 0), "ok");
	stmt_done(s);
	return sound;
}

static bool is_usable(struct db *d, struct str boot)
{
	int64_t application, layout;

	if (db_number(d, "PRAGMA application_id", &application) != DB_OK ||
		db_number(d, "PRAGMA user_version", &layout) != DB_OK)
		return false;
	if (application == SCHEMA_APPLICATION && layout == 1 && db_exec(d, from_layout_1) == DB_OK)
		layout = LAYOUT;
	return application == SCHEMA_APPLICATION && layout == LAYOUT && is_of_this_boot(d, boot) &&
		is_sound(d);
}

static bool make_tables(struct db *d, struct str boot)
{
	struct buf mark = {0};
	struct stmt *s;
	bool done = db_exec(d, tables) == DB_OK;

	buf_printf(&mark, "PRAGMA application_id=%d; PRAGMA user_version=%d", SCHEMA_APPLICATION,
		LAYOUT);
	s = done ? db_stmt(d, "INSERT INTO meta(turn, boot) VALUES(0, ?1)") : NULL;
	done = s != NULL;
	if (done) {
		stmt_blob(s, 1, boot);
		done = stmt_run(s) == DB_OK && db_exec(d, buf_cstr(&mark)) == DB_OK;
	}
	buf_free(&mark);
	return done;
}

bool session_migrate(struct db *d, const char *path, struct buf *why)
{
	char room[64];
	struct str boot = boot_id(room, sizeof room);
	int64_t things = 0;

	if (is_usable(d, boot))
		return true;
	if (db_number(d, "SELECT count(*) FROM sqlite_schema", &things) != DB_OK || things > 0) {
		log_event(migrate, LOG_TEXT("path", path),
			LOG_TEXT("what", "made anew: another layout, or damaged"));
		if (!db_remake(d, why))
			return false;
	}
	if (make_tables(d, boot))
		return true;
	buf_printf(why, "%s: %s", path, db_why(d));
	return false;
}

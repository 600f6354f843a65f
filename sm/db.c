/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SQLite behind its fence: handles, the statements kept with them, and outcomes instead of
 * codes. */
#include "sm/db_work.h"

#include <string.h>

#define PATIENCE 5000 /* milliseconds */
#define PATIENCE_READ 1000

static const char common_pragmas[] =
	"PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;";

/* A checkpoint syncs two files, so the durable log may grow to 8 MiB before there is one; the
 * volatile one costs copying only, and stays short for those who read along. That one is written
 * and hardly read, and its file is in memory: it needs no large cache (in KiB) besides. */
static const char *const mode_pragmas[] = {
	[DB_DURABLE] =
		"PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=2000; PRAGMA journal_size_limit=8388608;",
	[DB_VOLATILE] =
		("PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=1000; PRAGMA journal_size_limit=4194304; "
		 "PRAGMA cache_size=-256;"),
	[DB_READ] = "PRAGMA query_only=ON;",
};

static enum db_result io_result(int code)
{
	switch (code) {
	case SQLITE_IOERR_WRITE:
	case SQLITE_IOERR_FSYNC:
	case SQLITE_IOERR_DIR_FSYNC:
	case SQLITE_IOERR_TRUNCATE:
	case SQLITE_IOERR_SHMSIZE:
	case SQLITE_IOERR_SHMOPEN:
	case SQLITE_IOERR_SHMMAP:
		return DB_FULL;
	default:
		return DB_FAILED;
	}
}

static enum db_result result_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return DB_OK;
	case SQLITE_ROW:
		return DB_ROW;
	case SQLITE_CONSTRAINT:
		return DB_CONSTRAINT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return DB_BUSY;
	case SQLITE_FULL:
		return DB_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return DB_CORRUPT;
	case SQLITE_IOERR:
		return io_result(code);
	default:
		return DB_FAILED;
	}
}

enum db_result db_note(struct db *d, int code)
{
	enum db_result r = result_of(code);

	if (r != DB_OK && r != DB_ROW)
		d->last = r;
	return r;
}

const char *db_result_name(enum db_result r)
{
	static const char *const names[] = {
		[DB_OK] = "works",
		[DB_ROW] = "works",
		[DB_CONSTRAINT] = "constraint",
		[DB_BUSY] = "locked",
		[DB_FULL] = "full",
		[DB_CORRUPT] = "corrupt",
		[DB_FAILED] = "failed",
	};

	return (unsigned)r < COUNT(names) ? names[r] : "failed";
}

const char *db_library_version(void)
{
	return sqlite3_libversion();
}

static bool set_wal(struct db *d)
{
	sqlite3_stmt *s = NULL;
	bool done = false;
	int code = sqlite3_prepare_v2(d->handle, "PRAGMA journal_mode=WAL", -1, &s, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(s);
		done = code == SQLITE_ROW &&
			strcmp((const char *)sqlite3_column_text(s, 0), "wal") == 0;
	}
	sqlite3_finalize(s);
	if (!done)
		db_note(d, code == SQLITE_ROW ? SQLITE_ERROR : code);
	return done;
}

void db_handle_drop(struct db *d)
{
	while (d->statements) {
		struct stmt *s = d->statements;

		d->statements = s->next;
		sqlite3_finalize(s->handle);
		mem_free(s);
	}
	sqlite3_close(d->handle);
	d->handle = NULL;
}

bool db_handle_open(struct db *d, struct buf *why)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	bool ready;

	d->last = DB_FAILED;
	ready = db_note(d, sqlite3_open_v2(d->path, &d->handle, flags, NULL)) == DB_OK;
	if (ready) {
		sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_busy_timeout(d->handle, d->patience);
		ready = db_exec(d, common_pragmas) == DB_OK &&
			db_exec(d, mode_pragmas[d->mode]) == DB_OK;
	}
	/* A reader must look at the file too, or a damaged one would be found only later. */
	if (ready)
		ready = d->mode == DB_READ
			? db_exec(d, "SELECT count(*) FROM sqlite_schema") == DB_OK
			: set_wal(d);
	if (ready)
		return true;
	buf_printf(why, "%s: %s", d->path, db_why(d));
	db_handle_drop(d);
	return false;
}

static bool prepare_files(const struct db *d, struct buf *why)
{
	if (d->mode == DB_READ)
		return true;
	if (d->mode == DB_VOLATILE && !db_file_finish(d->path, why))
		return false;
	return db_file_create(d->path, why);
}

struct db *db_open(const char *path, enum db_mode mode, struct buf *why)
{
	size_t n = strlen(path);
	struct db *d = mem_new(sizeof *d + n + 1);

	memcpy(d->path, path, n);
	d->mode = mode;
	d->patience = mode == DB_READ ? PATIENCE_READ : PATIENCE;
	if (prepare_files(d, why) && db_handle_open(d, why))
		return d;
	if (mode == DB_VOLATILE && d->last == DB_CORRUPT) {
		buf_clear(why);
		if (db_remake(d, why))
			return d;
	}
	mem_free(d);
	return NULL;
}

void db_close(struct db **d)
{
	if (!*d)
		return;
	db_handle_drop(*d);
	mem_free(*d);
	*d = NULL;
}

void db_patience(struct db *d, unsigned milliseconds)
{
	d->patience = (int)milliseconds;
	if (d->handle)
		sqlite3_busy_timeout(d->handle, d->patience);
}

/* A replacement may have left no handle behind (no descriptor, say): each transaction's start tries
 * again. */
static bool is_open(struct db *d)
{
	struct buf why = {0};
	bool opened = d->handle || db_handle_open(d, &why);

	buf_free(&why);
	return opened;
}

enum db_result db_exec(struct db *d, const char *sql)
{
	if (!is_open(d))
		return d->last;
	return db_note(d, sqlite3_exec(d->handle, sql, NULL, NULL, NULL));
}

bool db_in_transaction(const struct db *d)
{
	return d->handle && !sqlite3_get_autocommit(d->handle);
}

int64_t db_changes(struct db *d)
{
	return sqlite3_changes64(d->handle);
}

int64_t db_changes_in_all(struct db *d)
{
	return sqlite3_total_changes64(d->handle);
}

bool db_has_written(struct db *d)
{
	int pages = 0, most;

	sqlite3_db_status(d->handle, SQLITE_DBSTATUS_CACHE_WRITE, &pages, &most, 1);
	return pages != 0;
}

const char *db_why(struct db *d)
{
	return d->handle ? sqlite3_errmsg(d->handle) : "is not open";
}

enum db_result db_last(const struct db *d)
{
	return d->last;
}

/* Statements are found by the address of their literal, and the last used is in front: a desk runs
 * the same few. */
static struct stmt *kept_stmt(struct db *d, const char *sql)
{
	for (struct stmt **at = &d->statements; *at; at = &(*at)->next) {
		struct stmt *s = *at;

		if (s->sql != sql)
			continue;
		*at = s->next;
		s->next = d->statements;
		d->statements = s;
		return s;
	}
	return NULL;
}

struct stmt *db_stmt(struct db *d, const char *sql)
{
	struct stmt *s = kept_stmt(d, sql);
	sqlite3_stmt *handle;

	if (s) {
		stmt_done(s);
		return s;
	}
	if (db_note(d,
		    sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle,
			    NULL)) != DB_OK)
		return NULL;
	s = mem_new(sizeof *s);
	s->db = d;
	s->handle = handle;
	s->sql = sql;
	s->next = d->statements;
	d->statements = s;
	return s;
}

static void bound(struct stmt *s, int code)
{
	if (code != SQLITE_OK)
		s->unbound = code;
}

void stmt_text(struct stmt *s, int index, struct str text)
{
	bound(s,
		sqlite3_bind_text64(s->handle, index, text.n ? text.p : "", text.n, SQLITE_STATIC,
			SQLITE_UTF8));
}

void stmt_blob(struct stmt *s, int index, struct str bytes)
{
	bound(s,
		sqlite3_bind_blob64(s->handle, index, bytes.n ? bytes.p : "", bytes.n,
			SQLITE_STATIC));
}

void stmt_i64(struct stmt *s, int index, int64_t v)
{
	bound(s, sqlite3_bind_int64(s->handle, index, v));
}

enum db_result stmt_step(struct stmt *s)
{
	return db_note(s->db, s->unbound ? s->unbound : sqlite3_step(s->handle));
}

struct str stmt_col_text(struct stmt *s, int column)
{
	const unsigned char *p = sqlite3_column_text(s->handle, column);

	return p ? str_at(p, (size_t)sqlite3_column_bytes(s->handle, column)) : STR_NONE;
}

struct str stmt_col_blob(struct stmt *s, int column)
{
	const void *p = sqlite3_column_blob(s->handle, column);

	return p ? str_at(p, (size_t)sqlite3_column_bytes(s->handle, column)) : STR_NONE;
}

int64_t stmt_col_i64(struct stmt *s, int column)
{
	return sqlite3_column_int64(s->handle, column);
}

void stmt_done(struct stmt *s)
{
	sqlite3_reset(s->handle);
	sqlite3_clear_bindings(s->handle); /* what was bound is the caller's again */
	s->unbound = SQLITE_OK;
}

enum db_result stmt_run(struct stmt *s)
{
	enum db_result r = stmt_step(s);

	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

enum db_result db_number(struct db *d, const char *sql, int64_t *out)
{
	struct stmt *s = db_stmt(d, sql);
	enum db_result r;

	*out = 0;
	if (!s)
		return db_last(d);
	r = stmt_step(s);
	if (r == DB_ROW)
		*out = stmt_col_i64(s, 0);
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

void db_checkpoint(struct db *d)
{
	if (!d->handle)
		return;
	sqlite3_busy_timeout(d->handle, 0);
	sqlite3_wal_checkpoint_v2(d->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(d->handle, d->patience);
}

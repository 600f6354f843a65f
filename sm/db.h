/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one sqlite3 user. A struct db belongs to one thread and never crosses a fork. Errors come
 * back as an outcome; the library's codes stay inside. busy_timeout is set on every handle. */
#ifndef SM_DB_H
#define SM_DB_H

#include "common/buf.h"

enum db_result {
	DB_OK,         /* done (a statement: no more rows) */
	DB_ROW,        /* a row is there */
	DB_CONSTRAINT, /* a uniqueness or check constraint */
	DB_BUSY,       /* locked by somebody else for longer than the time-out */
	DB_FULL,       /* no space, or an I/O error on writing */
	DB_CORRUPT,    /* not a database, or damaged */
	DB_FAILED      /* anything else */
};

struct db;
struct stmt; /* prepared, owned by its db */

enum db_mode {
	DB_DURABLE, /* WAL, synchronous=FULL */
	/* WAL, synchronous=OFF; its content can be made again: a file that is no database is
	 * replaced by an empty one */
	DB_VOLATILE,
	DB_READ /* query_only; must be there */
};

/* Opens or (not DB_READ) creates `path` with mode 0640. NULL: `why` says so in one line. */
MUST_CHECK struct db *db_open(const char *path, enum db_mode mode, struct buf *why);
void db_close(struct db **d);
/* how long a lock is waited for; 5 s (DB_READ: 1 s) unless told */
void db_patience(struct db *d, unsigned milliseconds);
/* one or more statements without parameters */
MUST_CHECK enum db_result db_exec(struct db *d, const char *sql);
bool db_in_transaction(const struct db *d); /* a serious failure ends a transaction by itself */
/* Prepared once per (db, sql literal) and kept; NULL on error (db_last). Comes reset and
 * unbound. */
struct stmt *db_stmt(struct db *d, const char *sql);
/* index from 1; bytes stay borrowed until stmt_done */
void stmt_text(struct stmt *s, int index, struct str text);
void stmt_blob(struct stmt *s, int index, struct str bytes);
void stmt_i64(struct stmt *s, int index, int64_t v);
MUST_CHECK enum db_result stmt_step(struct stmt *s);
/* column from 0; borrowed until the next step */
struct str stmt_col_text(struct stmt *s, int column);
struct str stmt_col_blob(struct stmt *s, int column);
int64_t stmt_col_i64(struct stmt *s, int column);
void stmt_done(struct stmt *s); /* resets, so that no transaction stays open */
/* step + done for a statement that yields no row */
MUST_CHECK enum db_result stmt_run(struct stmt *s);
/* The first column of the first row, 0 when there is none. */
MUST_CHECK enum db_result db_number(struct db *d, const char *sql, int64_t *out);
int64_t db_changes(struct db *d);        /* rows that the last statement changed */
int64_t db_changes_in_all(struct db *d); /* ... and all of them since it was opened */
/* Has any page gone to the file or its WAL since it was asked last? None has, where what was put
 * was there already. */
bool db_has_written(struct db *d);
const char *db_why(struct db *d);           /* the last error in words */
enum db_result db_last(const struct db *d); /* the outcome of the last call that failed */
const char *db_result_name(enum db_result r);
size_t db_wal_bytes(const char *path); /* size of path's WAL file; 0: none */
const char *db_library_version(void);

/* Brings the WAL back into the database and cuts it; does not wait for readers. */
void db_checkpoint(struct db *d);
/* Writes a compact copy to the file `to`, synced and with mode 0640; an older copy of that name is
 * replaced. No transaction may be open. */
MUST_CHECK bool db_copy(struct db *d, const char *to, struct buf *why);
/* DB_VOLATILE only, no transaction open; statements of before are gone. Throws everything away: the
 * file is made anew, empty. */
MUST_CHECK bool db_remake(struct db *d, struct buf *why);
/* The same, but keeps the content: a copy takes the file's place, and the old one, with its WAL, is
 * left to whoever still reads it. A crash on the way leaves one of the two complete. */
MUST_CHECK bool db_replace(struct db *d, struct buf *why);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside the fence: db.c has the handle and its statements, db_file.c the files beneath. */
#ifndef SM_DB_WORK_H
#define SM_DB_WORK_H

#include "sm/db.h"

#include <sqlite3.h>

struct stmt {
	struct stmt *next;
	struct db *db;
	sqlite3_stmt *handle;
	const char *sql;
	int unbound; /* the code of a parameter that could not be bound */
};

struct db {
	sqlite3 *handle;
	struct stmt *statements; /* the last used first */
	enum db_mode mode;
	enum db_result last;
	int patience;
	char path[];
};

/* The outcome of a code, remembered when it is a failure. */
enum db_result db_note(struct db *d, int code);
MUST_CHECK bool db_handle_open(struct db *d, struct buf *why);
void db_handle_drop(struct db *d);

MUST_CHECK bool db_file_create(const char *path, struct buf *why);
/* A replacement that was interrupted (db_replace): the copy is complete, the old file's WAL may be
 * gone already. */
MUST_CHECK bool db_file_finish(const char *path, struct buf *why);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A desk is a thread with a database and a queue of jobs, so that the loop waits for no disk. A
 * writing desk commits in groups: the jobs that have come together run in one transaction (each in
 * a savepoint), and only after the commit are they handed back with their result. Jobs come back on
 * the loop, in the order in which they were given; those of a reading desk by their lanes (lane.h),
 * and in that order within each. A desk that rests brings its WAL back into the
 * database; one of a DB_VOLATILE database replaces the file when a reader has held its WAL until it
 * was too long (design.md 4). */
#ifndef SM_DESK_H
#define SM_DESK_H

#include "sm/db.h"
#include "sm/lane.h"
#include <uv.h>

#define DESK_WAL_MOST 67108864 /* bytes, of a DB_VOLATILE database */

struct job {
	struct job *next;
	/* On the desk's thread. Touches only the job and the db. Its result counts only if the
	 * commit succeeds too. */
	enum db_result (*run)(struct job *j, struct db *d);
	/* On the loop, with `result` set; the job's owner frees it here. */
	void (*done)(struct job *j);
	enum db_result result;
	uint8_t lane; /* of a reading desk: enum lane */
};

struct desk;

/* Opens `path` on the new thread. `migrate` (or NULL) brings the schema up to date there first.
 * NULL: `why`. */
MUST_CHECK struct desk *desk_new(uv_loop_t *loop, const char *path, enum db_mode mode,
	bool (*migrate)(struct db *d, const char *path, struct buf *why), struct buf *why);
void desk_give(struct desk *k, struct job *j);
size_t desk_waiting(const struct desk *k); /* jobs given and not yet handed back */
/* Runs what is queued, ends the thread, closes the db. Jobs still to be handed back have their done
 * called from here; what is given meanwhile comes back as DB_FAILED, not run. The loop has a handle
 * to close yet: let it run once more. */
void desk_free(struct desk **k);
/* Is the database refusing work (full, locked, corrupt)? Since when (wall-clock seconds; 0: it
 * works), and the reason. For sm status. */
int64_t desk_trouble(const struct desk *k, enum db_result *why);

#endif

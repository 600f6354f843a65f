/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside the turn record: turn.c (the record), turn_recover.c (taking it up), turn_table.c
 * (sessions.db behind it). */
#ifndef SM_TURN_WORK_H
#define SM_TURN_WORK_H

#include "sm/turn.h"
#include "sm/turn_log.h"

/* A change of a session that sessions.db does not have yet: the newest one of its sid. */
struct change {
	uint64_t sid, turn;
	bool removed;
	bool unknown;   /* sessions.db was never given this sid: a removal needs no row there */
	struct buf row; /* encoded; empty when removed */
};

struct turn {
	struct turn_log *log;
	uint64_t number;       /* of the last record */
	struct buf items;      /* what the open turn changed, links apart */
	struct buf record;     /* being built; kept for its memory */
	struct table *pending; /* struct change by sid */
	size_t pending_bytes;
	/* turn_table.c */
	struct table_batch *batch; /* with the desk now */
	uv_timer_t table_timer;
	bool table_started, table_trouble;
	struct buf table_path;
};

/* Keeps a change until sessions.db has it. row empty: removed. */
void pending_put(struct turn *t, uint64_t sid, uint64_t turn, struct str row, bool unknown);
void pending_drop(struct turn *t, struct change *c);
void turn_table_touch(struct house *h); /* there may be something to write */
/* Reads sessions.db and the log into the house. False: `why`. */
MUST_CHECK bool turn_recover(struct house *h, struct turn *t, bool *recovered, struct buf *why);
/* Ends the open turn with a new log file, which begins with everything that is to be kept; workers
 * are expelled until it fits. */
void turn_snapshot(struct house *h, struct turn *t);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What sm top shows: answers read into figures, and figures written as a page. */
#ifndef SM_TOP_H
#define SM_TOP_H

#include "common/buf.h"
#include "common/log.h"

#define TOP_WORKERS 64
#define TOP_LOOKS 5 /* the newest first: so much past is needed for the rates */
#define TOP_TEXT 32

enum top_number {
	TOP_uptime,
	TOP_sessions,
	TOP_routed,
	TOP_messages,
	TOP_ghosts,
	TOP_proofs,
	TOP_refused,
	TOP_NUMBERS
};

struct top_look {
	int64_t at; /* monotonic ms; 0: nobody looked */
	char version[TOP_TEXT], state[TOP_TEXT];
	int64_t number[TOP_NUMBERS];
	uint64_t event[EVENT_TOP];
	struct {
		int64_t slot, pid, joined, connections, negotiating, sessions, queued;
	} worker[TOP_WORKERS];
	size_t worker_n;
	struct {
		char name[TOP_TEXT], state[TOP_TEXT];
		int64_t waiting, wal;
	} database[4];
	size_t database_n;
};

/* `status` and `stats`: the answers to these commands (report.h). Columns that are not known are
 * skipped, missing ones are 0. False: malformed. */
MUST_CHECK bool top_read(struct top_look *l, struct str status, struct str stats);
/* rows: at most so many; 0: all. ansi: with colours, and each line cleared to its end. */
void top_page(struct buf *out, const struct top_look looks[TOP_LOOKS], unsigned rows, bool ansi);

#endif

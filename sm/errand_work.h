/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside the errands: errand.c (holding, the record), errand_run.c (running, letting go). */
#ifndef SM_ERRAND_WORK_H
#define SM_ERRAND_WORK_H

#include <stdatomic.h>

#include "sm/module.h"

struct counted;

enum once { ONCE_self, ONCE_row };

struct errand_row {
	enum errand_code code;
	enum once once;
	enum db_result (*store)(struct db *d, const struct errand *e, struct buf *result);
	void (*done)(struct house *h, const struct errand *e, enum db_result r, struct str result);
};

struct held {
	struct job job;
	struct house *house;
	struct held *next, *previous; /* by id */
	const struct errand_row *row;
	struct errand e;
	struct counted *ahead, *sender;
	uint64_t sid;   /* of the session that it is counted at; another may have its name later */
	bool again;     /* the record had it: it may have been run before */
	uint64_t below; /* no errand before this id is held any more, and the record says so */
	struct buf result;
	size_t room; /* of q->results, taken for it */
	bool no_room;
	size_t paced;         /* bytes of an answer for which its client had no room, ... */
	uint64_t paced_until; /* ... and how long it is to wait: loop ms */
	size_t bytes;         /* of text */
	char text[];
};

struct errands {
	struct held *first, *last;
	struct table *ahead, *senders;
	struct held *fresh;     /* from here on they are for the writer, once the record has them */
	size_t bytes;           /* held */
	_Atomic size_t results; /* bytes */
	size_t results_most;
	struct queue paced; /* whose clients have no room for their answers now */
	uint64_t look;      /* loop ms: they are not looked through before */
	bool resumed;       /* those who said goodbye before a crash are to be looked after */
};

void held_unlink(struct errands *q, struct held *x);
void held_free(struct errands *q, struct held *x); /* one that is linked no more */
/* Does it count as a question of its session? Not what only goes behind others: messages to be
 * stored, stanzas. */
bool errand_is_asked(enum errand_code code);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Jobs of a desk that wait, in lanes: those of an earlier lane go first, but while anybody waits in
 * a later one, every LANE_FAIR-th turn is its, so that nobody waits for ever. Within a lane first
 * come, first served. Plain functions: the owner locks. */
#ifndef SM_LANE_H
#define SM_LANE_H

#include "common/base.h"

struct job;

#define LANE_FAIR 4

/* What a job is for. */
enum lane {
	LANE_PROMPT, /* sessions, and logins by a token (FAST): who was here before */
	LANE_LOGIN,  /* logins that cost a look-up and a proof (SCRAM) */
	LANE_DEAR,   /* those after which a password is derived (PLAIN), and new accounts */
	LANES
};

struct queue {
	struct job *first, **end;
};

void queue_start(struct queue *q);
void queue_put(struct queue *q, struct job *j);
struct job *queue_take(struct queue *q); /* NULL: nobody waits */

struct lanes {
	struct queue lane[LANES];
	unsigned turns[LANES]; /* of each, while later ones had somebody */
};

void lanes_start(struct lanes *l);
void lanes_put(struct lanes *l, struct job *j); /* to j->lane */
bool lanes_empty(const struct lanes *l);
struct job *lanes_take(struct lanes *l); /* who is next; NULL: nobody waits */
/* How many may wait before one of this lane is turned away, where `most` may in all: what is shed
 * is of the later lanes first. */
size_t lane_most(enum lane lane, size_t most);

#endif

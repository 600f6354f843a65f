/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See lane.h. */
#include "sm/lane.h"

#include "sm/desk.h"

void queue_start(struct queue *q)
{
	q->first = NULL;
	q->end = &q->first;
}

void queue_put(struct queue *q, struct job *j)
{
	j->next = NULL;
	*q->end = j;
	q->end = &j->next;
}

struct job *queue_take(struct queue *q)
{
	struct job *j = q->first;

	if (!j)
		return NULL;
	q->first = j->next;
	if (!q->first)
		q->end = &q->first;
	j->next = NULL;
	return j;
}

void lanes_start(struct lanes *l)
{
	*l = (struct lanes){0};
	for (unsigned i = 0; i < LANES; i++)
		queue_start(&l->lane[i]);
}

void lanes_put(struct lanes *l, struct job *j)
{
	CHECK(j->lane < LANES);
	queue_put(&l->lane[j->lane], j);
}

static bool empty_from(const struct lanes *l, unsigned i)
{
	while (i < LANES && !l->lane[i].first)
		i++;
	return i == LANES;
}

bool lanes_empty(const struct lanes *l)
{
	return empty_from(l, 0);
}

struct job *lanes_take(struct lanes *l)
{
	unsigned i = 0;

	for (; i < LANES - 1; i++) {
		bool last = empty_from(l, i + 1);

		if (l->lane[i].first && (last || ++l->turns[i] % LANE_FAIR))
			break;
	}
	return queue_take(&l->lane[i]);
}

size_t lane_most(enum lane lane, size_t most)
{
	return most - most / (LANES + 1) * lane;
}

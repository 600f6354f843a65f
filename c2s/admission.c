/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Crowds (who waits of one prefix, first come, first served) stand in two rings, one of those that
 * resume; the crowd at the head of a ring gives one, and goes to its end. */
#include "c2s/admission.h"

#include "common/table.h"

#include <string.h>

#define FULL_EVERY 4 /* every fourth is one that does not resume, if any waits */

struct crowd {
	struct {
		struct door_key prefix;
		uint8_t resumes;
	} key;
	struct crowd *next, *previous; /* in the ring */
	struct waiter *first, *last;
	size_t count;
};

struct admission {
	struct table *crowds;
	struct crowd *ring[2]; /* the head of each; [1]: of those that resume */
	size_t count;
	unsigned served; /* of FULL_EVERY */
};

struct admission *admission_new(void)
{
	struct admission *a = mem_new(sizeof *a);

	a->crowds = table_new();
	return a;
}

void admission_free(struct admission **a)
{
	if (!*a)
		return;
	CHECK((*a)->count == 0);
	table_free(&(*a)->crowds);
	mem_free(*a);
	*a = NULL;
}

size_t admission_count(const struct admission *a)
{
	return a->count;
}

/* --- rings ------------------------------------------------------------------------------------ */

static struct crowd **ring_of(struct admission *a, const struct crowd *c)
{
	return &a->ring[c->key.resumes];
}

static void join_ring(struct admission *a, struct crowd *c)
{
	struct crowd **head = ring_of(a, c);

	if (!*head) {
		c->next = c->previous = *head = c;
		return;
	}
	c->next = *head;
	c->previous = (*head)->previous;
	c->next->previous = c->previous->next = c;
}

static void leave_ring(struct admission *a, struct crowd *c)
{
	struct crowd **head = ring_of(a, c);

	c->next->previous = c->previous;
	c->previous->next = c->next;
	if (*head == c)
		*head = c->next == c ? NULL : c->next;
}

/* NULL: no memory. */
static struct crowd *crowd_of(struct admission *a, struct door_key prefix, bool resumes)
{
	struct crowd *c = mem_try(sizeof *c), *found;

	if (!c)
		return NULL;
	c->key.prefix = prefix;
	c->key.resumes = resumes;
	found = table_get(a->crowds, KEY(c->key));
	if (!found && table_put(a->crowds, KEY(c->key), c)) {
		join_ring(a, c);
		return c;
	}
	mem_free(c);
	return found;
}

/* --- waiters ---------------------------------------------------------------------------------- */

static void join_crowd(struct admission *a, struct crowd *c, struct waiter *w)
{
	w->crowd = c;
	w->next = NULL;
	w->previous = c->last;
	*(c->last ? &c->last->next : &c->first) = w;
	c->last = w;
	c->count++;
	a->count++;
}

void admission_remove(struct admission *a, struct waiter *w)
{
	struct crowd *c = w->crowd;

	if (!c)
		return;
	*(w->previous ? &w->previous->next : &c->first) = w->next;
	*(w->next ? &w->next->previous : &c->last) = w->previous;
	*w = (struct waiter){0};
	c->count--;
	a->count--;
	if (c->count)
		return;
	leave_ring(a, c);
	table_remove(a->crowds, KEY(c->key));
	mem_free(c);
}

static struct crowd *larger_of(struct crowd *head, struct crowd *most)
{
	struct crowd *c = head;

	while (c) {
		if (c->count > most->count)
			most = c;
		c = c->next == head ? NULL : c->next;
	}
	return most;
}

struct waiter *admission_put(struct admission *a, struct waiter *w, struct door_key prefix,
	bool resumes, size_t most)
{
	struct crowd *c = crowd_of(a, prefix, resumes);
	struct waiter *victim;

	if (!c)
		return w;
	join_crowd(a, c, w);
	if (a->count <= most)
		return NULL;
	victim = larger_of(a->ring[0], larger_of(a->ring[1], c))->last;
	admission_remove(a, victim);
	return victim;
}

struct waiter *admission_next(struct admission *a)
{
	bool full = !a->ring[1] || (a->ring[0] && ++a->served % FULL_EVERY == 0);
	struct crowd *c = a->ring[full ? 0 : 1];
	struct waiter *w;

	if (!c)
		return NULL;
	w = c->first;
	*ring_of(a, c) = c->next; /* from the head to the end */
	admission_remove(a, w);
	return w;
}

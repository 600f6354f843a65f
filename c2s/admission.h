/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who is next when more TLS handshakes are due than a turn of the loop has time for: address
 * prefixes take turns, so that one that comes a hundred times waits for itself; those that resume
 * a session go first, since they cost less and were here before, but not all the time: a ticket
 * can be shown many times. Plain functions: the owner keeps what waits. */
#ifndef C2S_ADMISSION_H
#define C2S_ADMISSION_H

#include "c2s/door.h"

struct admission;
struct crowd;

/* One that waits; its fields are of admission.c. */
struct waiter {
	struct waiter *next, *previous;
	struct crowd *crowd; /* NULL: it does not wait */
};

struct admission *admission_new(void);
void admission_free(struct admission **a); /* nobody may wait any more */
/* Waits from now on. When more than `most` would: the one to be turned away, waiting no more (the
 * newest of the prefix that has the most, perhaps `w` itself); else NULL. */
MUST_CHECK struct waiter *admission_put(struct admission *a, struct waiter *w,
	struct door_key prefix, bool resumes, size_t most);
struct waiter *admission_next(struct admission *a); /* waiting no more; NULL: nobody waits */
void admission_remove(struct admission *a, struct waiter *w); /* harmless when it does not wait */
size_t admission_count(const struct admission *a);

#endif

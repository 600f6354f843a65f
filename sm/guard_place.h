/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside guard*.c: what is counted, in tables of a fixed size. They lie in one piece of memory
 * without pointers, which sm's parent maps for all children that it will have, so that a crash
 * resets no counter. A place is found by a hash under a random key; when all places of its bucket
 * are taken, the one with the least to forget gives way. */
#ifndef SM_GUARD_PLACE_H
#define SM_GUARD_PLACE_H

#include "common/network.h"

#define GUARD_NAME 84
#define GUARD_WAYS 8
#define GUARD_BUCKETS 2048
#define GUARD_ONE 1000 /* a failure: counts are in thousandths */

enum guard_kind {
	GUARD_ADDRESS, /* prefixes */
	GUARD_ACCOUNT,
	GUARD_PAIR, /* an account at a prefix */
	GUARD_KINDS
};

struct guard_place {
	uint64_t tag;          /* 0: free */
	uint64_t at;           /* ms, when `failures` was so many */
	uint64_t until;        /* ms: refused */
	uint64_t good;         /* of a pair: ms of the last success; 0: none */
	uint32_t failures;     /* in thousandths; halved in each half-life */
	char name[GUARD_NAME]; /* for people; cut */
};

struct guard_memory {
	uint8_t secret[16];
	struct guard_place places[GUARD_KINDS][GUARD_BUCKETS * GUARD_WAYS];
};

struct guard_now {
	uint64_t ms, half_life_ms;
};

/* For `fork`: what is mapped here is that of all children. Dies without memory. */
struct guard_memory *guard_memory_new(void);
void guard_memory_free(struct guard_memory **m);
/* NULL: nothing is known. */
struct guard_place *guard_find(struct guard_memory *m, enum guard_kind kind, struct network from,
	struct str account);
/* Finds or makes it. NULL: of a pair, when its bucket has only accounts that are trusted at their
 * addresses, and `good` is false. */
struct guard_place *guard_make(struct guard_memory *m, enum guard_kind kind, struct network from,
	struct str account, struct guard_now now, bool good);
/* Thousandths, by now; 0 for NULL. */
uint32_t guard_failures(const struct guard_place *p, struct guard_now now);
void guard_add(struct guard_place *p, int64_t thousandths, struct guard_now now);

#endif

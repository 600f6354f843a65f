/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table at the door. Buckets of eight places; a place belongs to the address whose keyed hash
 * is its tag and holds one counter a worker, which only that worker writes (the parent once it is
 * dead). So an address costs no lock, and what a killed worker held is known.
 *
 * A place whose counters are all zero may be taken by another address. It is taken in two steps, so
 * that nobody counts in a place that changes hands: who takes it signs as its taker, then looks at
 * the counters, and only then writes the new tag; who counts writes the counter first and then
 * looks at taker and tag. One of the two always sees the other (all of it is sequentially
 * consistent), and steps back. While anybody counts in it, a place keeps its tag, so that leaving
 * finds it. An address may come to hold two places of its bucket: sums go over all of them. */
#include "c2s/door.h"

#include "common/log.h"
#include "common/rand.h"
#include "common/table.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define BUCKETS 8192
#define PLACES 8
#define BAN_BUCKETS 1024
#define TRIES 4 /* then an address is let in uncounted: others keep taking the place */

struct door_place {
	_Atomic uint64_t tag;   /* 0: nobody's yet */
	_Atomic uint32_t taker; /* slot + 1 of who is about to change the tag, or 0 */
	_Atomic uint32_t count[];
};

struct door_ban {
	_Atomic uint64_t tag;   /* 0: nobody's */
	_Atomic uint64_t until; /* ms */
};

struct door {
	uint8_t secret[16];
	struct door_ban bans[BAN_BUCKETS * PLACES];
	unsigned slots;
	size_t place_bytes, bytes;
	_Atomic bool full_said;
	uint64_t places[]; /* BUCKETS * PLACES times place_bytes */
};

struct door *door_new(unsigned slots)
{
	size_t place = (sizeof(struct door_place) + slots * sizeof(uint32_t) + 7) & ~(size_t)7;
	size_t bytes = sizeof(struct door) + BUCKETS * PLACES * place;
	const int access = PROT_READ | PROT_WRITE, shared = MAP_SHARED | MAP_ANONYMOUS;
	struct door *d = mmap(NULL, bytes, access, shared, -1, 0);

	CHECK(d != MAP_FAILED);
	rand_bytes(d->secret, sizeof d->secret);
	d->slots = slots;
	d->place_bytes = place;
	d->bytes = bytes;
	return d;
}

void door_free(struct door **d)
{
	if (*d)
		munmap(*d, (*d)->bytes);
	*d = NULL;
}

struct door_key door_key(struct network address)
{
	struct network prefix = network_prefix(address, NETWORK_PEER_BITS);
	struct door_key key = {{prefix.family}};

	memcpy(key.bytes + 1, prefix.bytes, prefix.family == 4 ? 4 : NETWORK_PEER_BITS / 8);
	return key;
}

static struct door_place *place_at(const struct door *d, uint64_t tag, unsigned i)
{
	size_t bucket = tag % BUCKETS;

	return (struct door_place *)((char *)d->places + (bucket * PLACES + i) * d->place_bytes);
}

static uint64_t tag_of(const struct door *d, struct door_key key)
{
	uint64_t tag = siphash_24(d->secret, str_at(key.bytes, sizeof key.bytes));

	return tag ? tag : 1;
}

static unsigned sum_of(const struct door *d, struct door_place *p)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < d->slots; i++)
		sum += atomic_load(&p->count[i]);
	return sum;
}

static unsigned count_of(const struct door *d, uint64_t tag)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < PLACES; i++) {
		struct door_place *p = place_at(d, tag, i);

		if (atomic_load(&p->tag) == tag)
			sum += sum_of(d, p);
	}
	return sum;
}

static void add(struct door_place *p, unsigned slot, int change)
{
	/* one writer: no read-modify-write is needed, but the order towards the tag is */
	uint32_t now = atomic_load_explicit(&p->count[slot], memory_order_relaxed);

	atomic_store(&p->count[slot], now + (uint32_t)change);
}

/* Gives a place that nobody counts in to `tag`. */
static bool take_place(struct door *d, unsigned slot, struct door_place *p, uint64_t tag)
{
	uint32_t nobody = 0;
	bool idle;

	if (sum_of(d, p) > 0 || !atomic_compare_exchange_strong(&p->taker, &nobody, slot + 1))
		return false;
	idle = sum_of(d, p) == 0;
	if (idle)
		atomic_store(&p->tag, tag);
	atomic_store(&p->taker, 0);
	return idle;
}

/* The place of `tag`, taken when it has none. NULL: every place of its bucket is in use. */
static struct door_place *place_of(struct door *d, unsigned slot, uint64_t tag)
{
	for (unsigned i = 0; i < PLACES; i++)
		if (atomic_load(&place_at(d, tag, i)->tag) == tag)
			return place_at(d, tag, i);
	for (unsigned i = 0; i < PLACES; i++)
		if (take_place(d, slot, place_at(d, tag, i), tag))
			return place_at(d, tag, i);
	return NULL;
}

/* Counts one in a place of `tag`. NULL: there is none to be had. */
static struct door_place *count_in(struct door *d, unsigned slot, uint64_t tag)
{
	for (unsigned i = 0; i < TRIES; i++) {
		struct door_place *p = place_of(d, slot, tag);

		if (!p)
			return NULL;
		add(p, slot, 1);
		if (atomic_load(&p->taker) == 0 && atomic_load(&p->tag) == tag)
			return p;
		add(p, slot, -1); /* it changed hands meanwhile */
	}
	return NULL;
}

bool door_enter(struct door *d, unsigned slot, struct door_key key, unsigned most)
{
	uint64_t tag = tag_of(d, key);
	struct door_place *p = count_in(d, slot, tag);

	if (!p) {
		if (!atomic_exchange(&d->full_said, true))
			log_event(limits, LOG_TEXT("door", "full: some addresses are not counted"));
		return true;
	}
	if (!most || count_of(d, tag) <= most)
		return true;
	add(p, slot, -1);
	return false;
}

void door_leave(struct door *d, unsigned slot, struct door_key key)
{
	uint64_t tag = tag_of(d, key);

	for (unsigned i = 0; i < PLACES; i++) {
		struct door_place *p = place_at(d, tag, i);

		if (atomic_load(&p->tag) != tag || !atomic_load(&p->count[slot]))
			continue;
		add(p, slot, -1);
		return;
	}
}

void door_forget(struct door *d, unsigned slot)
{
	for (size_t i = 0; i < BUCKETS * PLACES; i++) {
		struct door_place *p = (struct door_place *)((char *)d->places +
			i * d->place_bytes);
		uint32_t taker = slot + 1;

		if (atomic_load(&p->count[slot]))
			atomic_store(&p->count[slot], 0);
		/* should it have died between the two steps: */
		atomic_compare_exchange_strong(&p->taker, &taker, 0);
	}
}

unsigned door_count(const struct door *d, struct door_key key)
{
	return count_of(d, tag_of(d, key));
}

/* bans */

static struct door_ban *bans_of(const struct door *d, uint64_t tag)
{
	return (struct door_ban *)&d->bans[tag % BAN_BUCKETS * PLACES];
}

static struct door_ban *ban_of(const struct door *d, uint64_t tag)
{
	struct door_ban *bucket = bans_of(d, tag);

	for (unsigned i = 0; i < PLACES; i++)
		if (atomic_load_explicit(&bucket[i].tag, memory_order_relaxed) == tag)
			return &bucket[i];
	return NULL;
}

/* A reader that meets a place which changes hands refuses one connection too many, or too few. */
void door_ban(struct door *d, struct door_key key, uint64_t until_ms)
{
	uint64_t tag = tag_of(d, key);
	struct door_ban *b = ban_of(d, tag), *bucket = bans_of(d, tag);

	if (!b && !until_ms)
		return;
	if (!b) {
		b = bucket;
		for (unsigned i = 1; i < PLACES; i++)
			if (atomic_load(&bucket[i].until) < atomic_load(&b->until))
				b = &bucket[i];
		atomic_store(&b->until, 0);
		atomic_store(&b->tag, tag);
	}
	atomic_store(&b->until, until_ms);
}

void door_unban_all(struct door *d)
{
	for (size_t i = 0; i < COUNT(d->bans); i++)
		if (atomic_load(&d->bans[i].until))
			atomic_store(&d->bans[i].until, 0);
}

bool door_banned(const struct door *d, struct door_key key, uint64_t now_ms)
{
	const struct door_ban *b = ban_of(d, tag_of(d, key));

	return b && atomic_load(&b->until) > now_ms;
}

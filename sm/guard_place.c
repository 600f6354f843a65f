/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Places: look-up, victims, decay. Whatever a child that was killed has left half written in one is
 * a number, or a name that is read up to its bounds. */
#include "sm/guard_place.h"

#include "common/buf.h"
#include "common/rand.h"
#include "common/table.h"

#include <string.h>
#include <sys/mman.h>

#define HALVINGS_MOST 31
#define WORTH_REFUSED (UINT64_C(1) << 40) /* more than any count */
#define WORTH_GOOD (UINT64_C(1) << 36)

struct guard_memory *guard_memory_new(void)
{
	struct guard_memory *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(m != MAP_FAILED);
	rand_bytes(m->secret, sizeof m->secret);
	return m;
}

void guard_memory_free(struct guard_memory **m)
{
	if (*m)
		munmap(*m, sizeof **m);
	*m = NULL;
}

static uint64_t tag_of(const struct guard_memory *m, enum guard_kind kind, struct network from,
	struct str account)
{
	uint64_t name = siphash_24(m->secret, account), tag;
	uint8_t key[1 + sizeof from + sizeof name];

	key[0] = (uint8_t)kind;
	memcpy(key + 1, &from, sizeof from);
	memcpy(key + 1 + sizeof from, &name, sizeof name);
	tag = siphash_24(m->secret, str_at(key, sizeof key));
	return tag ? tag : 1;
}

static struct guard_place *bucket_of(struct guard_memory *m, enum guard_kind kind, uint64_t tag)
{
	return &m->places[kind][tag % GUARD_BUCKETS * GUARD_WAYS];
}

static struct guard_place *find(struct guard_memory *m, enum guard_kind kind, uint64_t tag)
{
	struct guard_place *bucket = bucket_of(m, kind, tag);

	for (unsigned i = 0; i < GUARD_WAYS; i++) {
		if (bucket[i].tag == tag)
			return &bucket[i];
	}
	return NULL;
}

struct guard_place *guard_find(struct guard_memory *m, enum guard_kind kind, struct network from,
	struct str account)
{
	return find(m, kind, tag_of(m, kind, from, account));
}

uint32_t guard_failures(const struct guard_place *p, struct guard_now now)
{
	uint64_t age = p && now.ms > p->at ? now.ms - p->at : 0, halvings = age / now.half_life_ms;
	uint64_t left;

	if (!p || halvings > HALVINGS_MOST)
		return 0;
	left = p->failures >> halvings;
	/* between two halvings along a straight line */
	return (uint32_t)(left - left * (age % now.half_life_ms) / (2 * now.half_life_ms));
}

void guard_add(struct guard_place *p, int64_t thousandths, struct guard_now now)
{
	int64_t sum = (int64_t)guard_failures(p, now) + thousandths;

	if (sum < 0)
		sum = 0;
	p->failures = sum < UINT32_MAX / 2 ? (uint32_t)sum : UINT32_MAX / 2;
	p->at = now.ms;
}

/* What is lost with it: a refusal, trust, failures; among equals the older one goes. */
static uint64_t worth(const struct guard_place *p, struct guard_now now)
{
	if (p->tag == 0)
		return 0;
	return (p->until > now.ms ? WORTH_REFUSED : 0) + (p->good ? WORTH_GOOD : 0) +
		guard_failures(p, now) + 1;
}

static bool goes_before(const struct guard_place *a, const struct guard_place *b,
	struct guard_now now)
{
	uint64_t x = worth(a, now), y = worth(b, now);

	return x < y || (x == y && (a->good ? a->good : a->at) < (b->good ? b->good : b->at));
}

/* The beginning and the end: of long names the domain says more than the middle. */
static void put_name(struct guard_place *p, struct network from, struct str account)
{
	size_t half = (GUARD_NAME - 4) / 2;
	struct buf name = {0};

	_Static_assert(GUARD_NAME >= NETWORK_TEXT, "an address is never cut");
	if (from.family) {
		network_write(from, p->name);
		return;
	}
	buf_put(&name, str_head(account, account.n < GUARD_NAME ? account.n : half));
	if (account.n >= GUARD_NAME) {
		buf_puts(&name, "...");
		buf_put(&name, str_skip(account, account.n - half));
	}
	memcpy(p->name, name.p ? name.p : "", name.n);
	p->name[name.n] = 0;
	buf_free(&name);
}

struct guard_place *guard_make(struct guard_memory *m, enum guard_kind kind, struct network from,
	struct str account, struct guard_now now, bool good)
{
	uint64_t tag = tag_of(m, kind, from, account);
	struct guard_place *found = find(m, kind, tag), *bucket = bucket_of(m, kind, tag);
	struct guard_place *victim = bucket;

	if (found)
		return found;
	for (unsigned i = 1; i < GUARD_WAYS; i++) {
		if (goes_before(&bucket[i], victim, now))
			victim = &bucket[i];
	}
	if (victim->good && !good)
		return NULL;
	*victim = (struct guard_place){.tag = tag, .at = now.ms};
	if (kind != GUARD_PAIR)
		put_name(victim, from, account);
	return victim;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one uthash user. Its hash function is replaced by SipHash-1-3 under a key that no peer can
 * learn, so chains stay short whatever keys are chosen; and running out of memory refuses the
 * entry instead of ending the process. */
#include "common/table.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "common/rand.h"

static unsigned keyed_hash(const void *key, size_t n);

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, n, hash) ((hash) = keyed_hash(key, n))
#define uthash_malloc(n) mem_try(n)
#define uthash_free(block, n) mem_free(block)
#include <uthash.h>

struct entry {
	void *value;
	UT_hash_handle hh;
};

struct table {
	struct entry *head;
};

/* No lock is needed: a key drawn before a fork is as random after it, and no hash leaves its
 * process. */
static uint8_t process_key[16];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void draw_key(void)
{
	rand_bytes(process_key, sizeof process_key);
}

static uint64_t load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

static inline uint64_t rotate(uint64_t v, unsigned by)
{
	return v << by | v >> (64 - by);
}

/* By value, so that all four stay in registers: each turn's record goes through here. */
struct sip {
	uint64_t a, b, c, d;
};

static inline struct sip sip_round(struct sip v)
{
	v.a += v.b;
	v.c += v.d;
	v.b = rotate(v.b, 13) ^ v.a;
	v.d = rotate(v.d, 16) ^ v.c;
	v.a = rotate(v.a, 32);
	v.c += v.b;
	v.a += v.d;
	v.b = rotate(v.b, 17) ^ v.c;
	v.d = rotate(v.d, 21) ^ v.a;
	v.c = rotate(v.c, 32);
	return v;
}

static inline struct sip sip_rounds(struct sip v, unsigned n)
{
	while (n--)
		v = sip_round(v);
	return v;
}

static inline struct sip sip_word(struct sip v, uint64_t word, unsigned rounds)
{
	v.d ^= word;
	v = sip_rounds(v, rounds);
	v.a ^= word;
	return v;
}

/* SipHash-rounds-last. */
static inline uint64_t sip(const uint8_t key[16], struct str bytes, unsigned rounds, unsigned last)
{
	uint64_t k0 = load64(key), k1 = load64(key + 8);
	struct sip v = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
	uint64_t tail = (uint64_t)bytes.n << 56;
	const uint8_t *p = (const uint8_t *)bytes.p;
	size_t whole = bytes.n / 8 * 8;

	for (size_t i = 0; i < whole; i += 8)
		v = sip_word(v, load64(p + i), rounds);
	for (size_t i = whole; i < bytes.n; i++)
		tail |= (uint64_t)p[i] << (8 * (i - whole));
	v = sip_word(v, tail, rounds);
	v.c ^= 0xff;
	v = sip_rounds(v, last);
	return v.a ^ v.b ^ v.c ^ v.d;
}

uint64_t siphash(const uint8_t key[16], struct str bytes)
{
	return sip(key, bytes, 1, 3);
}

uint64_t siphash_24(const uint8_t key[16], struct str bytes)
{
	return sip(key, bytes, 2, 4);
}

static unsigned keyed_hash(const void *key, size_t n)
{
	return (unsigned)siphash(process_key, str_at(key, n));
}

struct table *table_new(void)
{
	pthread_once(&key_once, draw_key);
	return mem_new(sizeof(struct table));
}

void table_free(struct table **t)
{
	struct entry *e, *next;

	if (!*t)
		return;
	HASH_ITER(hh, (*t)->head, e, next)
	{
		HASH_DEL((*t)->head, e);
		mem_free(e);
	}
	mem_free(*t);
	*t = NULL;
}

/* uthash compares with memcmp, which must not see a null pointer. */
static struct str never_null(struct str key)
{
	return key.n ? key : STR("");
}

static struct entry *find(const struct table *t, struct str key, unsigned hash)
{
	struct entry *e;

	HASH_FIND_BYHASHVALUE(hh, t->head, key.p, key.n, hash, e);
	return e;
}

bool table_put(struct table *t, struct str key, void *value)
{
	unsigned hash;
	struct entry *e;

	key = never_null(key);
	hash = keyed_hash(key.p, key.n);
	if (find(t, key, hash))
		return false;
	e = mem_try(sizeof *e);
	if (!e)
		return false;
	e->value = value;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->head, key.p, key.n, hash, e);
	if (!e->hh.tbl) { /* how uthash says that it had no memory */
		mem_free(e);
		return false;
	}
	return true;
}

void *table_get(const struct table *t, struct str key)
{
	struct entry *e;

	if (!t->head)
		return NULL;
	key = never_null(key);
	e = find(t, key, keyed_hash(key.p, key.n));
	return e ? e->value : NULL;
}

void *table_remove(struct table *t, struct str key)
{
	struct entry *e;
	void *value;

	if (!t->head)
		return NULL;
	key = never_null(key);
	e = find(t, key, keyed_hash(key.p, key.n));
	if (!e)
		return NULL;
	value = e->value;
	HASH_DEL(t->head, e);
	mem_free(e);
	return value;
}

size_t table_count(const struct table *t)
{
	return HASH_COUNT(t->head);
}

void table_each(struct table *t, void (*visit)(void *ctx, void *value), void *ctx)
{
	struct entry *e, *next;

	HASH_ITER(hh, t->head, e, next)
	visit(ctx, e->value);
}

size_t table_longest(const struct table *t)
{
	const UT_hash_table *tbl = t->head ? t->head->hh.tbl : NULL;
	size_t longest = 0;

	for (size_t i = 0; tbl && i < tbl->num_buckets; i++) {
		if (tbl->buckets[i].count > longest)
			longest = tbl->buckets[i].count;
	}
	return longest;
}

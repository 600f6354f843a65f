/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See key_cache.h: a table, and a ring in the order of use. */
#include "c2s/key_cache.h"

#include "common/rand.h"
#include "common/table.h"
#include <string.h>

struct entry {
	struct entry *newer, *older; /* the ring goes through the cache's head */
	struct key_tag tag;          /* the table's key */
	uint8_t n, key[HASH_MAX];
};

struct key_cache {
	uint8_t secret[32];
	struct table *by_tag;
	struct entry head; /* its older is the one used last, its newer the one to go */
	size_t most;
};

static void unlink_entry(struct entry *e)
{
	e->newer->older = e->older;
	e->older->newer = e->newer;
}

static void link_newest(struct key_cache *k, struct entry *e)
{
	e->newer = &k->head;
	e->older = k->head.older;
	e->older->newer = e;
	k->head.older = e;
}

static void forget(struct key_cache *k, struct entry *e)
{
	table_remove(k->by_tag, KEY(e->tag));
	unlink_entry(e);
	mem_wipe(e, sizeof *e);
	mem_free(e);
}

struct key_cache *key_cache_new(void)
{
	struct key_cache *k = mem_new(sizeof *k);

	rand_bytes(k->secret, sizeof k->secret);
	k->by_tag = table_new();
	k->head.newer = k->head.older = &k->head;
	return k;
}

void key_cache_free(struct key_cache **k)
{
	struct key_cache *old = *k;

	if (!old)
		return;
	key_cache_limit(old, 0);
	table_free(&old->by_tag);
	mem_wipe(old, sizeof *old);
	mem_free(old);
	*k = NULL;
}

void key_cache_limit(struct key_cache *k, size_t most)
{
	k->most = most;
	while (table_count(k->by_tag) > most)
		forget(k, k->head.newer);
}

size_t key_cache_count(const struct key_cache *k)
{
	return table_count(k->by_tag);
}

struct key_tag key_cache_tag(const struct key_cache *k, const struct sasl_work *work)
{
	struct key_tag tag;
	struct buf in = {0};

	buf_u8(&in, (uint8_t)work->hash);
	buf_u32(&in, work->iterations);
	/* or its end could pass for the password's beginning */
	buf_u32(&in, (uint32_t)work->salt.n);
	buf_put(&in, work->salt);
	buf_put(&in, work->password);
	hmac_bytes(HASH_SHA256, str_at(k->secret, sizeof k->secret), buf_str(&in), tag.bytes);
	buf_wipe(&in);
	return tag;
}

static struct entry *find(struct key_cache *k, const struct key_tag *tag)
{
	struct entry *e = table_get(k->by_tag, KEY(*tag));

	if (e) {
		unlink_entry(e);
		link_newest(k, e);
	}
	return e;
}

struct str key_cache_get(struct key_cache *k, const struct key_tag *tag)
{
	struct entry *e = find(k, tag);

	return e ? str_at(e->key, e->n) : STR_NONE;
}

void key_cache_put(struct key_cache *k, const struct key_tag *tag, struct str client_key)
{
	struct entry *e;

	if (!k->most || find(k, tag) || !client_key.n || client_key.n > sizeof e->key)
		return;
	while (table_count(k->by_tag) >= k->most)
		forget(k, k->head.newer);
	e = mem_try(sizeof *e);
	if (!e)
		return;
	e->tag = *tag;
	e->n = (uint8_t)client_key.n;
	memcpy(e->key, client_key.p, client_key.n);
	if (!table_put(k->by_tag, KEY(e->tag), e)) {
		mem_wipe(e, sizeof *e);
		mem_free(e);
		return;
	}
	link_newest(k, e);
}

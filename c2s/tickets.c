/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See tickets.h. Sealed, they are the two keys, the time and the lifetime, in this order. */
#include "c2s/tickets.h"
#include "c2s/sealed.h"
#include "common/buf.h"
#include "common/rand.h"

#include <string.h>

static void make_key(struct ticket_key *k)
{
	rand_bytes(k, sizeof *k);
}

bool tickets_turn(struct tickets *t, uint32_t lifetime, uint64_t now_ms)
{
	bool first = !t->lifetime;

	if (!lifetime) {
		tickets_wipe(t);
		t->rotate_at = UINT64_MAX;
		return !first;
	}
	/* at another lifetime the old keys may go too: then there is one handshake in full more */
	if (lifetime != t->lifetime) {
		make_key(&t->before);
		make_key(&t->now);
	} else if (now_ms >= t->rotate_at) {
		bool skipped = now_ms - t->rotate_at >= (uint64_t)lifetime * 1000;

		t->before = t->now;
		make_key(&t->now);
		if (skipped)
			make_key(&t->before);
	} else {
		return false;
	}
	t->lifetime = lifetime;
	t->rotate_at = now_ms + (uint64_t)lifetime * 1000;
	return true;
}

const struct ticket_key *tickets_find(const struct tickets *t, struct str name)
{
	const struct ticket_key *keys[] = {&t->now, &t->before};

	for (size_t i = 0; t->lifetime && i < COUNT(keys); i++)
		if (str_eq(name, str_at(keys[i]->name, TICKET_NAME)))
			return keys[i];
	return NULL;
}

void tickets_wipe(struct tickets *t)
{
	mem_wipe(t, sizeof *t);
	*t = (struct tickets){0};
}

int tickets_seal(const struct tickets *t)
{
	struct buf packed = {0};
	int fd;

	buf_add(&packed, &t->now, sizeof t->now);
	buf_add(&packed, &t->before, sizeof t->before);
	buf_u64(&packed, t->rotate_at);
	buf_u32(&packed, t->lifetime);
	fd = sealed_make("gatehouse-tickets", buf_str(&packed));
	buf_wipe(&packed);
	return fd;
}

static bool unpack(struct str packed, struct tickets *t)
{
	struct str now, before;

	if (!str_take_bytes(&packed, sizeof t->now, &now) ||
		!str_take_bytes(&packed, sizeof t->before, &before) ||
		!str_take_u64(&packed, &t->rotate_at) || !str_take_u32(&packed, &t->lifetime) ||
		t->lifetime > TICKET_LIFETIME_MOST)
		return false;
	memcpy(&t->now, now.p, now.n);
	memcpy(&t->before, before.p, before.n);
	return true;
}

bool tickets_unseal(struct tickets *t, int fd)
{
	struct tickets fresh = {0};
	struct str packed;
	bool good = sealed_open(fd, &packed) && unpack(packed, &fresh);

	sealed_close(&packed);
	if (good)
		*t = fresh;
	mem_wipe(&fresh, sizeof fresh);
	return good;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See enrol_pace.h: a table, and a ring in the order of first use. */
#include "sm/enrol_pace.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/table.h"

#define TEXT_MOST 64
#define PREFIX_BYTES 8 /* of an IPv6 address */

struct place {
	uint8_t bytes[16];
};

struct entry {
	struct place place;   /* the table's key */
	uint64_t since, conn; /* of the first in this interval; of the last one */
	uint32_t attempt;
	unsigned n; /* 0: as good as none */
};

struct enrol_pace {
	struct table *by_place;
	size_t next;
	unsigned most;
	struct entry entries[ENROL_PACE_MOST];
};

struct enrol_pace *enrol_pace_new(unsigned most)
{
	struct enrol_pace *p = mem_new(sizeof *p);

	p->by_place = table_new();
	p->most = most;
	return p;
}

void enrol_pace_free(struct enrol_pace **p)
{
	if (!*p)
		return;
	table_free(&(*p)->by_place);
	mem_free(*p);
	*p = NULL;
}

/* An IPv4 address stands in its own corner of IPv6, wherever it was written. */
static struct place place_of(struct str address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct place place = {0};
	char text[TEXT_MOST] = "";

	if (address.n == 0 || address.n >= sizeof text)
		return place;
	memcpy(text, address.p, address.n);
	if (inet_pton(AF_INET, text, place.bytes + sizeof mapped) == 1)
		memcpy(place.bytes, mapped, sizeof mapped);
	else if (inet_pton(AF_INET6, text, place.bytes) == 1 &&
		memcmp(place.bytes, mapped, sizeof mapped) != 0)
		memset(place.bytes + PREFIX_BYTES, 0, sizeof place.bytes - PREFIX_BYTES);
	return place;
}

static struct entry *find(const struct enrol_pace *p, struct str address)
{
	struct place place = place_of(address);
	struct entry *e = table_get(p->by_place, KEY(place));

	return e && e->n ? e : NULL;
}

static bool is_same(const struct entry *e, const struct enrol_asker *who)
{
	return e->conn == who->conn && e->attempt == who->attempt;
}

bool enrol_pace_allows(const struct enrol_pace *p, const struct enrol_asker *who, uint64_t now,
	uint64_t interval)
{
	const struct entry *e = find(p, who->address);

	return !e || e->n < p->most || now - e->since >= interval || is_same(e, who);
}

/* The place of the one that was used longest ago. NULL: no memory. */
static struct entry *add(struct enrol_pace *p, struct place place)
{
	struct entry *e = &p->entries[p->next];

	p->next = (p->next + 1) % ENROL_PACE_MOST;
	if (table_get(p->by_place, KEY(e->place)) == e)
		table_remove(p->by_place, KEY(e->place));
	*e = (struct entry){.place = place};
	return table_put(p->by_place, KEY(e->place), e) ? e : NULL;
}

void enrol_pace_take(struct enrol_pace *p, const struct enrol_asker *who, uint64_t now,
	uint64_t interval)
{
	struct place place = place_of(who->address);
	struct entry *e = table_get(p->by_place, KEY(place));

	if (!e)
		e = add(p, place);
	if (!e || (e->n && is_same(e, who)))
		return;
	if (!e->n || now - e->since >= interval) {
		e->since = now;
		e->n = 0;
	}
	e->n++;
	e->conn = who->conn;
	e->attempt = who->attempt;
}

void enrol_pace_give_back(struct enrol_pace *p, const struct enrol_asker *who)
{
	struct entry *e = find(p, who->address);

	if (e && is_same(e, who))
		e->n--;
}

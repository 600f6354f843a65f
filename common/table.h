/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hash tables whose keys a peer may choose: SipHash-1-3 with a random key of the process
 * (protocol.md 4, case 47). The table borrows key and value; the key must stay in place as long as
 * the entry (keep it inside the value). */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include "common/str.h"

struct table;

struct table *table_new(void);
void table_free(struct table **t); /* the values are the caller's */
MUST_CHECK bool table_put(struct table *t, struct str key,
	void *value); /* false: no memory, or the key is there already */
void *table_get(const struct table *t, struct str key); /* NULL: none */
void *table_remove(struct table *t, struct str key);    /* the value that was there, or NULL */
size_t table_count(const struct table *t);
size_t table_longest(const struct table
		*t); /* entries in the fullest chain: stays small whatever keys a peer chooses */
/* Visits every entry in no promised order; the entry visited may be removed by `visit`, no other.
 */
void table_each(struct table *t, void (*visit)(void *ctx, void *value), void *ctx);

/* For tables keyed by an integer: the slice over the field. */
#define KEY(field) str_at(&(field), sizeof(field))

/* SipHash-1-3 and 2-4 (Aumasson, Bernstein 2012) with an explicit 16-byte key. The first, which is
 * half the work, is for what is much used: tables, checksums of records. */
uint64_t siphash(const uint8_t key[16], struct str bytes);
uint64_t siphash_24(const uint8_t key[16], struct str bytes);

#endif

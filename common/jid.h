/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A JID (RFC 7622) never exists unprepared: jid_parse is the only way from a peer's bytes. A struct
 * jid borrows its text. */
#ifndef COMMON_JID_H
#define COMMON_JID_H

#include "common/prep.h"

#define JID_MAX (3 * JID_PART_MAX + 2)

struct jid {
	struct str text;  /* local@domain/resource, canonical */
	uint16_t local_n; /* bytes of the localpart; 0: none */
	uint16_t domain_n;
	uint16_t resource_n;
};

/* Prepares `raw` (already unescaped) by appending the canonical text to `store`, which `out` then
 * borrows from. False: not a JID; `store` as before. When raw is ASCII and canonical already,
 * nothing is appended and `out` borrows from raw. */
MUST_CHECK bool jid_parse(struct str raw, struct buf *store, struct jid *out);
/* Splits text that is canonical by promise (from our store or a process of ours); checks shape and
 * lengths only. */
MUST_CHECK bool jid_split(struct str canonical, struct jid *out);
/* Joins prepared parts (local and resource may be empty) behind what `store` holds. */
struct jid jid_join(struct buf *store, struct str local, struct str domain, struct str resource);
struct str jid_local(struct jid j);
struct str jid_domain(struct jid j);
struct str jid_resource(struct jid j);
struct str jid_bare(struct jid j); /* local@domain, or domain */
bool jid_is_full(struct jid j);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keys of session tickets (RFC 5077, RFC 8446 4.6.1): a current one, and the one before it, so
 * that a ticket can be read for at least ticket-lifetime, and by no one after twice that. The
 * parent makes them; a worker has them by fork, and in sealed memory at each change. Whoever holds
 * them can read TLS 1.2 connections that were resumed with their tickets: they are wiped when they
 * are old, and never written to a disk. Knows no library. */
#ifndef C2S_TICKETS_H
#define C2S_TICKETS_H

#include "common/str.h"

#define TICKET_NAME 16
#define TICKET_SECRET 32
#define TICKET_LIFETIME_MOST 604800 /* s: RFC 8446 4.6.1 */

struct ticket_key {
	uint8_t name[TICKET_NAME]; /* stands in front of each ticket, in the clear */
	uint8_t secret[TICKET_SECRET];
};

struct tickets {
	struct ticket_key now, before;
	uint64_t rotate_at; /* monotonic ms; UINT64_MAX: never */
	uint32_t lifetime;  /* s; 0: there are no tickets, and no keys */
};

/* Whatever `now_ms` (monotonic) and the setting make due: new keys, none at all. True: they are not
 * what they were. {0} is a valid beginning. */
MUST_CHECK bool tickets_turn(struct tickets *t, uint32_t lifetime, uint64_t now_ms);
/* The key of this name; NULL: none of ours. */
const struct ticket_key *tickets_find(const struct tickets *t, struct str name);
void tickets_wipe(struct tickets *t); /* leaves {0} */

int tickets_seal(const struct tickets *t); /* -1: errno */
/* False, and nothing is changed: it is no such memory. `fd` stays open. */
MUST_CHECK bool tickets_unseal(struct tickets *t, int fd);

#endif

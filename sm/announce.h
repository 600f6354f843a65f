/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the operator says to users: headlines (RFC 6121 5.2.2) from their domain. */
#ifndef SM_ANNOUNCE_H
#define SM_ANNOUNCE_H

#include "common/str.h"

struct house;

#define ANNOUNCE_MOST 10000 /* bytes of text */

/* To the sessions that fan_add has collected. `to` may be empty. */
void announce_send(struct house *h, struct str domain, struct str to, struct str text);
/* To everybody online; domain empty: in all domains. How many sessions. */
unsigned announce_all(struct house *h, struct str domain, struct str text);

#endif

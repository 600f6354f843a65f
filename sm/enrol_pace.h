/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How often one address may make an account (protocol.md 4, case 33): an IPv4 address, or an IPv6
 * /64. Kept in memory, of the last so many addresses. */
#ifndef SM_ENROL_PACE_H
#define SM_ENROL_PACE_H

#include "common/str.h"

#define ENROL_PACE_MOST 16384 /* addresses; the one that was used longest ago goes first */

struct enrol_pace;

/* Who asks: a question that is repeated is the same one. */
struct enrol_asker {
	struct str address; /* as text; what is none shares one place */
	uint64_t conn;
	uint32_t attempt;
};

struct enrol_pace *enrol_pace_new(void);
void enrol_pace_free(struct enrol_pace **p);
/* Has nobody else from there made an account within `interval` ms? now: ms, growing. */
bool enrol_pace_allows(const struct enrol_pace *p, const struct enrol_asker *who, uint64_t now,
	uint64_t interval);
void enrol_pace_take(struct enrol_pace *p, const struct enrol_asker *who, uint64_t now);
void enrol_pace_give_back(struct enrol_pace *p, const struct enrol_asker *who); /* it failed */

#endif

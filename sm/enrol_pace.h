/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How often one address may make an account, or ask for one (protocol.md 4, case 33): an IPv4
 * address, or an IPv6 /64. Kept in memory, of the last so many addresses. */
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

/* most: what one address may do within an interval. */
struct enrol_pace *enrol_pace_new(unsigned most);
void enrol_pace_free(struct enrol_pace **p);
/* May it be done from there, once more within `interval` ms? now: ms, growing. */
bool enrol_pace_allows(const struct enrol_pace *p, const struct enrol_asker *who, uint64_t now,
	uint64_t interval);
void enrol_pace_take(struct enrol_pace *p, const struct enrol_asker *who, uint64_t now,
	uint64_t interval);
void enrol_pace_give_back(struct enrol_pace *p, const struct enrol_asker *who); /* it failed */

#endif

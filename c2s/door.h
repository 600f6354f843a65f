/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may come in: connections that are not logged in, counted per address (IPv4 address, IPv6 /64)
 * for all workers in one shared table that the parent maps before it forks. Lock-free for workers;
 * keyed hash; a full table lets in and says so once. The parent clears what a dead worker held
 * (each worker's share is kept apart). Beside it a table of addresses that sm wants to be refused,
 * which the parent alone writes. */
#ifndef C2S_DOOR_H
#define C2S_DOOR_H

#include "common/network.h"

struct door;
struct door_key {
	uint8_t bytes[16]; /* the prefix that counts */
};

struct door *door_new(unsigned slots); /* shared memory; dies without */
void door_free(struct door **d);
struct door_key door_key(struct network address);
/* Counts one more for this address by the worker in `slot`. False: `most` (0: no limit) are there
 * already, nothing counted. */
MUST_CHECK bool door_enter(struct door *d, unsigned slot, struct door_key key, unsigned most);
void door_leave(struct door *d, unsigned slot, struct door_key key); /* logged in, or gone */
void door_forget(struct door *d, unsigned slot); /* a worker died: all that it held */
/* The parent: refuse this one until then (monotonic ms); 0: no more. In a table that is full the
 * one that ends first gives way. */
void door_ban(struct door *d, struct door_key key, uint64_t until_ms);
void door_unban_all(struct door *d);
bool door_banned(const struct door *d, struct door_key key, uint64_t now_ms);
unsigned door_count(const struct door *d, struct door_key key);

#endif

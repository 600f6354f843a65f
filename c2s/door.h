/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may come in: connections that are not logged in, counted per address (IPv4 address, IPv6 /64)
 * for all workers in one shared table that the parent maps before it forks. Lock-free for workers;
 * keyed hash; a full table lets in and says so once. The parent clears what a dead worker held
 * (each worker's share is kept apart). */
#ifndef C2S_DOOR_H
#define C2S_DOOR_H

#include "common/str.h"
#include <sys/socket.h>

struct door;
struct door_key {
	uint8_t bytes[16]; /* the prefix that counts */
};

struct door *door_new(unsigned slots); /* shared memory; dies without */
void door_free(struct door **d);
struct door_key door_key(const struct sockaddr *address);
/* Counts one more for this address by the worker in `slot`. False: `most` (0: no limit) are there
 * already, nothing counted. */
MUST_CHECK bool door_enter(struct door *d, unsigned slot, struct door_key key, unsigned most);
void door_leave(struct door *d, unsigned slot, struct door_key key); /* logged in, or gone */
void door_forget(struct door *d, unsigned slot); /* a worker died: all that it held */
unsigned door_count(const struct door *d, struct door_key key);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The two files of the turn log. They are mapped, and written with plain stores: what a killed
 * process wrote, the kernel keeps. One file is current; when a record does not fit, the other
 * begins anew with a snapshot, and only when that is complete does it become the current one.
 * Nothing here knows what a record says.
 *
 * File: head (64 bytes: magic, generation, key, checksum), then records, each at a multiple of 8:
 * u64 checksum, u32 bytes of payload, u32 0, u64 turn, payload. Checksums are SipHash-1-3 under the
 * head's key, which is drawn anew with each generation, so that what an earlier generation left
 * behind never passes for a record. The checksum is written last. */
#ifndef SM_TURN_LOG_H
#define SM_TURN_LOG_H

#include "common/buf.h"

#define TURN_LOG_HEAD 64
#define TURN_LOG_RECORD 24 /* bytes before a payload */

struct turn_log;

/* Maps turn.a and turn.b in `directory`, made when they are absent; nothing is written to an old
 * one yet. NULL: `why`. */
MUST_CHECK struct turn_log *turn_log_open(const char *directory, size_t bytes, struct buf *why);
void turn_log_close(struct turn_log **l);
/* The records of the current file, oldest (the snapshot) first, up to the first that is not whole.
 * `record` answers false to stop. */
void turn_log_each(const struct turn_log *l,
	bool (*record)(void *ctx, uint64_t turn, struct str payload), void *ctx);
/* Begins the other file with a snapshot and makes it the current one. False: it does not fit;
 * nothing has changed. */
MUST_CHECK bool turn_log_begin(struct turn_log *l, uint64_t turn, struct str snapshot);
/* False: it does not fit, or no file was begun yet. */
MUST_CHECK bool turn_log_append(struct turn_log *l, uint64_t turn, struct str payload);

/* Reading, for recovery and its tests: pure functions of a file's bytes. */
struct turn_log_place {
	uint64_t generation;
	uint8_t key[16];
	bool is_old;   /* its checksums are SipHash-2-4: it can only be read */
	size_t at;     /* of the next record */
	uint64_t turn; /* of the last one; 0: none */
};
MUST_CHECK bool turn_log_head(struct str file,
	struct turn_log_place *place); /* false: no log, or not begun */
MUST_CHECK bool turn_log_next(struct str file, struct turn_log_place *place, struct str *payload);

#endif

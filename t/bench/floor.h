/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The floor: what each scene costs in system calls, crypto and IPC, and nothing else. A parent, workers and a house, as
 * c2s and sm, with the same wolfSSL and the same batching; but what a client says is told by its first bytes, answers
 * are canned, an address is five digits at a fixed place, and nothing is logged, stored, recorded or acknowledged. */
#ifndef T_BENCH_FLOOR_H
#define T_BENCH_FLOOR_H

#include "common/buf.h"

#define FLOOR_BATCH 1024     /* events a turn, as libuv takes */
#define FLOOR_READ 65536     /* bytes at once */
#define FLOOR_LINK 1048576   /* bytes of a turn between worker and house */
#define FLOOR_NUMBERS 100000 /* accounts: u00000 ... */

/* Frames between worker and house: u32 length of what follows, u8 kind, u64 conn, the rest. */
enum floor_kind {
	FLOOR_SALT,
	FLOOR_PROVE,
	FLOOR_OPEN,
	FLOOR_STANZA,
	FLOOR_CLOSED,
	FLOOR_SALTED,
	FLOOR_PROVEN,
	FLOOR_OPENED,
	FLOOR_DELIVER
};
#define FLOOR_FRAME_HEAD 13

struct floor_frame {
	enum floor_kind kind;
	uint64_t conn; /* worker in the upper 8 bits, 24 of generation, 32 of descriptor */
	struct str rest;
};

void floor_frame_put(struct buf *out, enum floor_kind kind, uint64_t conn, struct str rest);
MUST_CHECK bool floor_frame_take(struct str *in, struct floor_frame *f);
/* Five digits at `at`. */
MUST_CHECK bool floor_number(struct str s, size_t at, unsigned *number);

void floor_house(const int *workers, size_t n); /* until its workers are gone */

/* TLS */
struct floor_tls;
MUST_CHECK bool floor_tls_start(const char *certificate, const char *key);
struct floor_tls *floor_tls_new(void);
void floor_tls_free(struct floor_tls *t);
/* Decrypts the next record of *bytes, which goes to the last byte that is there, into `plain`; the handshake's answers
 * go to `wire`. -1: it failed or ended. 0: all is read. 1: `plain` holds one record's text. */
int floor_tls_read(struct floor_tls *t, struct str *bytes, struct buf *plain, struct buf *wire);
MUST_CHECK bool floor_tls_write(struct floor_tls *t, struct str plain, struct buf *wire);
void floor_tls_goodbye(struct floor_tls *t, struct buf *wire);
bool floor_tls_ready(const struct floor_tls *t);

#endif

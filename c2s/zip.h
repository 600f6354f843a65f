/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one zlib user: stream compression (XEP-0138) between two byte streams. What a client sends is
 * inflated through one window of constant size, a window at a time, so that whoever reads it stops
 * when it has had enough (protocol.md 4, case 4; libraries.md 5). */
#ifndef C2S_ZIP_H
#define C2S_ZIP_H

#include "common/buf.h"

#define ZIP_WINDOW 16384   /* bytes that one step inflates at most */
#define ZIP_BUDGET 262144  /* bytes that one stream may have inflated in one turn of the loop */
#define ZIP_RATIO 200      /* times that bytes may grow ... */
#define ZIP_JUDGED 65536   /* ... once they have come to so many */
#define ZIP_MEMORY 1048576 /* inflated bytes after which the older half counts only half */

struct zip;

enum zip_result {
	ZIP_SOME,   /* `out` has bytes */
	ZIP_MORE,   /* everything was taken; nothing is left */
	ZIP_BROKEN, /* no zlib data, a preset dictionary is wanted, or the stream has an end */
	ZIP_BOMB,   /* it grows too much */
	ZIP_NO_ROOM /* no memory */
};

/* A stream each way, some 50 to 80 KiB. NULL: no memory. */
MUST_CHECK struct zip *zip_new(void);
void zip_free(struct zip **z); /* wipes; harmless for NULL */

struct buf *zip_packed(struct zip *z); /* what came from the client is appended here */
bool zip_waiting(const struct zip *z); /* is there anything that zip_inflate has to say? */
/* The next window of what was packed; borrowed until the next call, or zip_keep without it. */
MUST_CHECK enum zip_result zip_inflate(struct zip *z, struct str *out);
void zip_keep(struct zip *z, bool window); /* gives back what is done with; the window, too? */
void zip_ignore(struct zip *z);            /* nothing that has come is wanted */
bool zip_spent(const struct zip *z);       /* the budget of this turn is used up */
void zip_turn(struct zip *z);              /* the next turn has begun */

/* Appends `plain`, packed and flushed: once for all that leaves together, or little is gained.
 * False: no memory; the stream is of no use any more. */
MUST_CHECK bool zip_deflate(struct zip *z, struct str plain, struct buf *out);

#endif

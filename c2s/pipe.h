/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The bytes of one client through the layers, without a socket: network -> (TLS) -> scanner, and
 * words -> (TLS) -> network. What is said during a turn is collected, and encrypted once, by
 * pipe_flush. Compression (XEP-0138) is a layer between TLS and scanner, where a client has asked
 * for it. An idle pipe owns nothing but its scanner, its TLS, and its two streams of zlib's. */
#ifndef C2S_PIPE_H
#define C2S_PIPE_H

#include "c2s/tls.h"
#include "c2s/zip.h"
#include "common/scan.h"

#define PIPE_CHUNK \
	262144 /* plain bytes that one pipe_flush moves at most: `wire` stays within a little more \
		*/

struct pipe {
	struct scan *scan;
	struct tls *tls; /* NULL: plaintext */
	struct zip *zip; /* NULL: not compressed */
	bool ended;      /* the client sent close_notify: nothing comes behind `in` */
	bool finished;   /* nothing comes behind `out` */
	bool turning;    /* TLS, or a new stream, is due, and nothing of it has come yet */
	struct str in;   /* what the scanner has not seen yet; borrows from `rest`, from pipe_take's
			  bytes, or from zip's window */
	struct buf rest; /* decrypted, or kept while the client is held; at most one read of the
			    socket */
	struct buf out;  /* words, from out_at on, in plain */
	size_t out_at;
	struct buf wire;          /* ready for the network: the owner takes it from here */
	enum zip_result unzipped; /* how it went, last; ZIP_SOME without zip */
};

void pipe_start(struct pipe *p, const struct scan_limits *limits); /* limits: see scan_new */
void pipe_end(struct pipe *p);                                     /* wipes and frees */

/* TLS or a new stream is due: white space in front of it still belongs to what was before, and is
 * dropped. Some clients end each element with a line feed (go-xmpp does). */
void pipe_turn(struct pipe *p);
/* Begins TLS: what was said so far leaves in plain, whatever comes next is TLS. False: no
 * memory, or bytes of plaintext are waiting that somebody put behind the request for TLS
 * (protocol.md 4, cases 1 and 2). */
MUST_CHECK bool pipe_secure(struct pipe *p, struct tls_ctx *ctx, bool direct);
bool pipe_is_secure(const struct pipe *p); /* the handshake is over */
/* Begins compression, both ways, with a new stream header: what was said so far leaves as it is.
 * False: no memory, or bytes are waiting that did not wait for our answer. */
MUST_CHECK bool pipe_compress(struct pipe *p);
void pipe_restart(struct pipe *p,
	const struct scan_limits
		*limits); /* a new stream header is next (after SASL): pipe_turn too */
void pipe_limit(struct pipe *p, const struct scan_limits *limits); /* from the next element on */

/* Takes bytes from the network (at most 64 KiB a call); they stay borrowed until pipe_keep.
 * TLS_MORE for plaintext. */
enum tls_result pipe_take(struct pipe *p, struct str bytes);
/* Scans on; SCAN_MORE: nothing complete was there. SCAN_ERROR is the scanner's, but where
 * `unzipped` says that it could not get its bytes. */
enum scan_event pipe_next(struct pipe *p);
/* Keeps what is not scanned; gives back the borrowed bytes, what was scanned, and empty memory. */
void pipe_keep(struct pipe *p);
bool pipe_has_rest(const struct pipe *p);
void pipe_ignore(struct pipe *p); /* the rest is not wanted */
/* It has inflated its share of this turn of the loop, and has a rest: others first. Until
 * pipe_renew. */
bool pipe_is_spent(const struct pipe *p);
void pipe_renew(struct pipe *p);

void pipe_say(struct pipe *p, struct str words); /* small ones of ours */
MUST_CHECK bool pipe_try_say(struct pipe *p,
	struct str words); /* false: no memory, nothing added */
/* Moves up to PIPE_CHUNK of what was said to `wire`. False: it cannot be encrypted any more; the
 * connection is of no use. */
MUST_CHECK bool pipe_flush(struct pipe *p);
/* The last pipe_flush sends TLS's close_notify, too; nothing may be said afterwards. */
void pipe_finish(struct pipe *p);
size_t pipe_queued(const struct pipe *p); /* bytes that wait on their way out */

#endif

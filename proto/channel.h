/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One end of the channel between a c2s process and sm, without any I/O: bytes in, messages out,
 * and the other way round. It outlives the link (the socket) beneath it: numbered messages are
 * kept until acknowledged and sent again after a join; the receiver drops what it has processed
 * already. So each numbered message is processed exactly once as long as either end, or its
 * record of `sent`, `heard` and `retained`, lives.
 *
 * Frame: u32 bytes of payload (<= 64 KiB), u16 code, u8 flags (1: continued in the next frame),
 * u8 0, u64 sequence, payload. A message of several frames carries the same sequence in each,
 * all but its last are full, and they follow each other directly. */
#ifndef PROTO_CHANNEL_H
#define PROTO_CHANNEL_H

#include "proto/types.h"

#define FRAME_HEADER 16
#define FRAME_MAX 65536             /* bytes of payload */
#define CHANNEL_ACK_MESSAGES 64
#define CHANNEL_ACK_BYTES 16384
#define CHANNEL_ACK_MS 20
#define CHANNEL_MAX_TO_C2S 16777216 /* bytes of one message from sm; nothing sent is longer */

struct channel {
	enum role us, peer;    /* single roles; on a worker's link before join: ROLE_PARENT */
	size_t most;           /* bytes of the longest message we accept */
	struct buf in;         /* an unfinished frame */
	struct buf message;    /* payload of a continued message so far */
	unsigned message_code; /* 0: none is being continued */
	uint64_t message_seq;
	struct buf out;      /* to be written to the link: the owner takes it from here */
	struct buf retained; /* numbered frames from retained_at on, not acknowledged */
	size_t retained_at;
	uint64_t retained_ever; /* bytes that retained got since the start */
	uint64_t sent;          /* sequence of the newest numbered message that we made */
	uint64_t acked;         /* the peer has processed up to here */
	uint64_t heard;         /* we have processed up to here */
	uint64_t heard_told;    /* what our last ack or hello said */
	size_t heard_bytes;     /* of frames processed since then */
	unsigned cuts;          /* how often channel_cut was called */
	bool joined;            /* resumed on this link: numbered messages pass, both ways */
	bool broken;            /* the last channel_feed was false; only channel_cut helps */
	bool feeding;
	const char *fault; /* why the last channel_feed was false: plain words, static */
};

void channel_start(struct channel *c, enum role us, enum role peer, size_t most);
void channel_end(struct channel *c);
/* The link is gone: forgets unfinished input and unwritten output; keeps what is numbered. Call
 * it again when the next link is there, before the first message on it: what was sent without a
 * number in between belongs to no link. */
void channel_cut(struct channel *c);
/* After each join, the first too (sm: on join, behind its welcome; a worker: on welcome): the
 * peer has processed up to `heard`. Queues the rest of what is retained behind what is in `out`.
 * Until then numbered messages are only retained, and one that arrives is a fault. False: the
 * peer claims what was never sent, lacks what was freed, or has joined on this link before. */
MUST_CHECK bool channel_resume(struct channel *c, uint64_t heard);
/* Takes up a channel, just started, after a crash from its record; `retained` is copied, as
 * frames, and may hold some that were acknowledged. False: malformed; the channel is as started. */
MUST_CHECK bool channel_restore(struct channel *c, uint64_t sent, uint64_t heard,
	struct str retained);
/* A new link turned out to be that of an old channel (introduce): moves all that is numbered from
 * `from`, whose link is gone, to `to`, which has nothing numbered yet; `from` is as started then.
 * `to` may be in the middle of channel_feed. */
void channel_take(struct channel *to, struct channel *from);

/* Queues a message (numbered or not as its row says; m->seq is not looked at). Our role must be
 * allowed to send it, and it must not be longer than CHANNEL_MAX_TO_C2S (CHECK); the peer may
 * accept less. A numbered one becomes part of `out` only when joined. */
void channel_send(struct channel *c, const struct message *m);
/* Queues an ack when something was processed since the last one, or since the hello of this
 * link. */
void channel_ack(struct channel *c);
/* The same, but only when that costs no write of its own, since `out` is not empty, or when
 * CHANNEL_ACK_MESSAGES or CHANNEL_ACK_BYTES are owed. True: an ack is still owed; the owner sees to
 * it that channel_ack is called within CHANNEL_ACK_MS. */
MUST_CHECK bool channel_ack_later(struct channel *c);
/* The numbered frames made since retained had `mark` bytes in total were sent: for the turn
 * record. channel_mark gives such a mark (a running count of bytes ever retained); channel_since
 * the frames behind it, less those acknowledged already; it borrows until the next message. */
uint64_t channel_mark(const struct channel *c);
struct str channel_since(const struct channel *c, uint64_t mark);
size_t channel_unacked(const struct channel *c); /* bytes of retained frames */

/* Hands `bytes` to `handle`, message by message, in order; slices in the message live until
 * handle returns. Messages that were processed before (seq <= heard) are dropped here; `ack` is
 * handled here and never reaches `handle`. handle returns false to stop the link (and may set
 * `fault`): that message does not count as processed. handle may send, resume, take, change
 * `peer` and cut, but not feed or end this channel; after a cut the rest of `bytes` is dropped.
 * False: the peer is at fault, or handle said so or cut; the link must be cut; `fault` says why.
 * Faults: an unknown code or one that the peer's role may not send, a malformed payload, a frame
 * or message that is too long, a gap in the sequence, a sequence on an unnumbered message or
 * none on a numbered one, a numbered message before the join, a continued frame that does not
 * continue or is not full, unknown flags, an ack of what was never sent or of less than before. */
MUST_CHECK bool channel_feed(struct channel *c, struct str bytes,
	bool (*handle)(void *ctx, const struct message *m), void *ctx);

/* Splits retained frames (as channel_since gives them) into messages, for recovery and the tests.
 * False: malformed, a gap in the sequence, or handle said so. */
MUST_CHECK bool channel_read_frames(struct str frames,
	bool (*handle)(void *ctx, const struct message *m), void *ctx);

/* The highest version that both speak; 0: none. */
unsigned hello_agree(unsigned our_low, unsigned our_high, unsigned their_low, unsigned their_high);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a process that was taken over could write into the link. The first byte says what is fuzzed:
 *   0  a payload: u16 code, bytes. What decodes must encode to something that decodes to the
 *      same.
 *   1  a channel, from bytes as they are
 *   2  a channel, from frames: pieces of u24 payload size, u16 code, u8 flags, u8 sequence
 *      (relative), and payload, of which what the input lacks is filled up: so that a small
 *      input makes continued messages
 *   3  a record: channel_read_frames and channel_restore, from frames as in 2
 * For 1 and 2 there follow: u8 roles and state, u8 `most`, u32 seed of the cuts. The channel is fed
 * in pieces, each in memory of its own size; another gets all at once and must come to the same end. */
#include "proto/channel.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define STREAM_MOST (1024 * 1024)

struct fed {
	struct channel c;
	struct buf said; /* all messages handled, encoded again: reads whatever they borrow */
	unsigned handled;
};

static void must(bool truth)
{
	if (!truth)
		abort();
}

/* --- payloads */

static void fuzz_payload(struct str in)
{
	uint16_t code;
	struct message m, again;
	struct buf first = {0}, second = {0};
	char *exact;

	if (!str_take_u16(&in, &code))
		return;
	exact = malloc(in.n ? in.n : 1);
	must(exact != NULL);
	if (in.n)
		memcpy(exact, in.p, in.n);
	if (msg_decode(code, str_at(exact, in.n), &m)) {
		must(msg_name(code) != NULL);
		msg_encode(&first, &m);
		must(first.n == msg_size(&m));
		must(msg_decode(code, buf_str(&first), &again));
		msg_encode(&second, &again);
		must(str_eq(buf_str(&first), buf_str(&second)));
		/* all fields there: the payload began with them as they are */
		must(in.n < first.n || str_starts(in, buf_str(&first)));
	}
	free(exact);
	buf_free(&first);
	buf_free(&second);
}

/* --- streams */

/* Expands one piece of a stream of frames; false at its end. */
static bool put_frame(struct buf *stream, struct str *in, uint64_t *seq)
{
	uint8_t high, flags, relative;
	uint16_t low, code;
	size_t payload;
	struct str given;

	if (!str_take_u16(in, &low) || !str_take_u8(in, &high) || !str_take_u16(in, &code))
		return false;
	if (!str_take_u8(in, &flags) || !str_take_u8(in, &relative))
		return false;
	payload = low | (size_t)(high & 1) << 16; /* a little more than a frame may have */
	if (relative < 128)
		*seq += relative & 3;
	buf_u32(stream, (uint32_t)payload);
	buf_u16(stream, code);
	buf_u8(stream, flags);
	buf_u8(stream, flags == 0x55);
	buf_u64(stream, relative == 255 ? UINT64_MAX : relative & 64 ? 0 : *seq);
	given = str_head(*in, high & 2 ? payload : 24);
	given = str_head(given, payload);
	*in = str_skip(*in, given.n);
	buf_put(stream, given);
	memset(buf_room(stream, payload - given.n), high, payload - given.n);
	buf_grew(stream, payload - given.n);
	return stream->n < STREAM_MOST;
}

static void put_frames(struct buf *stream, struct str in)
{
	uint64_t seq = 0;

	while (put_frame(stream, &in, &seq))
		;
}

/* Behaves a little as sm and workers do: joins, changes of the peer, refusals, cuts, answers. */
static bool handle(void *ctx, const struct message *m)
{
	struct fed *f = ctx;
	struct message answer = {.code = MSG_ack, .as.ack.heard = f->c.heard};

	must(m->code != MSG_ack);
	must((msg_from(m->code) & f->c.peer) != 0);
	must(m->seq == 0 || m->seq == f->c.heard + 1);
	f->handled++;
	buf_u16(&f->said, (uint16_t)m->code);
	buf_u64(&f->said, m->seq);
	msg_encode(&f->said, m);
	switch (m->code) {
	case MSG_introduce:
		f->c.peer = ROLE_C2S;
		return true;
	case MSG_join:
		return channel_resume(&f->c, m->as.join.heard);
	case MSG_welcome:
		return channel_resume(&f->c, m->as.welcome.heard);
	case MSG_report:
		if (f->c.us == ROLE_SM)
			channel_send(&f->c, &answer);
		return true;
	case MSG_forget:
		return m->as.forget.conn != 13;
	case MSG_closed:
		if (m->as.closed.conn == 13)
			channel_cut(&f->c);
		return true;
	default:
		return true;
	}
}

static void start(struct fed *f, uint8_t how, uint8_t most)
{
	static const enum role peers[] = {ROLE_C2S, ROLE_PARENT, ROLE_SM, ROLE_C2S};
	static const size_t mosts[] = {50, 1000, FRAME_MAX, 150000};
	enum role peer = peers[how & 3];
	struct message m = {.code = MSG_end};

	*f = (struct fed){0};
	channel_start(&f->c, peer == ROLE_SM ? ROLE_C2S : ROLE_SM, peer, mosts[most & 3]);
	if (f->c.us == ROLE_C2S)
		m.code = MSG_forget;
	for (int i = how >> 5; i; i--)
		channel_send(&f->c, &m);
	if (how & 4)
		must(channel_resume(&f->c, 0));
}

static void end(struct fed *f)
{
	channel_end(&f->c);
	buf_free(&f->said);
}

static void check_bounds(const struct channel *c)
{
	must(c->in.n <= FRAME_HEADER + FRAME_MAX);
	must(c->in.cap <= 2 * (FRAME_HEADER + FRAME_MAX));
	must(c->message.n <= c->most);
	must(c->message.cap <= 2 * c->most + 64);
	must(c->acked <= c->sent && c->retained_at <= c->retained.n);
}

static bool feed(struct fed *f, struct str piece)
{
	char *exact = malloc(piece.n ? piece.n : 1);
	bool good;

	must(exact != NULL);
	if (piece.n)
		memcpy(exact, piece.p, piece.n);
	good = channel_feed(&f->c, str_at(exact, piece.n), handle, f);
	free(exact);
	must(good || f->c.fault);
	check_bounds(&f->c);
	return good;
}

static bool feed_in_pieces(struct fed *f, struct str stream, uint32_t seed)
{
	static const size_t sizes[] = {1, 16, 17, 300, 5000, 70000};
	bool good = true;

	while (good && stream.n) {
		size_t piece;

		seed = seed * 1103515245u + 12345u;
		piece = 1 + (seed >> 8) % sizes[(seed >> 4) % (stream.n > 20000 ? 6 : 4)];
		good = feed(f, str_head(stream, piece));
		stream = str_skip(stream, piece);
	}
	return good;
}

static void fuzz_channel(struct str in, bool framed)
{
	struct fed pieces, whole;
	struct buf stream = {0};
	uint8_t how, most;
	uint32_t seed;
	bool good;

	if (!str_take_u8(&in, &how) || !str_take_u8(&in, &most) || !str_take_u32(&in, &seed))
		return;
	if (framed)
		put_frames(&stream, in);
	else
		buf_put(&stream, in);
	start(&pieces, how, most);
	start(&whole, how, most);
	good = feed_in_pieces(&pieces, buf_str(&stream), seed);
	must(feed(&whole, buf_str(&stream)) == good);
	must(pieces.c.fault == whole.c.fault);
	must(pieces.handled == whole.handled &&
		str_eq(buf_str(&pieces.said), buf_str(&whole.said)));
	must(pieces.c.heard == whole.c.heard && pieces.c.acked == whole.c.acked);
	must(str_eq(buf_str(&pieces.c.out), buf_str(&whole.c.out)));
	if (good)
		must(pieces.c.in.n == whole.c.in.n && pieces.c.message.n == whole.c.message.n);
	end(&pieces);
	end(&whole);
	buf_free(&stream);
}

/* --- records */

static bool note_last(void *ctx, const struct message *m)
{
	*(uint64_t *)ctx = m->seq;
	return true;
}

static void fuzz_record(struct str in)
{
	struct buf frames = {0};
	struct channel c;
	uint64_t last = 0;

	put_frames(&frames, in);
	channel_start(&c, ROLE_SM, ROLE_C2S, 1000);
	if (channel_read_frames(buf_str(&frames), note_last, &last) &&
		channel_restore(&c, last, 3, buf_str(&frames))) {
		must(channel_unacked(&c) == frames.n && c.heard == 3 && c.acked <= last);
		must(frames.n == 0 || !channel_resume(&c, last + 1));
		must(channel_resume(&c, c.acked));
		must(str_eq(buf_str(&c.out), buf_str(&frames)));
	}
	channel_end(&c);
	buf_free(&frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str in = str_at(bytes, n);
	uint8_t what;

	if (!str_take_u8(&in, &what))
		return 0;
	switch (what & 3) {
	case 0:
		fuzz_payload(in);
		break;
	case 3:
		fuzz_record(in);
		break;
	default:
		fuzz_channel(in, (what & 3) == 2);
	}
	return 0;
}

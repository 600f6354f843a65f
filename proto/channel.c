/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a peer sends is judged by its header as soon as that is there, and again when the frame is
 * whole: nothing is buffered for a peer that is at fault, and never more than one frame and one
 * message of `most` bytes for one that is not. */
#include "proto/frame.h"

#define COMPACT (64 * 1024) /* do not move what is retained for less freed bytes than these */
#define KEEP (1024 * 1024)  /* an empty buffer keeps this much memory */

void channel_start(struct channel *c, enum role us, enum role peer, size_t most)
{
	*c = (struct channel){.us = us, .peer = peer, .most = most};
}

void channel_end(struct channel *c)
{
	CHECK(!c->feeding);
	buf_free(&c->in);
	buf_free(&c->message);
	buf_free(&c->out);
	buf_free(&c->retained);
	*c = (struct channel){0};
}

static void empty(struct buf *b)
{
	buf_clear(b);
	if (b->cap > KEEP)
		buf_trim(b);
}

/* Called by `handle`, the message may still borrow from `in` and `message`: their memory stays. */
void channel_cut(struct channel *c)
{
	buf_clear(&c->in);
	buf_clear(&c->message);
	empty(&c->out);
	c->message_code = 0;
	c->message_seq = 0;
	c->joined = false;
	c->broken = false;
	c->cuts++;
}

/* sending */

static void note_hello(struct channel *c, const struct message *m)
{
	if (m->code == MSG_ack)
		c->heard_told = m->as.ack.heard;
	else if (m->code == MSG_join)
		c->heard_told = m->as.join.heard;
	else if (m->code == MSG_welcome)
		c->heard_told = m->as.welcome.heard;
	else
		return;
	c->heard_bytes = 0;
}

void channel_send(struct channel *c, const struct message *m)
{
	size_t before = c->retained.n;

	CHECK((msg_from(m->code) & c->us) != 0);
	if (msg_delivery(m->code) == UNNUMBERED) {
		frame_put_message(&c->out, m, 0);
		note_hello(c, m);
		return;
	}
	frame_put_message(&c->retained, m, ++c->sent);
	c->retained_ever += c->retained.n - before;
	if (c->joined)
		buf_add(&c->out, c->retained.p + before, c->retained.n - before);
}

void channel_ack(struct channel *c)
{
	struct message m = {.code = MSG_ack, .as.ack.heard = c->heard};

	if (c->out.n == 0)
		empty(&c->out);
	if (c->joined && c->heard != c->heard_told)
		channel_send(c, &m);
}

bool channel_ack_later(struct channel *c)
{
	bool owed = c->joined && c->heard != c->heard_told;

	if (c->out.n == 0)
		empty(&c->out);
	if (!owed)
		return false;
	if (!c->out.n && c->heard - c->heard_told < CHANNEL_ACK_MESSAGES &&
		c->heard_bytes < CHANNEL_ACK_BYTES)
		return true;
	channel_ack(c);
	return false;
}

uint64_t channel_mark(const struct channel *c)
{
	return c->retained_ever;
}

struct str channel_since(const struct channel *c, uint64_t mark)
{
	uint64_t made = c->retained_ever - mark;
	size_t live = channel_unacked(c);

	CHECK(mark <= c->retained_ever);
	if (made < live)
		live = (size_t)made;
	return live ? str_at(c->retained.p + c->retained.n - live, live) : STR_NONE;
}

size_t channel_unacked(const struct channel *c)
{
	return c->retained.n - c->retained_at;
}

/* what was sent and is still kept */

static void free_up_to(struct channel *c, uint64_t heard)
{
	while (c->retained_at < c->retained.n) {
		struct frame f = frame_at(c->retained.p + c->retained_at);

		if (f.seq > heard)
			break;
		c->retained_at += FRAME_HEADER + f.n;
	}
	c->acked = heard;
	if (c->retained_at == c->retained.n) {
		empty(&c->retained);
		c->retained_at = 0;
	} else if (c->retained_at > COMPACT && c->retained_at > c->retained.n / 2) {
		buf_drop(&c->retained, c->retained_at);
		c->retained_at = 0;
	}
}

static bool acknowledge(struct channel *c, uint64_t heard)
{
	if (heard < c->acked || heard > c->sent)
		return false;
	free_up_to(c, heard);
	return true;
}

bool channel_resume(struct channel *c, uint64_t heard)
{
	if (c->joined || !acknowledge(c, heard))
		return false;
	c->joined = true;
	buf_put(&c->out, str_skip(buf_str(&c->retained), c->retained_at));
	return true;
}

static void move_numbered(struct channel *to, struct channel *from)
{
	buf_take(&to->retained, &from->retained);
	to->retained_at = from->retained_at;
	to->retained_ever = from->retained_ever;
	to->sent = from->sent;
	to->acked = from->acked;
	to->heard = from->heard;
	to->heard_told = from->heard_told;
	to->heard_bytes = from->heard_bytes;
}

void channel_take(struct channel *to, struct channel *from)
{
	CHECK(to != from && !to->joined && to->sent == 0 && to->heard == 0);
	CHECK(to->us == from->us && !from->feeding);
	move_numbered(to, from);
	channel_cut(from);
	from->retained_at = 0;
	from->retained_ever = from->sent = from->acked = from->heard = from->heard_told = 0;
}

/* receiving */

static bool at_fault(struct channel *c, const char *why)
{
	c->fault = why;
	return false;
}

static bool header_is_good(struct channel *c, const struct frame *f)
{
	const char *fault = frame_fault(f);

	if (fault)
		return at_fault(c, fault);
	if (!(msg_from(f->code) & c->peer))
		return at_fault(c, "a message that this peer may not send");
	if (c->message_code && (f->code != c->message_code || f->seq != c->message_seq))
		return at_fault(c, "a frame that does not continue the message before it");
	if (f->seq && !c->joined)
		return at_fault(c, "a numbered message before the join");
	if (f->seq && f->seq - 1 > c->heard)
		return at_fault(c, "a gap in the sequence");
	if (f->n > c->most || c->message.n > c->most - f->n)
		return at_fault(c, "a message that is too long");
	return true;
}

static bool keep(struct channel *c, struct buf *b, struct str bytes)
{
	if (!buf_try_room(b, bytes.n))
		return at_fault(c, "out of memory for what the peer sends");
	buf_add(b, bytes.p, bytes.n);
	return true;
}

/* Moves bytes to `in` until that has `need`. */
static bool fill(struct channel *c, struct str *bytes, size_t need)
{
	struct str piece = str_head(*bytes, need > c->in.n ? need - c->in.n : 0);

	*bytes = str_skip(*bytes, piece.n);
	return keep(c, &c->in, piece);
}

enum found { FOUND_FRAME, FOUND_PART, FOUND_FAULT };

/* Takes a frame that began in an earlier call. The payload borrows from `in`, which is empty again
 * but is not written to before the message was handled. */
static enum found next_begun(struct channel *c, struct str *bytes, struct frame *f,
	struct str *payload)
{
	if (!fill(c, bytes, FRAME_HEADER))
		return FOUND_FAULT;
	if (c->in.n < FRAME_HEADER)
		return FOUND_PART;
	*f = frame_at(c->in.p);
	if (!header_is_good(c, f) || !fill(c, bytes, FRAME_HEADER + f->n))
		return FOUND_FAULT;
	if (c->in.n < FRAME_HEADER + f->n)
		return FOUND_PART;
	*payload = str_at(c->in.p + FRAME_HEADER, f->n);
	buf_clear(&c->in);
	return FOUND_FRAME;
}

/* Takes a frame from `bytes` where it lies, when it is whole there. */
static enum found next_frame(struct channel *c, struct str *bytes, struct frame *f,
	struct str *payload)
{
	if (c->in.n || bytes->n < FRAME_HEADER)
		return next_begun(c, bytes, f, payload);
	*f = frame_at(bytes->p);
	if (!header_is_good(c, f))
		return FOUND_FAULT;
	if (bytes->n - FRAME_HEADER < f->n)
		return next_begun(c, bytes, f, payload);
	*payload = str_at(bytes->p + FRAME_HEADER, f->n);
	*bytes = str_skip(*bytes, FRAME_HEADER + f->n);
	return FOUND_FRAME;
}

typedef bool handle_fn(void *ctx, const struct message *m);

struct receiver {
	handle_fn *handle;
	void *ctx;
};

static bool take_message(struct channel *c, const struct frame *f, struct str payload,
	const struct receiver *to)
{
	unsigned cuts = c->cuts;
	struct message m;

	if (!msg_decode(f->code, payload, &m))
		return at_fault(c, "a malformed message");
	m.seq = f->seq;
	if (m.code == MSG_ack)
		return acknowledge(c, m.as.ack.heard) || at_fault(c, "an ack that cannot be");
	if (!to->handle(to->ctx, &m))
		return c->fault ? false : at_fault(c, "a message that was not accepted");
	if (f->seq)
		c->heard = f->seq;
	return c->cuts == cuts || at_fault(c, "the link was cut");
}

/* A message that was processed before is followed frame by frame, but not kept. */
static bool take_frame(struct channel *c, const struct frame *f, struct str payload,
	const struct receiver *to)
{
	bool old = f->seq && f->seq <= c->heard;
	bool continued = f->flags & FRAME_CONTINUED;
	bool good;

	if (!old && (continued || c->message_code)) {
		if (!keep(c, &c->message, payload))
			return false;
		payload = buf_str(&c->message);
	}
	c->message_code = continued ? f->code : 0;
	c->message_seq = f->seq;
	c->heard_bytes += f->seq ? FRAME_HEADER + f->n : 0;
	if (old || continued)
		return true;
	good = take_message(c, f, payload, to);
	empty(&c->message);
	return good;
}

static bool take_all(struct channel *c, struct str bytes, const struct receiver *to)
{
	while (bytes.n) {
		struct frame f;
		struct str payload;
		enum found found = next_frame(c, &bytes, &f, &payload);

		if (found != FOUND_FRAME)
			return found == FOUND_PART;
		if (!take_frame(c, &f, payload, to))
			return false;
	}
	return true;
}

bool channel_feed(struct channel *c, struct str bytes, handle_fn *handle, void *ctx)
{
	const struct receiver to = {handle, ctx};
	unsigned cuts = c->cuts;
	bool good;

	CHECK(!c->feeding);
	if (c->broken)
		return false;
	c->fault = NULL;
	c->feeding = true;
	good = take_all(c, bytes, &to);
	c->feeding = false;
	c->broken = !good && c->cuts == cuts;
	return good;
}

/* recovery */

/* Frames read in memory, with what the last one left open. */
struct frames {
	struct buf message;
	unsigned code; /* of a message that is continued; 0: none */
	uint64_t seq;  /* of the newest message; 0: none yet */
};

static bool follows(const struct frames *r, const struct frame *f)
{
	if (r->code)
		return f->code == r->code && f->seq == r->seq;
	return f->seq && (r->seq == 0 || f->seq == r->seq + 1);
}

static bool read_frame(struct frames *r, const struct frame *f, struct str payload,
	const struct receiver *to)
{
	bool continued = f->flags & FRAME_CONTINUED;
	bool good;
	struct message m;

	if (!follows(r, f) || r->message.n + payload.n > CHANNEL_MAX_TO_C2S)
		return false;
	if (continued || r->code) {
		if (!buf_try_room(&r->message, payload.n))
			return false;
		buf_put(&r->message, payload);
		payload = buf_str(&r->message);
	}
	r->code = continued ? f->code : 0;
	r->seq = f->seq;
	if (continued)
		return true;
	good = msg_decode(f->code, payload, &m);
	m.seq = f->seq;
	good = good && to->handle(to->ctx, &m);
	buf_clear(&r->message);
	return good;
}

bool channel_read_frames(struct str frames, handle_fn *handle, void *ctx)
{
	const struct receiver to = {handle, ctx};
	struct frames r = {0};
	struct frame f;
	struct str payload;
	bool good = true;

	while (good && frames.n)
		good = frame_take(&frames, &f, &payload) && read_frame(&r, &f, payload, &to);
	buf_free(&r.message);
	return good && r.code == 0;
}

/* What the frames of a record must fit to. */
struct span {
	enum role us;
	uint64_t first, last;
};

static bool note_span(void *ctx, const struct message *m)
{
	struct span *s = ctx;

	if (s->last == 0)
		s->first = m->seq;
	s->last = m->seq;
	return (msg_from(m->code) & s->us) != 0;
}

bool channel_restore(struct channel *c, uint64_t sent, uint64_t heard, struct str retained)
{
	struct span s = {.us = c->us, .first = sent + 1};

	CHECK(c->sent == 0 && c->heard == 0 && !c->joined);
	if (!channel_read_frames(retained, note_span, &s))
		return false;
	if (retained.n && s.last != sent)
		return false;
	if (!buf_try_room(&c->retained, retained.n))
		return false;
	buf_put(&c->retained, retained);
	c->retained_ever = retained.n;
	c->sent = sent;
	c->acked = s.first - 1;
	c->heard = heard;
	return true;
}

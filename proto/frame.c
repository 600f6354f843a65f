/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages cut into frames, and frames found in memory. */
#include "proto/frame.h"

#include <string.h>

_Static_assert(sizeof(struct frame) == FRAME_HEADER,
	"a header lies in the frame as it lies in memory");

struct frame frame_at(const char *p)
{
	struct frame f;

	memcpy(&f, p, sizeof f);
	return f;
}

const char *frame_fault(const struct frame *f)
{
	if (f->n > FRAME_MAX)
		return "a frame that is too long";
	if ((f->flags & ~FRAME_CONTINUED) || f->zero)
		return "a frame with unknown flags";
	if ((f->flags & FRAME_CONTINUED) && f->n != FRAME_MAX)
		return "a continued frame that is not full";
	if (!msg_name(f->code))
		return "an unknown message";
	if (msg_delivery(f->code) == NUMBERED && f->seq == 0)
		return "a numbered message without a sequence";
	if (msg_delivery(f->code) == UNNUMBERED && f->seq != 0)
		return "an unnumbered message with a sequence";
	return NULL;
}

bool frame_take(struct str *s, struct frame *f, struct str *payload)
{
	if (s->n < FRAME_HEADER)
		return false;
	*f = frame_at(s->p);
	if (frame_fault(f) || s->n - FRAME_HEADER < f->n)
		return false;
	*payload = str_at(s->p + FRAME_HEADER, f->n);
	*s = str_skip(*s, FRAME_HEADER + f->n);
	return true;
}

/* The payload is encoded once, behind the room for all headers, and its pieces move forward between
 * them: a piece never moves over one that has still to move. The usual message, of one frame, stays
 * where it is. */
void frame_put_message(struct buf *to, const struct message *m, uint64_t seq)
{
	size_t n = msg_size(m), start = to->n;
	size_t frames = n <= FRAME_MAX ? 1 : (n + FRAME_MAX - 1) / FRAME_MAX;
	char *at;

	CHECK(n <= CHANNEL_MAX_TO_C2S);
	buf_room(to, frames * FRAME_HEADER + n);
	buf_grew(to, frames * FRAME_HEADER);
	msg_encode(to, m);
	at = to->p + start;
	for (size_t left = frames; left; left--) {
		struct frame f = {FRAME_MAX, (uint16_t)m->code, FRAME_CONTINUED, 0, seq};
		const char *payload = at + left * FRAME_HEADER;

		if (left == 1) {
			f.n = (uint32_t)n;
			f.flags = 0;
		}
		n -= f.n;
		if (left > 1)
			memmove(at + FRAME_HEADER, payload, f.n);
		memcpy(at, &f, sizeof f);
		at += FRAME_HEADER + f.n;
	}
}

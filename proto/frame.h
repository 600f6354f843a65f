/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The header of a frame, and frames in memory; inside proto/ only. */
#ifndef PROTO_FRAME_H
#define PROTO_FRAME_H

#include "proto/channel.h"

#define FRAME_CONTINUED 1

/* As it lies in the frame. */
struct frame {
	uint32_t n; /* bytes of payload */
	uint16_t code;
	uint8_t flags;
	uint8_t zero;
	uint64_t seq;
};

struct frame frame_at(const char *p); /* p: at least FRAME_HEADER bytes, any alignment */
/* What is wrong with a header, whoever sends it: plain words; NULL: nothing. */
const char *frame_fault(const struct frame *f);
/* Takes a whole frame off the front. False: there is none, or its header is faulty; *s
 * untouched. */
MUST_CHECK bool frame_take(struct str *s, struct frame *f, struct str *payload);
/* Appends a message as one or more frames. */
void frame_put_message(struct buf *to, const struct message *m, uint64_t seq);

#endif

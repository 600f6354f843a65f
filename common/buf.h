/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A growing run of bytes that owns its memory. {0} is a valid empty buffer. A buffer that cannot
 * grow dies (mem_new's rule) unless the _try form is used, which anything with a size that a peer
 * chooses must do. What a buffer of up to BUF_WIPED_MOST bytes moves away from is overwritten: any
 * may have a password in it, and buf_wipe reaches only where it is at last. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include "common/str.h"

#define BUF_WIPED_MOST 16384 /* more than any element before login */

struct buf {
	char *p;
	size_t n;   /* bytes in use */
	size_t cap; /* bytes allocated */
};

void buf_free(struct buf *b);               /* frees, and leaves {0} */
void buf_wipe(struct buf *b);               /* overwrites, then frees */
static inline void buf_clear(struct buf *b) /* memory kept */
{
	b->n = 0;
}
void buf_trim(struct buf *b); /* empty: frees; else shrinks to about n */
MUST_CHECK bool buf_try_room(struct buf *b, size_t n);
char *buf_more(struct buf *b, size_t n); /* buf_room's, when there is not enough */
/* At least n writable bytes behind the content; then buf_grew. */
static inline char *buf_room(struct buf *b, size_t n)
{
	return b->p && b->cap - b->n >= n ? b->p + b->n : buf_more(b, n);
}
static inline void buf_grew(struct buf *b, size_t n) /* n of them are content now */
{
	CHECK(n <= b->cap - b->n);
	b->n += n;
}
static inline void buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_room(b, n), bytes, n);
	b->n += n;
}

static inline void buf_put(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

static inline void buf_puts(struct buf *b, const char *c_string)
{
	buf_put(b, str_of(c_string));
}

static inline void buf_putc(struct buf *b, char c)
{
	*buf_room(b, 1) = c;
	b->n++;
}

void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_drop(struct buf *b, size_t n);               /* removes the first n bytes (memmove) */
static inline struct str buf_str(const struct buf *b) /* borrows until the next change */
{
	return (struct str){b->p, b->n};
}
const char *buf_cstr(struct buf *b); /* NUL-terminated view; the NUL is not counted */
void buf_take(struct buf *to,
	struct buf *from); /* frees to's, moves from's there, leaves from {0} */

/* Fixed-width little-endian integers, for frames and records. */
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
/* Reading side: takes the value off the front of *s; false (and *s untouched) when it is too short.
 */
MUST_CHECK bool str_take_u8(struct str *s, uint8_t *v);
MUST_CHECK bool str_take_u16(struct str *s, uint16_t *v);
MUST_CHECK bool str_take_u32(struct str *s, uint32_t *v);
MUST_CHECK bool str_take_u64(struct str *s, uint64_t *v);
MUST_CHECK bool str_take_bytes(struct str *s, size_t n, struct str *out);

#endif

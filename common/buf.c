/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Growing buffers, and the little-endian integers that frames and records are made of. */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BUF_LEAST 64

void buf_free(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf){0};
}

void buf_wipe(struct buf *b)
{
	mem_wipe(b->p, b->cap);
	buf_free(b);
}

/* NULL: no memory, and nothing has changed. */
static char *moved(struct buf *b, size_t cap)
{
	char *p;

	if (!b->p || b->cap > BUF_WIPED_MOST)
		return mem_resize(b->p, cap);
	p = mem_resize(NULL, cap);
	if (!p)
		return NULL;
	memcpy(p, b->p, b->n);
	mem_wipe(b->p, b->cap);
	mem_free(b->p);
	return p;
}

void buf_trim(struct buf *b)
{
	char *p;

	if (b->n == 0) {
		buf_free(b);
		return;
	}
	if (b->cap - b->n < BUF_LEAST)
		return;
	p = moved(b, b->n);
	if (!p)
		return;
	b->p = p;
	b->cap = b->n;
}

bool buf_try_room(struct buf *b, size_t n)
{
	size_t need, cap;
	char *p;

	if (b->cap - b->n >= n && b->p)
		return true;
	if (__builtin_add_overflow(b->n, n, &need))
		return false;
	if (__builtin_mul_overflow(b->cap, 2, &cap) || cap < need)
		cap = need;
	if (cap < BUF_LEAST)
		cap = BUF_LEAST;
	p = moved(b, cap);
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

char *buf_more(struct buf *b, size_t n)
{
	bool there_is_memory = buf_try_room(b, n);

	CHECK(there_is_memory);
	return b->p + b->n;
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	CHECK(n >= 0);
	va_start(args, format);
	vsnprintf(buf_room(b, (size_t)n + 1), (size_t)n + 1, format, args);
	va_end(args);
	b->n += (size_t)n;
}

void buf_drop(struct buf *b, size_t n)
{
	CHECK(n <= b->n);
	if (n == 0)
		return;
	b->n -= n;
	memmove(b->p, b->p + n, b->n);
}

const char *buf_cstr(struct buf *b)
{
	*buf_room(b, 1) = '\0';
	return b->p;
}

void buf_take(struct buf *to, struct buf *from)
{
	if (to == from)
		return;
	mem_free(to->p);
	*to = *from;
	*from = (struct buf){0};
}

static void put_little_endian(struct buf *b, uint64_t v, size_t width)
{
	unsigned char *p = (unsigned char *)buf_room(b, width);

	for (size_t i = 0; i < width; i++)
		p[i] = (unsigned char)(v >> (8 * i));
	b->n += width;
}

void buf_u8(struct buf *b, uint8_t v)
{
	put_little_endian(b, v, 1);
}

void buf_u16(struct buf *b, uint16_t v)
{
	put_little_endian(b, v, 2);
}

void buf_u32(struct buf *b, uint32_t v)
{
	put_little_endian(b, v, 4);
}

void buf_u64(struct buf *b, uint64_t v)
{
	put_little_endian(b, v, 8);
}

static bool take_little_endian(struct str *s, uint64_t *v, size_t width)
{
	if (s->n < width)
		return false;
	*v = 0;
	for (size_t i = 0; i < width; i++)
		*v |= (uint64_t)(unsigned char)s->p[i] << (8 * i);
	*s = str_skip(*s, width);
	return true;
}

bool str_take_u8(struct str *s, uint8_t *v)
{
	uint64_t wide;

	if (!take_little_endian(s, &wide, 1))
		return false;
	*v = (uint8_t)wide;
	return true;
}

bool str_take_u16(struct str *s, uint16_t *v)
{
	uint64_t wide;

	if (!take_little_endian(s, &wide, 2))
		return false;
	*v = (uint16_t)wide;
	return true;
}

bool str_take_u32(struct str *s, uint32_t *v)
{
	uint64_t wide;

	if (!take_little_endian(s, &wide, 4))
		return false;
	*v = (uint32_t)wide;
	return true;
}

bool str_take_u64(struct str *s, uint64_t *v)
{
	return take_little_endian(s, v, 8);
}

bool str_take_bytes(struct str *s, size_t n, struct str *out)
{
	if (s->n < n)
		return false;
	*out = str_head(*s, n);
	*s = str_skip(*s, n);
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Encoders and decoders, expanded from messages.def: one function for each field type, one pass
 * over the rows for each job. A message is measured first, and then written without a look at
 * the room. */
#include "proto/types.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "lists are sent as they lie in memory");

struct row {
	const char *name;
	enum role from;
	enum delivery delivery;
};

static const struct row rows[] = {
#define MSG(code, name, from, delivery, fields, meaning) [code] = {#name, ROLE_##from, delivery},
#include "proto/messages.def"
#undef MSG
};

const char *msg_name(unsigned code)
{
	return code < COUNT(rows) ? rows[code].name : NULL;
}

enum role msg_from(unsigned code)
{
	return code < COUNT(rows) ? rows[code].from : 0;
}

enum delivery msg_delivery(unsigned code)
{
	return code < COUNT(rows) ? rows[code].delivery : UNNUMBERED;
}

uint64_t list_at(struct u64_list l, size_t i)
{
	uint64_t v;

	CHECK(i < l.n);
	memcpy(&v, l.raw + i * sizeof v, sizeof v);
	return v;
}

struct u64_list list_of(const uint64_t *values, size_t n)
{
	return (struct u64_list){(const uint8_t *)values, n};
}

/* how many bytes a field takes */

#define SIZE_FIXED(type) \
	static inline size_t size_##type(PROTO_TYPE_##type v) \
	{ \
		return sizeof v; \
	}
SIZE_FIXED(u8)
SIZE_FIXED(u16)
SIZE_FIXED(u32)
SIZE_FIXED(u64)

static inline size_t size_bytes(struct str s)
{
	CHECK(s.n <= UINT32_MAX);
	return sizeof(uint32_t) + s.n;
}

static inline size_t size_jid(struct jid j)
{
	return size_bytes(j.text);
}

static inline size_t size_list(struct u64_list l)
{
	CHECK(l.n <= UINT32_MAX);
	return sizeof(uint32_t) + l.n * sizeof(uint64_t);
}

/* a field written at p; the place behind it */

#define PUT_FIXED(type) \
	static inline char *put_##type(char *p, PROTO_TYPE_##type v) \
	{ \
		memcpy(p, &v, sizeof v); \
		return p + sizeof v; \
	}
PUT_FIXED(u8)
PUT_FIXED(u16)
PUT_FIXED(u32)
PUT_FIXED(u64)

static inline char *put_raw(char *p, const void *bytes, size_t n)
{
	if (n)
		memcpy(p, bytes, n);
	return p + n;
}

static inline char *put_bytes(char *p, struct str s)
{
	return put_raw(put_u32(p, (uint32_t)s.n), s.p, s.n);
}

static inline char *put_jid(char *p, struct jid j)
{
	return put_bytes(p, j.text);
}

static inline char *put_list(char *p, struct u64_list l)
{
	return put_raw(put_u32(p, (uint32_t)l.n), l.raw, l.n * sizeof(uint64_t));
}

/* a field taken off the front; false when it is cut in the middle or out of shape */

#define TAKE_FIXED(type) \
	static inline bool take_##type(struct str *s, PROTO_TYPE_##type *v) \
	{ \
		if (s->n < sizeof *v) \
			return false; \
		memcpy(v, s->p, sizeof *v); \
		*s = (struct str){s->p + sizeof *v, s->n - sizeof *v}; \
		return true; \
	}
TAKE_FIXED(u8)
TAKE_FIXED(u16)
TAKE_FIXED(u32)
TAKE_FIXED(u64)

static inline bool take_bytes(struct str *s, struct str *out)
{
	uint32_t n;

	if (!take_u32(s, &n) || n > s->n)
		return false;
	*out = (struct str){s->p, n};
	*s = (struct str){s->p + n, s->n - n};
	return true;
}

/* No control character, no broken UTF-8: what a peer calls a JID goes into logs and keys. */
static bool text_is_sane(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return str_utf8(s);
}

static bool take_jid(struct str *s, struct jid *out)
{
	struct str text;

	if (!take_bytes(s, &text))
		return false;
	*out = (struct jid){0};
	return text.n == 0 || (text_is_sane(text) && jid_split(text, out));
}

static inline bool take_list(struct str *s, struct u64_list *out)
{
	uint32_t n;

	if (!take_u32(s, &n) || n > s->n / sizeof(uint64_t))
		return false;
	*out = (struct u64_list){(const uint8_t *)s->p, n};
	*s = (struct str){s->p + n * sizeof(uint64_t), s->n - n * sizeof(uint64_t)};
	return true;
}

/* the passes over the rows */

/* clang-format off */
size_t msg_size(const struct message *m)
{
	size_t n = 0;

	switch (m->code) {
#define FIELD(type, name) n += size_##type(f->name);
#define MSG(code, name, from, delivery, fields, meaning) \
	case code: { \
		const struct msg_##name *f = &m->as.name; \
		fields \
		break; \
	}
#include "proto/messages.def"
#undef MSG
#undef FIELD
	}
	return n;
}

void msg_encode(struct buf *out, const struct message *m)
{
	size_t n = msg_size(m);
	char *p = buf_room(out, n);

	switch (m->code) {
#define FIELD(type, name) p = put_##type(p, f->name);
#define MSG(code, name, from, delivery, fields, meaning) \
	case code: { \
		const struct msg_##name *f = &m->as.name; \
		fields \
		break; \
	}
#include "proto/messages.def"
#undef MSG
#undef FIELD
	}
	CHECK(p == out->p + out->n + n);
	buf_grew(out, n);
}

/* A field that is missing (the sender is older) stays 0 or empty; what is behind the last one (the
 * sender is newer) is skipped. */
bool msg_decode(unsigned code, struct str payload, struct message *out)
{
	memset(out, 0, sizeof *out);
	switch (code) {
#define FIELD(type, name) \
	if (payload.n && !take_##type(&payload, &f->name)) \
		return false;
#define MSG(code, name, from, delivery, fields, meaning) \
	case code: { \
		struct msg_##name *f = &out->as.name; \
		fields \
		break; \
	}
#include "proto/messages.def"
#undef MSG
#undef FIELD
	default:
		return false;
	}
	out->code = (enum msg_code)code;
	return true;
}
/* clang-format on */

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every row of messages.def: round trip, every truncation, extra bytes, forged lengths, each
 * sender. Examples and comparisons are expanded from the catalogue, so a new row is tested the
 * moment that it is written. */
#include "proto/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIELDS_MOST 16

/* examples: each field gets another value, none of them 0 or empty */

static uint64_t next_value(unsigned *x)
{
	*x = *x * 2654435761u + 12345;
	return (uint64_t)*x << 32 | (*x | 0x01010101u);
}

/* clang-format off */
static void some_u8(uint8_t *v, unsigned *x) { *v = (uint8_t)next_value(x); }
static void some_u16(uint16_t *v, unsigned *x) { *v = (uint16_t)next_value(x); }
static void some_u32(uint32_t *v, unsigned *x) { *v = (uint32_t)next_value(x); }
static void some_u64(uint64_t *v, unsigned *x) { *v = next_value(x); }
/* clang-format on */

static void some_bytes(struct str *v, unsigned *x)
{
	static const char text[] = "<message to=\"b@example.org\"><body>\0\xff</body></message>";

	*v = str_at(text, 1 + next_value(x) % (sizeof text - 1));
}

static void some_jid(struct jid *v, unsigned *x)
{
	static const char *const texts[] = {
		"a@example.org/r", "a@example.org", "example.org", "example.org/r/@s"};

	assert_true(jid_split(str_of(texts[(next_value(x) >> 40) % COUNT(texts)]), v));
}

static void some_list(struct u64_list *v, unsigned *x)
{
	static uint64_t values[8];

	for (size_t i = 0; i < COUNT(values); i++)
		values[i] = 0x0102030405060708u * (i + 1);
	*v = list_of(values, 1 + (next_value(x) >> 40) % COUNT(values));
}

/* clang-format off */
static bool same_u8(uint8_t a, uint8_t b) { return a == b; }
static bool same_u16(uint16_t a, uint16_t b) { return a == b; }
static bool same_u32(uint32_t a, uint32_t b) { return a == b; }
static bool same_u64(uint64_t a, uint64_t b) { return a == b; }
static bool same_bytes(struct str a, struct str b) { return str_eq(a, b); }
/* clang-format on */

static bool same_jid(struct jid a, struct jid b)
{
	return str_eq(a.text, b.text) && a.local_n == b.local_n && a.domain_n == b.domain_n &&
		a.resource_n == b.resource_n;
}

static bool same_list(struct u64_list a, struct u64_list b)
{
	for (size_t i = 0; a.n == b.n && i < a.n; i++)
		if (list_at(a, i) != list_at(b, i))
			return false;
	return a.n == b.n;
}

/* clang-format off */
static size_t wide_u8(uint8_t v) { (void)v; return 1; }
static size_t wide_u16(uint16_t v) { (void)v; return 2; }
static size_t wide_u32(uint32_t v) { (void)v; return 4; }
static size_t wide_u64(uint64_t v) { (void)v; return 8; }
static size_t wide_bytes(struct str v) { return 4 + v.n; }
static size_t wide_jid(struct jid v) { return 4 + v.text.n; }
static size_t wide_list(struct u64_list v) { return 4 + 8 * v.n; }

/* Where the encoded fields end; ends[0] is 0. Returns the number of fields. */
#define FIELD(type, name) n += wide_##type(f->name); ends[++count] = n;
#define MSG(code, name, from, delivery, fields, meaning) \
	static size_t ends_##name(const struct message *m, size_t *ends) \
	{ \
		const struct msg_##name *f = &m->as.name; \
		size_t n = 0, count = 0; \
		ends[0] = 0; \
		fields \
		return count; \
	}
#include "proto/messages.def"
#undef MSG
#undef FIELD

#define FIELD(type, name) some_##type(&f->name, &x);
#define MSG(code, name, from, delivery, fields, meaning) \
	static void fill_##name(struct message *m, unsigned x) \
	{ \
		struct msg_##name *f = &m->as.name; \
		fields \
	}
#include "proto/messages.def"
#undef MSG
#undef FIELD

/* Are the first `count` fields those of a, and the others 0 or empty? */
#define FIELD(type, name) \
	if (!same_##type(i++ < count ? x->name : none.name, y->name)) \
		return false;
#define MSG(code, name, from, delivery, fields, meaning) \
	static bool same_##name(const struct message *a, const struct message *b, size_t count) \
	{ \
		const struct msg_##name *x = &a->as.name, *y = &b->as.name; \
		static const struct msg_##name none; \
		size_t i = 0; \
		fields \
		return true; \
	}
#include "proto/messages.def"
#undef MSG
#undef FIELD
/* clang-format on */

static const struct row {
	unsigned code;
	const char *name;
	enum role from;
	enum delivery delivery;
	void (*fill)(struct message *m, unsigned x);
	size_t (*ends)(const struct message *m, size_t *ends);
	bool (*same)(const struct message *a, const struct message *b, size_t count);
} rows[] = {
#define MSG(code, name, from, delivery, fields, meaning) \
	{code, #name, ROLE_##from, delivery, fill_##name, ends_##name, same_##name},
#include "proto/messages.def"
#undef MSG
};

static struct message example(const struct row *row, unsigned x)
{
	struct message m = {.code = (enum msg_code)row->code};

	row->fill(&m, x);
	return m;
}

/* Decodes from memory of exactly n bytes, so that a sanitizer sees every read beyond them; *copy
 * is freed by the caller. */
static bool decode(unsigned code, const void *bytes, size_t n, struct message *out, char **copy)
{
	*copy = malloc(n ? n : 1);
	assert_non_null(*copy);
	if (n)
		memcpy(*copy, bytes, n);
	return msg_decode(code, str_at(n ? *copy : NULL, n), out);
}

static void every_row_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_string_equal(msg_name(rows[i].code), rows[i].name);
		assert_int_equal(msg_from(rows[i].code), rows[i].from);
		assert_int_equal(msg_delivery(rows[i].code), rows[i].delivery);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(rows[k].name, rows[i].name);
	}
}

static void every_row_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (unsigned x = 0; x < 50; x++) {
			struct message m = example(&rows[i], x), back;
			struct buf b = {0};
			size_t ends[FIELDS_MOST], count = rows[i].ends(&m, ends);
			char *copy;

			buf_puts(&b, "before");
			msg_encode(&b, &m);
			assert_int_equal(b.n, strlen("before") + ends[count]);
			assert_int_equal(msg_size(&m), ends[count]);
			assert_memory_equal(b.p, "before", strlen("before"));
			assert_true(decode(rows[i].code, b.p + 6, b.n - 6, &back, &copy));
			assert_int_equal(back.code, rows[i].code);
			assert_int_equal(back.seq, 0);
			assert_true(rows[i].same(&m, &back, count));
			free(copy);
			buf_free(&b);
		}
}

static void empty_fields_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message m = {.code = (enum msg_code)rows[i].code}, back;
		struct buf b = {0};
		char *copy;

		msg_encode(&b, &m);
		assert_true(decode(rows[i].code, b.p, b.n, &back, &copy));
		assert_true(rows[i].same(&m, &back, FIELDS_MOST));
		free(copy);
		buf_free(&b);
	}
}

static bool is_among(size_t v, const size_t *values, size_t count, size_t *which)
{
	for (*which = 0; *which <= count; ++*which)
		if (values[*which] == v)
			return true;
	return false;
}

static void every_truncation(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message m = example(&rows[i], 7), back;
		size_t ends[FIELDS_MOST], count = rows[i].ends(&m, ends), fields;
		struct buf b = {0};
		char *copy;

		assert_true(count < FIELDS_MOST);
		msg_encode(&b, &m);
		for (size_t n = 0; n <= b.n; n++) {
			bool whole = is_among(n, ends, count, &fields);

			assert_int_equal(decode(rows[i].code, b.p, n, &back, &copy), whole);
			if (whole)
				assert_true(rows[i].same(&m, &back, fields));
			free(copy);
		}
		buf_free(&b);
	}
}

static void extra_bytes_are_skipped(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message m = example(&rows[i], 3), back;
		struct buf b = {0};
		char *copy;

		msg_encode(&b, &m);
		for (size_t extra = 0; extra < 9; extra++) {
			buf_putc(&b, '\xff');
			assert_true(decode(rows[i].code, b.p, b.n, &back, &copy));
			assert_true(rows[i].same(&m, &back, FIELDS_MOST));
			free(copy);
		}
		buf_free(&b);
	}
}

/* Each four bytes of each message, whatever they are, replaced by lengths that overflow
 * something. */
static void forged_lengths(void **state)
{
	static const uint32_t lengths[] = {
		0xffffffff, 0x80000000, 0x7fffffff, 0x20000000, 0x1fffffff, 65536, 1};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message m = example(&rows[i], 11), back;
		struct buf b = {0}, again = {0};
		char *copy;

		msg_encode(&b, &m);
		for (size_t at = 0; at + 4 <= b.n; at++)
			for (size_t k = 0; k < COUNT(lengths); k++) {
				char saved[4];

				memcpy(saved, b.p + at, 4);
				memcpy(b.p + at, &lengths[k], 4);
				buf_clear(&again);
				/* encoding reads every byte that the message borrows */
				if (decode(rows[i].code, b.p, b.n, &back, &copy))
					msg_encode(&again, &back);
				free(copy);
				memcpy(b.p + at, saved, 4);
			}
		buf_free(&b);
		buf_free(&again);
	}
}

static void a_length_beyond_the_payload(void **state)
{
	static const char bytes_too_long[] = "\1\0\0\0\0\0\0\0\6\0\0\0xxxxx";
	static const char list_too_long[] = "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	static const char list_overflow[] = "\1\0\0\x20\0\0\0\0\0\0\0\0";
	struct message m;

	(void)state;
	assert_false(msg_decode(MSG_stanza, str_at(bytes_too_long, sizeof bytes_too_long - 1), &m));
	assert_false(msg_decode(MSG_deliver, str_at(list_too_long, sizeof list_too_long - 1), &m));
	assert_false(msg_decode(MSG_deliver, str_at(list_overflow, sizeof list_overflow - 1), &m));
}

static bool jid_passes(struct str text)
{
	struct message m = {.code = MSG_sasl_start, .as.sasl_start = {.conn = 1, .hash = 2}}, back;
	struct buf b = {0};
	bool passes;

	m.as.sasl_start.who.text = text;
	msg_encode(&b, &m);
	passes = msg_decode(MSG_sasl_start, buf_str(&b), &back);
	if (passes)
		assert_true(str_eq(text, back.as.sasl_start.who.text));
	buf_free(&b);
	return passes;
}

static void jids_out_of_shape(void **state)
{
	static char long_part[1100];
	const struct str bad[] = {
		STR("@"),
		STR("/"),
		STR("@example.org"),
		STR("a@"),
		STR("example.org/"),
		STR("a@/r"),
		STR("/r"),
		STR("a\0@example.org"),
		STR("a@exam\nple.org"),
		STR("a@example.org/\x7f"),
		STR("\xff@example.org"),
		STR("a@\xed\xa0\x80.org"),
		str_at(long_part, sizeof long_part),
	};

	(void)state;
	memset(long_part, 'a', sizeof long_part);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(jid_passes(bad[i]));
	assert_true(jid_passes(STR_NONE));
	assert_true(jid_passes(STR("a@example.org/r")));
	assert_true(jid_passes(STR("j\xc3\xbcrgen@example.org")));
}

static void unknown_codes(void **state)
{
	struct message m;
	unsigned known = 0;

	(void)state;
	for (unsigned code = 0; code < 70000; code++) {
		if (msg_name(code)) {
			known++;
			continue;
		}
		assert_int_equal(msg_from(code), 0);
		assert_int_equal(msg_delivery(code), UNNUMBERED);
		assert_false(msg_decode(code, STR_NONE, &m));
		assert_false(msg_decode(code, STR("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), &m));
	}
	assert_null(msg_name(UINT32_MAX));
	assert_int_equal(known, COUNT(rows));
}

static bool count_message(void *ctx, const struct message *m)
{
	(void)m;
	++*(unsigned *)ctx;
	return true;
}

/* Each message from each role: heard from those that may send it, and from nobody else. */
static void every_sender(void **state)
{
	static const enum role roles[] = {ROLE_C2S, ROLE_PARENT, ROLE_SM};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t k = 0; k < COUNT(roles); k++) {
			char frame[FRAME_HEADER] = {0};
			struct channel c;
			unsigned heard = 0;
			bool may = (rows[i].from & roles[k]) != 0;

			frame[4] = (char)rows[i].code;
			frame[5] = (char)(rows[i].code >> 8);
			frame[8] = rows[i].delivery == NUMBERED;
			channel_start(&c, roles[k] == ROLE_SM ? ROLE_C2S : ROLE_SM, roles[k], 1000);
			assert_true(channel_resume(&c, 0));
			assert_int_equal(channel_feed(&c, str_at(frame, sizeof frame),
						 count_message, &heard),
				may);
			assert_int_equal(heard, may && rows[i].code != MSG_ack);
			if (!may)
				assert_string_equal(
					c.fault, "a message that this peer may not send");
			channel_end(&c);
		}
}

static void lists(void **state)
{
	const uint64_t values[] = {1, UINT64_MAX, 0x0123456789abcdef};
	struct u64_list l = list_of(values, COUNT(values));
	char shifted[sizeof values + 1];

	(void)state;
	memcpy(shifted + 1, values, sizeof values);
	for (size_t i = 0; i < COUNT(values); i++) {
		assert_int_equal(list_at(l, i), values[i]);
		assert_int_equal(
			list_at((struct u64_list){(const uint8_t *)shifted + 1, 3}, i), values[i]);
	}
	assert_int_equal(list_of(NULL, 0).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"messages: every row is known by its code, and each name is there once",
			every_row_is_known, NULL, NULL, NULL},
		{"messages: every row survives the round trip", every_row_round_trip, NULL, NULL,
			NULL},
		{"messages: every row survives the round trip with all fields empty",
			empty_fields_round_trip, NULL, NULL, NULL},
		{"messages: cut between fields the rest is empty, cut in a field it is malformed",
			every_truncation, NULL, NULL, NULL},
		{"messages: bytes behind the last field are skipped", extra_bytes_are_skipped, NULL,
			NULL, NULL},
		{"messages: a forged length reads nothing beyond the payload", forged_lengths, NULL,
			NULL, NULL},
		{"messages: a length beyond the payload is malformed", a_length_beyond_the_payload,
			NULL, NULL, NULL},
		{"messages: a jid out of shape is malformed, an empty one is not",
			jids_out_of_shape, NULL, NULL, NULL},
		{"messages: a code that is in no row is unknown", unknown_codes, NULL, NULL, NULL},
		{"messages: each row is taken from its senders and from nobody else", every_sender,
			NULL, NULL, NULL},
		{"messages: a list is read wherever it lies", lists, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

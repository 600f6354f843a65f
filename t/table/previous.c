/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The current catalogue against the previous one (previous.def): what an older peer sends is
 * understood, what it gets from us it understands, and no code means anything else than it did.
 * Payloads of the older side are written and read here from the field types of its rows alone,
 * without the codecs of proto/. */
#include "proto/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PREVIOUS_VERSION 1 /* of previous.def */

/* A row as text: fields as "u64 conn;bytes xml;". */
struct row {
	unsigned code;
	const char *name;
	enum role from;
	enum delivery delivery;
	const char *fields;
};

#define FIELD(type, name) #type " " #name ";"
static const struct row previous[] = {
#define MSG(code, name, from, delivery, fields) {code, #name, ROLE_##from, delivery, "" fields},
#include "t/table/previous.def"
#undef MSG
};

static const struct row current[] = {
#define MSG(code, name, from, delivery, fields, meaning) \
	{code, #name, ROLE_##from, delivery, "" fields},
#include "proto/messages.def"
#undef MSG
};
#undef FIELD

static const struct row *row_of(unsigned code)
{
	for (size_t i = 0; i < COUNT(current); i++)
		if (current[i].code == code)
			return &current[i];
	return NULL; /* retired */
}

/* Takes the type of the next field off the front. */
static bool next_type(struct str *fields, struct str *type)
{
	struct str field, name;

	return str_cut(*fields, ';', &field, fields) && str_cut(field, ' ', type, &name);
}

/* An example of a field, by its type and its place among the fields. */
static void write_field(struct buf *b, struct str type, unsigned place)
{
	uint64_t v = 0x1122334455667788u * (place + 1);

	if (str_is(type, "u8"))
		buf_u8(b, (uint8_t)v);
	else if (str_is(type, "u16"))
		buf_u16(b, (uint16_t)v);
	else if (str_is(type, "u32"))
		buf_u32(b, (uint32_t)v);
	else if (str_is(type, "u64"))
		buf_u64(b, v);
	else if (str_is(type, "bytes")) {
		buf_u32(b, place + 1);
		for (unsigned i = 0; i <= place; i++)
			buf_putc(b, (char)('A' + place));
	} else if (str_is(type, "jid")) {
		buf_u32(b, 15);
		buf_puts(b, "a@example.org/r");
	} else if (str_is(type, "list")) {
		buf_u32(b, 2);
		buf_u64(b, v);
		buf_u64(b, ~v);
	} else {
		fail_msg("a type that this test does not know: %.*s", STR_ARG(type));
	}
}

static void write_payload(struct buf *b, const char *fields)
{
	struct str rest = str_of(fields), type;

	for (unsigned place = 0; next_type(&rest, &type); place++)
		write_field(b, type, place);
}

static bool count_message(void *ctx, const struct message *m)
{
	(void)m;
	++*(unsigned *)ctx;
	return true;
}

static void codes_keep_their_meaning(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(previous); i++) {
		const struct row *now = row_of(previous[i].code);

		if (!now)
			continue;
		assert_string_equal(now->name, previous[i].name);
		assert_int_equal(now->delivery, previous[i].delivery);
		assert_int_equal(now->from & previous[i].from, previous[i].from);
	}
}

static void names_keep_their_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(previous); i++)
		for (size_t k = 0; k < COUNT(current); k++)
			if (strcmp(previous[i].name, current[k].name) == 0)
				assert_int_equal(previous[i].code, current[k].code);
}

static void fields_are_only_added_behind(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(previous); i++) {
		const struct row *now = row_of(previous[i].code);

		if (now && !str_starts(str_of(now->fields), str_of(previous[i].fields)))
			fail_msg("%s: was %s, is %s", now->name, previous[i].fields, now->fields);
	}
}

/* The older payload, decoded and encoded by us, is itself, with what is new as zeros behind it. */
static void an_older_payload_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(previous); i++) {
		struct buf old = {0}, ours = {0};
		struct message m;

		if (!row_of(previous[i].code))
			continue;
		write_payload(&old, previous[i].fields);
		assert_true(msg_decode(previous[i].code, buf_str(&old), &m));
		msg_encode(&ours, &m);
		assert_true(str_starts(buf_str(&ours), buf_str(&old)));
		for (size_t k = old.n; k < ours.n; k++)
			assert_int_equal(ours.p[k], 0);
		buf_free(&old);
		buf_free(&ours);
	}
}

/* Our payload begins with what an older peer reads, field by field. */
static void an_older_peer_understands_ours(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(current); i++) {
		struct buf written = {0}, ours = {0}, old = {0};
		struct message m;

		write_payload(&written, current[i].fields);
		assert_true(msg_decode(current[i].code, buf_str(&written), &m));
		msg_encode(&ours, &m);
		assert_true(str_eq(buf_str(&ours), buf_str(&written)));
		for (size_t k = 0; k < COUNT(previous); k++)
			if (previous[k].code == current[i].code)
				write_payload(&old, previous[k].fields);
		assert_true(str_starts(buf_str(&ours), buf_str(&old)));
		buf_free(&written);
		buf_free(&ours);
		buf_free(&old);
	}
}

/* All that one role could send in the previous version, in one stream to a channel of today. */
static void hear_all_of(enum role role)
{
	struct buf stream = {0}, payload = {0};
	struct channel c;
	unsigned sent = 0, heard = 0;
	uint64_t seq = 0;

	for (size_t i = 0; i < COUNT(previous); i++) {
		bool numbered = previous[i].delivery == NUMBERED;

		if (!(previous[i].from & role) || previous[i].code == MSG_ack ||
			!row_of(previous[i].code))
			continue;
		buf_clear(&payload);
		write_payload(&payload, previous[i].fields);
		buf_u32(&stream, (uint32_t)payload.n);
		buf_u16(&stream, (uint16_t)previous[i].code);
		buf_u16(&stream, 0);
		buf_u64(&stream, numbered ? ++seq : 0);
		buf_put(&stream, buf_str(&payload));
		sent++;
	}
	channel_start(&c, role == ROLE_SM ? ROLE_C2S : ROLE_SM, role, 10000);
	assert_true(channel_resume(&c, 0));
	for (size_t i = 0; i < stream.n; i++)
		if (!channel_feed(&c, str_at(stream.p + i, 1), count_message, &heard))
			fail_msg("%s", c.fault);
	assert_int_equal(heard, sent);
	assert_int_equal(c.heard, seq);
	channel_end(&c);
	buf_free(&stream);
	buf_free(&payload);
}

static void an_older_channel_is_heard(void **state)
{
	(void)state;
	hear_all_of(ROLE_C2S);
	hear_all_of(ROLE_PARENT);
	hear_all_of(ROLE_SM);
}

static void both_versions_are_spoken(void **state)
{
	(void)state;
	assert_int_equal(hello_agree(PROTO_VERSION_LOW, PROTO_VERSION_HIGH, PREVIOUS_VERSION,
				 PREVIOUS_VERSION),
		PREVIOUS_VERSION);
	assert_true(PROTO_VERSION_HIGH - PREVIOUS_VERSION <= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"previous: a code means what it meant, or nothing", codes_keep_their_meaning, NULL,
			NULL, NULL},
		{"previous: a name has the code that it had", names_keep_their_code, NULL, NULL,
			NULL},
		{"previous: fields are only added, at the end", fields_are_only_added_behind, NULL,
			NULL, NULL},
		{"previous: what an older peer writes is understood, what it leaves out is 0",
			an_older_payload_is_understood, NULL, NULL, NULL},
		{"previous: what we write begins with what an older peer reads",
			an_older_peer_understands_ours, NULL, NULL, NULL},
		{"previous: a channel that speaks the older catalogue is heard",
			an_older_channel_is_heard, NULL, NULL, NULL},
		{"previous: the previous version is still agreed on", both_versions_are_spoken,
			NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a worker that was taken over may try with frames: each attempt is found, whatever the pieces
 * that it comes in, ends the link, and costs nothing else. */
#include "t/unit/channel_pair.h"

/* --- faults: what a worker may try */

static void unknown_code(struct buf *b)
{
	put_header(b, 0, 4000, 0, 0);
}
static void code_zero(struct buf *b)
{
	put_header(b, 0, 0, 0, 0);
}
static void of_sm(struct buf *b)
{
	put_header(b, 0, MSG_deliver, 0, 1);
}
static void of_the_parent(struct buf *b)
{
	put_header(b, 0, MSG_worker_died, 0, 0);
}
static void frame_too_long(struct buf *b)
{
	put_header(b, FRAME_MAX + 1, MSG_stanza, 0, 1);
}
static void frame_of_4g(struct buf *b)
{
	put_header(b, UINT32_MAX, MSG_stanza, 0, 1);
}
static void flag_of_later(struct buf *b)
{
	put_header(b, 0, MSG_stanza, 2, 1);
}
static void short_continued(struct buf *b)
{
	put_header(b, FRAME_MAX - 1, MSG_stanza, 1, 1);
}
static void empty_continued(struct buf *b)
{
	put_header(b, 0, MSG_stanza, 1, 1);
}
static void no_number(struct buf *b)
{
	put_header(b, 0, MSG_stanza, 0, 0);
}
static void number_unasked(struct buf *b)
{
	put_header(b, 0, MSG_sasl_start, 0, 1);
}
static void gap(struct buf *b)
{
	put_header(b, 0, MSG_stanza, 0, 2);
}
static void last_number(struct buf *b)
{
	put_header(b, 0, MSG_stanza, 0, UINT64_MAX);
}

static void reserved_byte(struct buf *b)
{
	put_header(b, 0, MSG_stanza, 0, 1);
	b->p[b->n - 9] = 1;
}

static void gap_later(struct buf *b)
{
	put_stanza(b, 1);
	put_stanza(b, 3);
}

static void malformed(struct buf *b)
{
	put_header(b, 3, MSG_stanza, 0, 1);
	buf_puts(b, "abc");
}

static void malformed_in_frames(struct buf *b)
{
	put_header(b, FRAME_MAX, MSG_stanza, 1, 1);
	memset(buf_room(b, FRAME_MAX), 0xff, FRAME_MAX);
	buf_grew(b, FRAME_MAX);
	put_header(b, 1, MSG_stanza, 0, 1);
	buf_putc(b, 'x');
}

static void message_too_long(struct buf *b)
{
	for (int i = 0; i < 4; i++)
		put_full(b, MSG_stanza, 1, 1);
	put_header(b, MOST - 4 * FRAME_MAX + 1, MSG_stanza, 0, 1);
}

static void message_without_end(struct buf *b)
{
	for (int i = 0; i < 5; i++)
		put_full(b, MSG_stanza, 1, 1);
}

static void unnumbered_without_end(struct buf *b)
{
	for (int i = 0; i < 5; i++)
		put_full(b, MSG_sasl_prove, 1, 0);
}

static void other_code_between(struct buf *b)
{
	put_full(b, MSG_stanza, 1, 1);
	put_header(b, 0, MSG_closed, 0, 1);
}

static void other_number_between(struct buf *b)
{
	put_stanza(b, 1);
	put_full(b, MSG_stanza, 1, 2);
	put_header(b, 0, MSG_stanza, 0, 1);
}

static void ack_between(struct buf *b)
{
	put_full(b, MSG_stanza, 1, 1);
	put_header(b, 8, MSG_ack, 0, 0);
	buf_u64(b, 0);
}

static void ack_of_nothing(struct buf *b)
{
	put_header(b, 8, MSG_ack, 0, 0);
	buf_u64(b, 3);
}

static void ack_of_all(struct buf *b)
{
	put_header(b, 8, MSG_ack, 0, 0);
	buf_u64(b, UINT64_MAX);
}

static void ack_backwards(struct buf *b)
{
	put_header(b, 8, MSG_ack, 0, 0);
	buf_u64(b, 2);
	put_header(b, 8, MSG_ack, 0, 0);
	buf_u64(b, 1);
}

static void ack_missing(struct buf *b)
{
	put_header(b, 8, MSG_ack, 0, 0);
	buf_u64(b, 1);
	put_header(b, 0, MSG_ack, 0, 0);
}

static const struct fault {
	void (*put)(struct buf *b);
	const char *why;
} faults[] = {
	{unknown_code, "an unknown message"},
	{code_zero, "an unknown message"},
	{of_sm, "a message that this peer may not send"},
	{of_the_parent, "a message that this peer may not send"},
	{frame_too_long, "a frame that is too long"},
	{frame_of_4g, "a frame that is too long"},
	{flag_of_later, "a frame with unknown flags"},
	{reserved_byte, "a frame with unknown flags"},
	{short_continued, "a continued frame that is not full"},
	{empty_continued, "a continued frame that is not full"},
	{no_number, "a numbered message without a sequence"},
	{number_unasked, "an unnumbered message with a sequence"},
	{gap, "a gap in the sequence"},
	{last_number, "a gap in the sequence"},
	{gap_later, "a gap in the sequence"},
	{malformed, "a malformed message"},
	{malformed_in_frames, "a malformed message"},
	{message_too_long, "a message that is too long"},
	{message_without_end, "a message that is too long"},
	{unnumbered_without_end, "a message that is too long"},
	{other_code_between, "a frame that does not continue the message before it"},
	{other_number_between, "a frame that does not continue the message before it"},
	{ack_between, "a frame that does not continue the message before it"},
	{ack_of_nothing, "an ack that cannot be"},
	{ack_of_all, "an ack that cannot be"},
	{ack_backwards, "an ack that cannot be"},
	{ack_missing, "an ack that cannot be"},
};

/* Fed in pieces of `piece` bytes: the fault is found, nothing more is taken, and a cut heals it. */
static void try_fault(const struct fault *fault, struct str bytes, size_t piece)
{
	struct pair p;
	bool good = true;
	unsigned seen;

	pair_start(&p);
	send_deliver(&p.sm, STR("<a/>"));
	send_deliver(&p.sm, STR("<b/>"));
	for (; good && bytes.n; bytes = str_skip(bytes, piece)) {
		good = channel_feed(&p.sm, str_head(bytes, piece), see, &p.by_sm);
		assert_true(p.sm.in.n <= FRAME_HEADER + FRAME_MAX);
		assert_true(p.sm.message.n <= MOST);
	}
	assert_false(good);
	assert_string_equal(p.sm.fault, fault->why);
	seen = p.by_sm.n;
	send_stanza(&p.worker, 1, STR("<z/>"));
	assert_false(channel_feed(&p.sm, buf_str(&p.worker.out), see, &p.by_sm));
	assert_int_equal(p.by_sm.n, seen);
	channel_cut(&p.sm);
	assert_true(channel_resume(&p.sm, p.sm.acked));
	assert_true(channel_feed(&p.sm, buf_str(&p.worker.out), see, &p.by_sm));
	assert_int_equal(p.sm.heard, 1);
	pair_end(&p);
}

static void every_fault(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct buf b = {0};

		faults[i].put(&b);
		try_fault(&faults[i], buf_str(&b), b.n);
		try_fault(&faults[i], buf_str(&b), 1);
		try_fault(&faults[i], buf_str(&b), 4099);
		buf_free(&b);
	}
}

/* A header that is at fault is refused before its payload is there. */
static void nothing_is_kept_for_a_faulty_header(void **state)
{
	struct channel c;
	struct seen seen = {.c = &c};
	struct buf b = {0};

	(void)state;
	channel_start(&c, ROLE_SM, ROLE_C2S, 100);
	assert_true(channel_resume(&c, 0));
	put_header(&b, 101, MSG_stanza, 0, 1);
	assert_false(channel_feed(&c, buf_str(&b), see, &seen));
	assert_string_equal(c.fault, "a message that is too long");
	channel_end(&c);
	buf_free(&b);
}

static void numbered_before_the_join(void **state)
{
	struct channel c;
	struct seen seen = {.c = &c};
	struct buf b = {0};

	(void)state;
	channel_start(&c, ROLE_SM, ROLE_C2S, MOST);
	put_stanza(&b, 1);
	assert_false(channel_feed(&c, buf_str(&b), see, &seen));
	assert_string_equal(c.fault, "a numbered message before the join");
	assert_int_equal(seen.n, 0);
	channel_end(&c);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"channel: every fault is found, ends the link, and nothing else", every_fault,
			NULL, NULL, NULL},
		{"channel: a message beyond the limit is refused by its header",
			nothing_is_kept_for_a_faulty_header, NULL, NULL, NULL},
		{"channel: a numbered message before the join is a fault", numbered_before_the_join,
			NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Channels that pass bytes by hand: frames, sequences, acks, what is kept, joining again.
 * Records are in channel_record.c, faults in channel_faults.c, the lossy link and the crashes in
 * channel_crash.c. */
#include "t/unit/channel_pair.h"

/* --- frames */

static void a_frame_as_documented(void **state)
{
	struct pair p;
	struct buf expected = {0};

	(void)state;
	pair_start(&p);
	send_stanza(&p.worker, 9, STR("<a/>"));
	put_stanza(&expected, 1);
	assert_int_equal(p.worker.out.n, expected.n);
	assert_memory_equal(p.worker.out.p, expected.p, expected.n);
	assert_true(str_eq(channel_since(&p.worker, 0), buf_str(&expected)));
	buf_free(&expected);
	pair_end(&p);
}

/* Payloads around each multiple of a frame: whole, and in pieces of odd sizes. */
static void messages_of_every_length(void **state)
{
	static const size_t lengths[] = {0, 1, 1000, FRAME_MAX - 13, FRAME_MAX - 12, FRAME_MAX - 11,
		2 * FRAME_MAX - 12, 2 * FRAME_MAX - 11, 4 * FRAME_MAX - 13, 4 * FRAME_MAX - 12,
		MOST - 12};
	static const size_t pieces[] = {MOST * 2, 65535, 8191, 17, 1};
	struct buf text = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++)
		for (size_t k = 0; k < COUNT(pieces); k++) {
			struct str xml = filled(&text, lengths[i]), bytes;
			size_t payload = 12 + xml.n,
			       frames = payload <= FRAME_MAX
				? 1
				: (payload + FRAME_MAX - 1) / FRAME_MAX;
			struct pair p;

			pair_start(&p);
			send_stanza(&p.worker, 1, xml);
			assert_int_equal(p.worker.out.n, payload + frames * FRAME_HEADER);
			for (bytes = buf_str(&p.worker.out); bytes.n;
				bytes = str_skip(bytes, pieces[k]))
				assert_true(channel_feed(
					&p.sm, str_head(bytes, pieces[k]), see, &p.by_sm));
			assert_int_equal(p.by_sm.n, 1);
			assert_true(str_eq(buf_str(&p.by_sm.xml), xml));
			assert_int_equal(p.sm.in.n, 0);
			assert_int_equal(p.sm.message.n, 0);
			pair_end(&p);
		}
	buf_free(&text);
}

static void sixteen_megabytes(void **state)
{
	struct buf text = {0};
	struct str xml = filled(&text, CHANNEL_MAX_TO_C2S - 25);
	struct pair p;

	(void)state;
	pair_start(&p);
	send_deliver(&p.sm, xml);
	pass(&p.sm, &p.worker, &p.by_worker);
	assert_true(str_eq(buf_str(&p.by_worker.xml), xml));
	assert_true(p.worker.message.cap <= 1024 * 1024);
	channel_ack(&p.worker);
	pass(&p.worker, &p.sm, &p.by_sm);
	channel_ack(&p.sm);
	assert_true(p.sm.retained.cap <= 1024 * 1024);
	assert_true(p.sm.out.cap <= 1024 * 1024);
	buf_free(&text);
	pair_end(&p);
}

/* --- acks, and what is kept */

/* Sends `n` messages of `bytes` each; what sm owes then, it owes within CHANNEL_ACK_MS. */
static bool owed_after(unsigned n, size_t bytes, bool answers)
{
	struct buf text = {0};
	struct str xml = filled(&text, bytes);
	struct pair p;
	bool owed;

	pair_start(&p);
	for (uint64_t i = 1; i <= n; i++)
		send_stanza(&p.worker, i, xml);
	pass(&p.worker, &p.sm, &p.by_sm);
	if (answers)
		send_deliver(&p.sm, STR("<a/>"));
	owed = channel_ack_later(&p.sm);
	assert_int_equal(p.sm.heard_told, owed ? 0 : n);
	channel_ack(&p.sm);
	assert_int_equal(p.sm.heard_told, n);
	assert_int_equal(p.sm.heard_bytes, 0);
	assert_false(channel_ack_later(&p.sm));
	pass(&p.sm, &p.worker, &p.by_worker);
	assert_int_equal(channel_unacked(&p.worker), 0);
	buf_free(&text);
	pair_end(&p);
	return owed;
}

static void an_ack_waits(void **state)
{
	(void)state;
	assert_false(owed_after(0, 10, false));
	assert_true(owed_after(1, 10, false));
	assert_true(owed_after(CHANNEL_ACK_MESSAGES - 1, 10, false));
	assert_false(owed_after(CHANNEL_ACK_MESSAGES, 10, false));
	assert_true(owed_after(1, CHANNEL_ACK_BYTES / 2, false));
	assert_false(owed_after(1, CHANNEL_ACK_BYTES, false));
	assert_false(owed_after(1, 200000, false));
	assert_false(owed_after(1, 10, true)); /* something goes to the worker anyway */
}

static void an_ack_frees(void **state)
{
	struct pair p;

	(void)state;
	pair_start(&p);
	for (uint64_t i = 1; i <= 3; i++)
		send_stanza(&p.worker, i, STR("<a/>"));
	assert_int_equal(channel_unacked(&p.worker), 3 * 32);
	pass(&p.worker, &p.sm, &p.by_sm);
	assert_int_equal(p.sm.heard, 3);
	channel_ack(&p.sm);
	assert_int_equal(p.sm.heard_told, 3);
	pass(&p.sm, &p.worker, &p.by_worker);
	assert_int_equal(p.by_worker.n, 0);
	assert_int_equal(p.worker.acked, 3);
	assert_int_equal(channel_unacked(&p.worker), 0);
	channel_ack(&p.sm);
	assert_int_equal(p.sm.out.n, 0);
	pair_end(&p);
}

static void no_ack_before_the_join(void **state)
{
	struct channel c;

	(void)state;
	channel_start(&c, ROLE_SM, ROLE_C2S, MOST);
	assert_true(channel_restore(&c, 0, 7, STR_NONE));
	channel_ack(&c);
	assert_int_equal(c.out.n, 0);
	channel_end(&c);
}

static void a_hello_is_an_ack(void **state)
{
	struct pair p;
	struct message welcome = {.code = MSG_welcome};

	(void)state;
	pair_start(&p);
	send_stanza(&p.worker, 1, STR("<a/>"));
	pass(&p.worker, &p.sm, &p.by_sm);
	welcome.as.welcome.heard = p.sm.heard;
	channel_send(&p.sm, &welcome);
	buf_clear(&p.sm.out);
	channel_ack(&p.sm);
	assert_int_equal(p.sm.out.n, 0);
	pair_end(&p);
}

/* A window that is never empty: what is kept stays small, and what is freed is the right thing. */
static void retained_is_compacted(void **state)
{
	struct buf text = {0};
	struct str xml = filled(&text, 1000);
	struct message ack = {.code = MSG_ack};
	struct pair p;
	size_t most = 0;

	(void)state;
	pair_start(&p);
	for (uint64_t i = 1; i <= 5000; i++) {
		send_stanza(&p.worker, i, xml);
		buf_clear(&p.worker.out);
		if (i <= 50)
			continue;
		ack.as.ack.heard = i - 50;
		channel_send(&p.sm, &ack);
		pass(&p.sm, &p.worker, &p.by_worker);
		assert_int_equal(channel_unacked(&p.worker), 50 * 1028);
		most = p.worker.retained.cap > most ? p.worker.retained.cap : most;
	}
	assert_true(most <= 512 * 1024);
	channel_cut(&p.worker);
	assert_true(channel_resume(&p.worker, 4960));
	assert_int_equal(p.worker.out.n, 40 * 1028);
	buf_free(&text);
	pair_end(&p);
}

static void marks(void **state)
{
	struct pair p;
	uint64_t mark;
	struct message ack = {.code = MSG_ack, .as.ack.heard = 2};

	(void)state;
	pair_start(&p);
	send_stanza(&p.worker, 1, STR("<a/>"));
	mark = channel_mark(&p.worker);
	assert_int_equal(channel_since(&p.worker, mark).n, 0);
	send_stanza(&p.worker, 2, STR("<b/>"));
	send_stanza(&p.worker, 3, STR("<c/>"));
	assert_int_equal(channel_since(&p.worker, mark).n, 2 * 32);
	assert_true(channel_read_frames(channel_since(&p.worker, mark), see, &p.by_sm));
	assert_true(str_is(buf_str(&p.by_sm.xml), "<b/><c/>"));
	assert_int_equal(p.by_sm.of[0].seq, 2);
	channel_send(&p.sm, &ack); /* a peer that is ahead of what it was given */
	pass(&p.sm, &p.worker, &p.by_worker);
	assert_int_equal(channel_since(&p.worker, mark).n, 32);
	pair_end(&p);
}

/* --- joining again */

static void numbered_messages_wait_for_the_join(void **state)
{
	struct channel c;
	struct message m = {.code = MSG_sasl_start};

	(void)state;
	channel_start(&c, ROLE_C2S, ROLE_SM, MOST);
	send_stanza(&c, 1, STR("<a/>"));
	assert_int_equal(c.out.n, 0);
	channel_send(&c, &m);
	assert_true(c.out.n > 0);
	channel_cut(&c);
	assert_int_equal(c.out.n, 0);
	assert_true(channel_resume(&c, 0));
	assert_int_equal(c.out.n, 32);
	channel_end(&c);
}

static void what_was_lost_comes_again_once(void **state)
{
	struct pair p;

	(void)state;
	pair_start(&p);
	send_stanza(&p.worker, 1, STR("<a/>"));
	pass(&p.worker, &p.sm, &p.by_sm);
	send_stanza(&p.worker, 2, STR("<b/>"));
	channel_cut(&p.worker);
	channel_cut(&p.sm);
	send_stanza(&p.worker, 3, STR("<c/>"));
	assert_true(channel_resume(&p.sm, p.worker.heard));
	assert_true(channel_resume(&p.worker, 0)); /* sm lies: it heard the first */
	pass(&p.worker, &p.sm, &p.by_sm);
	assert_true(str_is(buf_str(&p.by_sm.xml), "<a/><b/><c/>"));
	assert_int_equal(p.sm.heard, 3);
	pair_end(&p);
}

/* Copies in several frames are followed to their end, and not kept. */
static void a_long_copy_is_dropped(void **state)
{
	struct buf text = {0};
	struct pair p;

	(void)state;
	pair_start(&p);
	send_stanza(&p.worker, 1, filled(&text, 200000));
	pass(&p.worker, &p.sm, &p.by_sm);
	channel_cut(&p.worker);
	assert_true(channel_resume(&p.worker, 0));
	send_stanza(&p.worker, 2, STR("<b/>"));
	for (size_t i = 0; i < p.worker.out.n; i++) {
		assert_true(channel_feed(&p.sm, str_at(p.worker.out.p + i, 1), see, &p.by_sm));
		assert_int_equal(p.sm.message.n, 0);
	}
	assert_int_equal(p.by_sm.n, 2);
	assert_int_equal(p.by_sm.of[1].seq, 2);
	buf_free(&text);
	pair_end(&p);
}

static void a_cut_forgets_the_unfinished(void **state)
{
	static const size_t cuts[] = {1, FRAME_HEADER, 30000, FRAME_HEADER + FRAME_MAX, 100000};
	struct buf text = {0};
	struct str xml = filled(&text, 150000);

	(void)state;
	for (size_t i = 0; i < COUNT(cuts); i++) {
		struct pair p;

		pair_start(&p);
		send_stanza(&p.worker, 1, xml);
		assert_true(channel_feed(
			&p.sm, str_head(buf_str(&p.worker.out), cuts[i]), see, &p.by_sm));
		channel_cut(&p.sm);
		assert_true(channel_resume(&p.sm, 0));
		pass(&p.worker, &p.sm, &p.by_sm);
		assert_true(str_eq(buf_str(&p.by_sm.xml), xml));
		pair_end(&p);
	}
	buf_free(&text);
}

static void false_claims(void **state)
{
	struct pair p;
	struct message ack = {.code = MSG_ack, .as.ack.heard = 2};

	(void)state;
	pair_start(&p);
	for (uint64_t i = 1; i <= 3; i++)
		send_stanza(&p.worker, i, STR("<a/>"));
	channel_send(&p.sm, &ack);
	pass(&p.sm, &p.worker, &p.by_worker);
	assert_false(channel_resume(&p.worker, 3)); /* joined already */
	channel_cut(&p.worker);
	assert_false(channel_resume(&p.worker, 4)); /* never sent */
	assert_false(channel_resume(&p.worker, UINT64_MAX));
	assert_false(channel_resume(&p.worker, 1)); /* freed */
	assert_int_equal(p.worker.out.n, 0);
	assert_true(channel_resume(&p.worker, 2));
	assert_int_equal(p.worker.out.n, 32);
	assert_false(channel_resume(&p.worker, 2));
	assert_int_equal(p.worker.out.n, 32);
	pair_end(&p);
}

/* sm's side of a new link: the parent speaks first, then the worker, in one read. */
struct door {
	struct channel link, *old;
	struct seen seen;
};

static bool welcome_in(void *ctx, const struct message *m)
{
	struct door *d = ctx;
	struct message welcome = {.code = MSG_welcome};

	if (m->code == MSG_introduce) {
		assert_int_equal(m->as.introduce.slot, 3);
		assert_true(d->old->retained_at > 0);
		channel_take(&d->link, d->old);
		assert_int_equal(channel_unacked(&d->link), 2 * (FRAME_HEADER + 29));
		d->link.peer = ROLE_C2S;
	}
	if (m->code == MSG_join) {
		welcome.as.welcome.heard = d->link.heard;
		channel_send(&d->link, &welcome);
		if (!channel_resume(&d->link, m->as.join.heard))
			return false;
	}
	return see(&d->seen, m);
}

static void an_introduction_finds_the_old_channel(void **state)
{
	struct pair p;
	struct channel parent;
	struct door d = {.old = &p.sm};
	struct message introduce = {.code = MSG_introduce, .as.introduce = {1, 1, 3, 77, 4711}};
	struct message join = {.code = MSG_join, .as.join.heard = 1},
		       ack = {.code = MSG_ack, .as.ack.heard = 1};
	struct buf bytes = {0};

	(void)state;
	pair_start(&p);
	send_deliver(&p.sm, STR("<0/>"));
	pass(&p.sm, &p.worker, &p.by_worker);
	send_deliver(&p.sm, STR("<a/>"));
	channel_send(&p.worker, &ack);
	send_deliver(&p.sm, STR("<b/>"));
	send_stanza(&p.worker, 1, STR("<c/>"));
	pass(&p.worker, &p.sm, &p.by_sm);
	channel_cut(&p.sm);
	channel_cut(&p.worker);

	channel_start(&parent, ROLE_PARENT, ROLE_SM, MOST);
	channel_start(&d.link, ROLE_SM, ROLE_PARENT, MOST);
	d.seen.c = &d.link;
	channel_send(&parent, &introduce);
	channel_send(&p.worker, &join);
	buf_put(&bytes, buf_str(&parent.out));
	buf_put(&bytes, buf_str(&p.worker.out));
	buf_clear(&p.worker.out);
	put_stanza(&bytes, 2);
	assert_true(channel_feed(&d.link, buf_str(&bytes), welcome_in, &d));
	assert_int_equal(d.seen.n, 3);
	assert_int_equal(d.link.heard, 2);
	assert_int_equal(p.sm.sent, 0);
	assert_int_equal(channel_unacked(&p.sm), 0);

	assert_true(channel_resume(&p.worker, 1));
	pass(&d.link, &p.worker, &p.by_worker);
	assert_int_equal(p.by_worker.of[1].code, MSG_welcome);
	assert_true(str_is(buf_str(&p.by_worker.xml), "<0/><a/><b/>"));
	buf_clear(&bytes);
	put_header(&bytes, 0, MSG_roll_call, 0, 0);
	assert_false(channel_feed(
		&d.link, buf_str(&bytes), welcome_in, &d)); /* the worker is not the parent */

	channel_end(&d.link);
	channel_end(&parent);
	buf_free(&bytes);
	buf_free(&d.seen.xml);
	pair_end(&p);
}

/* --- the handler */

static void the_handler_says_no(void **state)
{
	struct pair p;

	(void)state;
	pair_start(&p);
	p.by_sm.refuse = MSG_stanza;
	send_stanza(&p.worker, 1, STR("<a/>"));
	assert_false(channel_feed(&p.sm, buf_str(&p.worker.out), see, &p.by_sm));
	assert_string_equal(p.sm.fault, "a message that was not accepted");
	assert_int_equal(p.sm.heard, 0);
	p.by_sm.refuse = 0;
	assert_false(
		channel_feed(&p.sm, buf_str(&p.worker.out), see, &p.by_sm)); /* until it is cut */
	assert_int_equal(p.by_sm.n, 0);
	channel_cut(&p.sm);
	assert_true(channel_resume(&p.sm, 0));
	p.by_sm.refuse = MSG_stanza;
	p.by_sm.because = "not yours";
	assert_false(channel_feed(&p.sm, buf_str(&p.worker.out), see, &p.by_sm));
	assert_string_equal(p.sm.fault, "not yours");
	pair_end(&p);
}

/* The message that the handler cuts at counts as processed; what is behind it comes again. */
static void the_handler_cuts(void **state)
{
	struct pair p;

	(void)state;
	pair_start(&p);
	p.by_sm.cut = MSG_stanza;
	send_stanza(&p.worker, 1, STR("<a/>"));
	send_stanza(&p.worker, 2, STR("<b/>"));
	for (size_t i = 0; i < 31; i++) /* so that the message lies in the channel's own memory */
		assert_true(channel_feed(&p.sm, str_at(p.worker.out.p + i, 1), see, &p.by_sm));
	assert_false(channel_feed(&p.sm, str_skip(buf_str(&p.worker.out), 31), see, &p.by_sm));
	assert_string_equal(p.sm.fault, "the link was cut");
	assert_int_equal(p.sm.heard, 1);
	assert_int_equal(p.by_sm.n, 1);
	p.by_sm.cut = 0;
	channel_cut(&p.worker);
	assert_true(channel_resume(&p.worker, 1));
	assert_true(channel_resume(&p.sm, 0));
	pass(&p.worker, &p.sm, &p.by_sm);
	assert_true(str_is(buf_str(&p.by_sm.xml), "<a/><b/>"));
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"channel: a frame is as channel.h says", a_frame_as_documented, NULL, NULL, NULL},
		{"channel: messages of every length arrive, however the bytes are cut",
			messages_of_every_length, NULL, NULL, NULL},
		{"channel: 16 MiB arrive, and their memory is given back", sixteen_megabytes, NULL,
			NULL, NULL},
		{"channel: an ack waits for something to go with, until many messages or bytes are owed", an_ack_waits,
			NULL, NULL, NULL},
		{"channel: an ack frees what it names, and is not sent twice", an_ack_frees, NULL,
			NULL, NULL},
		{"channel: there is no ack before the join", no_ack_before_the_join, NULL, NULL,
			NULL},
		{"channel: what a hello said needs no ack", a_hello_is_an_ack, NULL, NULL, NULL},
		{"channel: what is retained stays small while acks follow", retained_is_compacted,
			NULL, NULL, NULL},
		{"channel: a mark finds the frames made since", marks, NULL, NULL, NULL},
		{"channel: numbered messages wait for the join",
			numbered_messages_wait_for_the_join, NULL, NULL, NULL},
		{"channel: what was lost comes again, and is processed once",
			what_was_lost_comes_again_once, NULL, NULL, NULL},
		{"channel: a long message that comes again is not kept", a_long_copy_is_dropped,
			NULL, NULL, NULL},
		{"channel: a cut forgets what was unfinished", a_cut_forgets_the_unfinished, NULL,
			NULL, NULL},
		{"channel: a false claim about what was heard is refused", false_claims, NULL, NULL,
			NULL},
		{"channel: an introduced link takes over the old channel",
			an_introduction_finds_the_old_channel, NULL, NULL, NULL},
		{"channel: a message that the handler refuses is not processed",
			the_handler_says_no, NULL, NULL, NULL},
		{"channel: a handler may cut the link", the_handler_cuts, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A channel taken up from its record, sound or damaged. */
#include "t/unit/channel_pair.h"

static void a_record_is_taken_up(void **state)
{
	struct buf text = {0};
	struct pair p;
	struct channel again;

	(void)state;
	pair_start(&p);
	send_deliver(&p.sm, STR("<a/>"));
	send_deliver(&p.sm, filled(&text, 150000));
	send_deliver(&p.sm, STR("<c/>"));
	channel_start(&again, ROLE_SM, ROLE_C2S, MOST);
	assert_true(channel_restore(&again, 3, 0, channel_since(&p.sm, 0)));
	assert_int_equal(again.acked, 0);
	assert_true(channel_resume(&again, 1)); /* the worker had got the first one */
	channel_cut(&p.worker);
	assert_true(channel_resume(&p.worker, 0));
	p.worker.heard = 1;
	pass(&again, &p.worker, &p.by_worker);
	assert_int_equal(p.by_worker.n, 2);
	assert_int_equal(p.by_worker.of[0].seq, 2);
	assert_int_equal(p.by_worker.xml.n, 150004);
	channel_end(&again);
	buf_free(&text);
	pair_end(&p);
}

/* Is this, with this `sent`, a record of sm's? */
static bool restores(struct str frames, uint64_t sent)
{
	struct channel c;
	bool good;

	channel_start(&c, ROLE_SM, ROLE_C2S, MOST);
	good = channel_restore(&c, sent, 5, frames);
	assert_int_equal(c.sent, good ? sent : 0);
	assert_int_equal(channel_unacked(&c), good ? frames.n : 0);
	channel_end(&c);
	return good;
}

static void damaged_records(void **state)
{
	struct pair p;
	struct buf b = {0}, text = {0};
	size_t first;

	(void)state;
	pair_start(&p);
	send_deliver(&p.sm, STR("<a/>"));
	first = p.sm.retained.n;
	send_deliver(&p.sm, filled(&text, 70000));
	send_deliver(&p.sm, STR("<c/>"));
	buf_put(&b, channel_since(&p.sm, 0));
	assert_true(restores(buf_str(&b), 3));
	assert_true(restores(STR_NONE, 3));
	assert_true(restores(STR_NONE, 0));
	assert_true(restores(str_skip(buf_str(&b), first), 3));
	assert_false(restores(buf_str(&b), 2));
	assert_false(restores(buf_str(&b), 4));
	for (size_t n = 1; n < b.n; n += n < 200 || n > b.n - 200 ? 1 : 997)
		assert_false(restores(str_head(buf_str(&b), n), 3));
	assert_false(restores(str_skip(buf_str(&b), first + FRAME_HEADER + FRAME_MAX),
		3)); /* second half of a message */
	b.p[8] = 2;
	assert_false(restores(buf_str(&b), 3)); /* 2, 2, 3 */
	buf_clear(&b);
	put_stanza(&b, 1);
	assert_false(restores(buf_str(&b), 1)); /* a message that sm does not send */
	buf_clear(&b);
	put_header(&b, 0, MSG_refused, 0, 0);
	assert_false(restores(buf_str(&b), 0)); /* nothing that is kept */
	buf_free(&b);
	buf_free(&text);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"channel: a record is taken up after a crash", a_record_is_taken_up, NULL, NULL,
			NULL},
		{"channel: a damaged record is refused", damaged_records, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

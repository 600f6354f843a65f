/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Offline messages in the store: order, limits, the same one twice, and an account's count of them. */
#include "sm/store_offline.h"

#include "sm/credential_line.h"
#include "sm/store_account.h"
#include "t/lib/sm_try.h"

static const struct offline_limit limit = {.messages = 4, .bytes = 100};
static struct db *d;

static int start(void **state)
{
	struct buf why = {0};

	(void)state;
	try_remove("store.db");
	d = db_open(try_path("store.db"), DB_DURABLE, &why);
	assert_non_null(d);
	assert_true(store_migrate(d, try_path("store.db"), &why));
	assert_int_equal(store_account_add(d, STR("bob@d"), STR_NONE), DB_OK);
	return 0;
}

static int end(void **state)
{
	(void)state;
	db_close(&d);
	try_remove("store.db");
	return 0;
}

static enum offline_outcome put(const char *account, uint64_t id, const char *xml)
{
	enum offline_outcome outcome;

	assert_int_equal(store_offline_put(d, str_of(account), id, str_of(xml), &limit, &outcome), DB_OK);
	return outcome;
}

static void add(void *ctx, uint64_t id, struct str xml)
{
	buf_printf(ctx, "%d:%.*s ", (int)id, STR_ARG(xml));
}

static void reads(uint64_t after, uint64_t before, unsigned most, size_t bytes, const char *wanted)
{
	struct buf got = {0};

	assert_int_equal(store_offline_read(d, STR("bob@d"), after, before, most, bytes, add, &got), DB_OK);
	assert_string_equal(buf_cstr(&got), wanted);
	buf_free(&got);
}

static void counts(int64_t messages, int64_t bytes, uint64_t oldest)
{
	struct offline_summary s;

	assert_int_equal(store_offline_summary(d, STR("bob@d"), &s), DB_OK);
	assert_int_equal(s.messages, messages);
	assert_int_equal(s.bytes, bytes);
	assert_int_equal(s.oldest, oldest);
}

static void in_order(void **state)
{
	int64_t removed;

	(void)state;
	assert_int_equal(put("bob@d", 7, "seven"), OFFLINE_STORED);
	assert_int_equal(put("bob@d", 9, "nine"), OFFLINE_STORED);
	assert_int_equal(put("bob@d", 8, "eight"), OFFLINE_STORED);
	reads(0, INT64_MAX, 10, 100, "7:seven 8:eight 9:nine ");
	reads(7, 9, 10, 100, "8:eight ");
	reads(0, INT64_MAX, 2, 100, "7:seven 8:eight ");
	reads(0, INT64_MAX, 10, 6, "7:seven 8:eight ");
	counts(3, 14, 7);
	assert_int_equal(store_offline_remove(d, STR("bob@d"), 8, &removed), DB_OK);
	assert_int_equal(removed, 2);
	counts(1, 4, 9);
	assert_int_equal(store_offline_remove(d, STR("bob@d"), 8, &removed), DB_OK);
	assert_int_equal(removed, 0);
	counts(1, 4, 9);
}

static uint64_t part(size_t bytes, uint64_t upto)
{
	assert_int_equal(store_offline_part(d, STR("bob@d"), bytes, &upto), DB_OK);
	return upto;
}

static void in_parts(void **state)
{
	(void)state;
	assert_int_equal(part(10, 8), 8); /* there are none */
	assert_int_equal(put("bob@d", 7, "seven"), OFFLINE_STORED);
	assert_int_equal(put("bob@d", 8, "eight"), OFFLINE_STORED);
	assert_int_equal(put("bob@d", 9, "nine"), OFFLINE_STORED);
	assert_int_equal(part(1, 9), 7);
	assert_int_equal(part(5, 9), 7);
	assert_int_equal(part(6, 9), 8);
	assert_int_equal(part(6, 7), 7);
	assert_int_equal(part(14, 9), 9);
	assert_int_equal(part(100, 20), 20);
}

static void twice(void **state)
{
	(void)state;
	assert_int_equal(put("bob@d", 1, "one"), OFFLINE_STORED);
	assert_int_equal(put("bob@d", 1, "one"), OFFLINE_STORED);
	counts(1, 3, 1);
}

static void limits(void **state)
{
	static char large[98];
	int64_t removed;

	(void)state;
	memset(large, 'x', sizeof large - 1);
	assert_int_equal(put("nobody@d", 1, "one"), OFFLINE_NOBODY);
	assert_int_equal(put("bob@d", 1, "four"), OFFLINE_STORED);
	assert_int_equal(put("bob@d", 2, large), OFFLINE_FULL);
	for (uint64_t id = 3; id < 6; id++)
		assert_int_equal(put("bob@d", id, "x"), OFFLINE_STORED);
	assert_int_equal(put("bob@d", 6, "x"), OFFLINE_FULL);
	assert_int_equal(put("bob@d", 5, "x"), OFFLINE_STORED); /* it is there already */
	assert_int_equal(store_offline_remove(d, STR("bob@d"), INT64_MAX, &removed), DB_OK);
	assert_int_equal(removed, 4);
	counts(0, 0, 0);
	assert_int_equal(put("bob@d", 7, large), OFFLINE_STORED);
}

static void see(void *ctx, struct str account, uint64_t newest)
{
	buf_printf(ctx, "%.*s %llu", STR_ARG(account), (unsigned long long)newest);
}

static void with_the_account(void **state)
{
	struct buf seen = {0};
	bool found;

	(void)state;
	assert_int_equal(put("bob@d", 1, "one"), OFFLINE_STORED);
	assert_int_equal(put("bob@d", 7, "two"), OFFLINE_STORED);
	assert_int_equal(store_offline_accounts(d, see, &seen), DB_OK);
	assert_string_equal(buf_cstr(&seen), "bob@d 7");
	assert_int_equal(store_account_remove(d, STR("bob@d"), &found), DB_OK);
	assert_int_equal(store_account_add(d, STR("bob@d"), STR_NONE), DB_OK);
	reads(0, INT64_MAX, 10, 100, "");
	counts(0, 0, 0);
	buf_clear(&seen);
	assert_int_equal(store_offline_accounts(d, see, &seen), DB_OK);
	assert_int_equal(seen.n, 0);
	buf_free(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"store: offline messages are read in the order of their ids, between two of them, some at a time",
			in_order, start, end, NULL},
		{"store: offline messages are removed in parts of so many bytes", in_parts, start, end, NULL},
		{"store: an offline message that is stored twice is there once", twice, start, end, NULL},
		{"store: an account has as many offline messages, and bytes of them, as it may, and nobody has none", limits,
			start, end, NULL},
		{"store: with an account go its offline messages", with_the_account, start, end, NULL},
	};
	int failed;

	try_start();
	failed = cmocka_run_group_tests_name("store offline", tests, NULL, NULL);
	try_end();
	return failed;
}

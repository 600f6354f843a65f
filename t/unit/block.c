/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Block lists in memory: whom each form of an item means (XEP-0191 5), and that lists come and go. */
#include "sm/block.h"

#include "t/lib/sm_try.h"

#include "sm/house.h"
#include "sm/store_account.h"

static const struct {
	const char *item, *denied, *not_denied;
} rows[] = {
	{"u@d/r", "u@d/r", "u@d/s u@d d d/r v@d/r"},
	{"u@d", "u@d u@d/r u@d/s", "v@d d d/r u@e"},
	{"d/r", "d/r", "d u@d u@d/r d/s"},
	{"d", "d d/r u@d u@d/r v@d", "e u@e u@e/d d.e u@d.e e/d"},
};

static void each_word(const char *words, const char *item, bool (*check)(const char *item, struct jid who), bool wanted)
{
	struct str rest = str_of(words), one;
	struct jid who;

	while (rest.n) {
		str_cut(rest, ' ', &one, &rest);
		assert_true(jid_split(one, &who));
		if (check(item, who) != wanted) {
			print_message("item %s, %.*s\n", item, STR_ARG(one));
			fail();
		}
	}
}

static bool denies(const char *item, struct jid who)
{
	struct house h = {.blocks = blocks_new()};
	bool denied;

	block_add(&h, STR("me@d"), str_of(item));
	denied = block_denies(&h, STR("me@d"), who);
	assert_false(block_denies(&h, STR("other@d"), who));
	blocks_free(&h.blocks);
	return denied;
}

static bool matches(const char *item, struct jid who)
{
	return block_matches(str_of(item), who);
}

static void forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		each_word(rows[i].denied, rows[i].item, denies, true);
		each_word(rows[i].not_denied, rows[i].item, denies, false);
		each_word(rows[i].denied, rows[i].item, matches, true);
		each_word(rows[i].not_denied, rows[i].item, matches, false);
	}
}

static void oneself(void **state)
{
	(void)state;
	each_word("me@d me@d/r", "d", denies, false);
	each_word("me@d me@d/r", "me@d", denies, false);
	each_word("me@d/r", "me@d/r", denies, false);
}

static bool has(const struct house *h, const char *account, const char *who)
{
	struct jid j;

	assert_true(jid_split(str_of(who), &j));
	return block_denies(h, str_of(account), j);
}

static void come_and_go(void **state)
{
	struct house h = {.blocks = blocks_new()};

	(void)state;
	block_add(&h, STR("a@d"), STR("x@d"));
	block_add(&h, STR("a@d"), STR("x@d"));
	block_add(&h, STR("a@d"), STR("y@d"));
	block_add(&h, STR("b@d"), STR("x@d"));
	block_remove(&h, STR("a@d"), STR("z@d"));
	block_remove(&h, STR("c@d"), STR("z@d"));
	block_remove(&h, STR("a@d"), STR("x@d"));
	assert_false(has(&h, "a@d", "x@d"));
	assert_true(has(&h, "a@d", "y@d"));
	assert_true(has(&h, "b@d", "x@d"));
	blocks_forget(&h, STR("a@d"));
	blocks_forget(&h, STR("a@d"));
	assert_false(has(&h, "a@d", "y@d"));
	block_remove(&h, STR("b@d"), STR("x@d"));
	assert_false(has(&h, "b@d", "x@d"));
	blocks_free(&h.blocks);
}

static void from_the_store(void **state)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);
	struct house h = {.blocks = blocks_new()};

	(void)state;
	assert_true(store_migrate(d, try_path("store.db"), &why));
	assert_int_equal(db_exec(d,
				 "INSERT INTO account(jid, created) VALUES('a@d', 0), ('b@d', 0); "
				 "INSERT INTO block(jid, contact) VALUES('a@d', 'x@d'), ('b@d', 'd')"),
		DB_OK);
	db_close(&d);
	assert_true(blocks_read(h.blocks, try_path("store.db"), &why));
	assert_true(has(&h, "a@d", "x@d/r"));
	assert_true(has(&h, "b@d", "y@d"));
	assert_false(has(&h, "a@d", "y@d"));
	blocks_free(&h.blocks);
	try_remove("store.db");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("block: each form of an item means whom XEP-0191 says, and nobody else", forms),
		TITLED("block: nobody blocks itself", oneself),
		TITLED("block: lists come and go", come_and_go),
		TITLED("block: lists are read from the store", from_the_store),
	};
	int failed;

	log_start("sm", LOG_ERROR + 1);
	try_start();
	failed = cmocka_run_group_tests_name("block", tests, NULL, NULL);
	try_end();
	return failed;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Clients and their tokens: two slots, and every way in which a token ends. */
#include "sm/store_client.h"

#include "sm/store_account.h"
#include "t/lib/sm_try.h"

#define ALICE STR("alice@x.test")
#define PHONE STR("d4565fa7-4d72-4749-b3d3-740edbf87770")
#define LAPTOP STR("0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d")
#define NOW 1000000000

static struct str credentials(void)
{
	static struct buf list;
	struct verifier v;

	buf_clear(&list);
	verifier_make(&v, HASH_SHA1, STR("secret"), 4096);
	credential_put_verifier(&list, &v);
	return buf_str(&list);
}

static struct db *store(void)
{
	struct buf why = {0};
	struct db *d;

	try_remove("store.db");
	d = db_open(try_path("store.db"), DB_DURABLE, &why);
	if (!d || !store_migrate(d, try_path("store.db"), &why))
		fail_msg("%s", buf_cstr(&why));
	buf_free(&why);
	assert_int_equal(store_account_add(d, ALICE, credentials()), DB_OK);
	return d;
}

static struct token token(char letter, int64_t made)
{
	struct token t = {.mechanism = "HT-SHA-256-NONE", .made = made, .expiry = made + 1000};

	memset(t.text, letter, sizeof t.text);
	return t;
}

static enum db_result issue(struct db *d, struct str account, struct str id, char letter, int64_t now)
{
	struct token t = token(letter, now);
	struct client_row c = {.id = id, .software = STR("S"), .device = STR("it's"), .last_seen = now};

	return store_client_issue(d, account, &c, &t, 2);
}

/* The letters of the tokens in both slots; '-' for none. */
static const char *slots(struct db *d, struct str client)
{
	static char out[3];
	struct client_tokens t;

	assert_int_equal(store_client_tokens(d, ALICE, client, &t), DB_OK);
	for (int i = 0; i < TOKEN_SLOTS; i++)
		out[i] = t.has[i] ? t.token[i].text[0] : '-';
	return out;
}

static bool use(struct db *d, struct str client, enum token_slot slot, char letter, int64_t count, bool invalidate)
{
	struct token t = token(letter, NOW);
	struct token_use u = {.slot = slot, .count = count, .invalidate = invalidate, .now = NOW + 1};
	bool fits;

	assert_int_equal(store_client_use(d, ALICE, client, &t, &u, &fits), DB_OK);
	return fits;
}

static void two_slots(void **state)
{
	struct db *d = store();

	(void)state;
	assert_string_equal(slots(d, PHONE), "--");
	assert_int_equal(issue(d, ALICE, PHONE, 'a', NOW), DB_OK);
	assert_string_equal(slots(d, PHONE), "-a");
	assert_true(use(d, PHONE, TOKEN_NEW, 'a', 0, false));
	assert_string_equal(slots(d, PHONE), "a-");
	assert_int_equal(issue(d, ALICE, PHONE, 'b', NOW), DB_OK);
	assert_true(use(d, PHONE, TOKEN_CURRENT, 'a', 0, false));
	assert_string_equal(slots(d, PHONE), "ab");
	assert_int_equal(issue(d, ALICE, PHONE, 'c', NOW), DB_OK);
	assert_string_equal(slots(d, PHONE), "ac");
	assert_false(use(d, PHONE, TOKEN_NEW, 'b', 0, false)); /* another one took its place meanwhile */
	assert_true(use(d, PHONE, TOKEN_NEW, 'c', 0, false));
	assert_string_equal(slots(d, PHONE), "c-");
	assert_false(use(d, PHONE, TOKEN_CURRENT, 'a', 0, false));
	assert_string_equal(slots(d, LAPTOP), "--");
	assert_true(use(d, PHONE, TOKEN_CURRENT, 'c', 0, true));
	assert_string_equal(slots(d, PHONE), "--");
	db_close(&d);
}

static void counts(void **state)
{
	struct db *d = store();

	(void)state;
	assert_int_equal(issue(d, ALICE, PHONE, 'a', NOW), DB_OK);
	assert_true(use(d, PHONE, TOKEN_NEW, 'a', 3, false));
	assert_false(use(d, PHONE, TOKEN_CURRENT, 'a', 3, false));
	assert_false(use(d, PHONE, TOKEN_CURRENT, 'a', 1, true)); /* a replay ends nothing either */
	assert_true(use(d, PHONE, TOKEN_CURRENT, 'a', 0, false));
	assert_false(use(d, PHONE, TOKEN_CURRENT, 'a', 3, false));
	assert_true(use(d, PHONE, TOKEN_CURRENT, 'a', INT64_MAX, false));
	assert_int_equal(issue(d, ALICE, PHONE, 'b', NOW), DB_OK);
	assert_true(use(d, PHONE, TOKEN_NEW, 'b', 1, false)); /* a new token counts anew */
	db_close(&d);
}

static void account_decides(void **state)
{
	bool found;
	struct db *d = store();

	(void)state;
	assert_int_equal(issue(d, STR("nobody@x.test"), PHONE, 'a', NOW), DB_CONSTRAINT);
	assert_int_equal(issue(d, ALICE, PHONE, 'a', NOW), DB_OK);
	assert_int_equal(store_account_passwd(d, ALICE, credentials(), &found), DB_OK);
	assert_string_equal(slots(d, PHONE), "--");
	assert_int_equal(issue(d, ALICE, PHONE, 'a', NOW), DB_OK);
	assert_int_equal(db_exec(d, "UPDATE account SET disabled = 0"), DB_OK);
	assert_string_equal(slots(d, PHONE), "-a");
	assert_int_equal(db_exec(d, "UPDATE account SET disabled = 1"), DB_OK);
	assert_string_equal(slots(d, PHONE), "--");
	assert_int_equal(issue(d, ALICE, PHONE, 'a', NOW), DB_OK);
	assert_int_equal(store_account_remove(d, ALICE, &found), DB_OK);
	assert_int_equal(store_account_add(d, ALICE, credentials()), DB_OK);
	assert_string_equal(slots(d, PHONE), "--");
	db_close(&d);
}

static void some_go(void **state)
{
	struct db *d = store();

	(void)state;
	assert_int_equal(issue(d, ALICE, PHONE, 'a', NOW), DB_OK);
	assert_int_equal(issue(d, ALICE, LAPTOP, 'b', NOW + 1), DB_OK);
	assert_int_equal(issue(d, ALICE, STR("third"), 'c', NOW + 2), DB_OK);
	assert_string_equal(slots(d, PHONE), "--"); /* two at most, in this test */
	assert_string_equal(slots(d, LAPTOP), "-b");
	/* Whoever asks for one: what expired long ago goes, and what is newer stays. */
	assert_int_equal(issue(d, ALICE, LAPTOP, 'd', NOW + 40 * 86400), DB_OK);
	assert_string_equal(slots(d, STR("third")), "--");
	assert_string_equal(slots(d, LAPTOP), "-d");
	db_close(&d);
}

static void see(void *ctx, const struct client_row *c)
{
	unsigned *n = ctx;

	assert_true(str_eq(c->id, *n ? PHONE : LAPTOP));
	assert_true(str_is(c->software, "S") && str_is(c->device, "it's") && str_is(c->mechanism, "HT-SHA-256-NONE"));
	assert_int_equal(c->first_seen, NOW);
	assert_int_equal(c->last_seen, *n ? NOW : NOW + 5);
	assert_int_equal(c->expiry, c->last_seen + 1000);
	++*n;
}

static void listed(void **state)
{
	struct db *d = store();
	unsigned n = 0;
	bool found;

	(void)state;
	assert_int_equal(issue(d, ALICE, PHONE, 'a', NOW), DB_OK);
	assert_int_equal(issue(d, ALICE, LAPTOP, 'b', NOW), DB_OK);
	assert_int_equal(issue(d, ALICE, LAPTOP, 'c', NOW + 5), DB_OK);
	assert_int_equal(store_client_each(d, ALICE, see, &n), DB_OK);
	assert_int_equal(n, 2);
	assert_int_equal(store_client_remove(d, ALICE, LAPTOP, &found), DB_OK);
	assert_true(found);
	assert_int_equal(store_client_remove(d, ALICE, LAPTOP, &found), DB_OK);
	assert_false(found);
	assert_string_equal(slots(d, LAPTOP), "--");
	assert_string_equal(slots(d, PHONE), "-a");
	db_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("store_client: a client has a current token and a new one, which takes its place when it is used", two_slots),
		TITLED("store_client: a count that does not grow is no use of a token", counts),
		TITLED("store_client: tokens end with the password and the account, whoever ends these", account_decides),
		TITLED("store_client: the client that was away longest, and what expired long ago, go", some_go),
		TITLED("store_client: clients are listed, and taken out", listed),
	};
	int failed;

	try_start();
	failed = cmocka_run_group_tests_name("store_client", tests, NULL, NULL);
	try_remove("store.db");
	try_end();
	return failed;
}

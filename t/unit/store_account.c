/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accounts and schema steps. The verifiers are those of RFC 5802 and RFC 7677, computed another way round. */
#include "sm/store_account.h"

#include "common/b64.h"
#include "sm/schema.h"
#include "t/lib/sm_try.h"

static struct db *open_db(void)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);

	assert_non_null(d);
	buf_free(&why);
	return d;
}

static struct db *store(bool fresh)
{
	struct buf why = {0};
	struct db *d;

	if (fresh)
		try_remove("store.db");
	d = open_db();
	if (!store_migrate(d, try_path("store.db"), &why))
		fail_msg("%s", buf_cstr(&why));
	buf_free(&why);
	return d;
}

/* Both verifiers, and as a list. */
static struct str make(struct verifier v[2], const char *password)
{
	static struct buf list;

	buf_clear(&list);
	verifier_make(&v[0], HASH_SHA1, str_of(password), 4096);
	verifier_make(&v[1], HASH_SHA256, str_of(password), 4096);
	credential_put_verifier(&list, &v[0]);
	credential_put_verifier(&list, &v[1]);
	return buf_str(&list);
}

static void a_verifier_is_what_rfc_5802_says(void **state)
{
	/* RFC 5802 5: user "user", password "pencil"; the server's signature proves its key. */
	static const char message[] = "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
				      "s=QSXCR+Q6sek8bf92,i=4096,c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j";
	struct buf salt = {0}, signature = {0};
	uint8_t salted[HASH_MAX], key[HASH_MAX], out[HASH_MAX];
	struct verifier v;

	(void)state;
	assert_true(b64_decode(&salt, STR("QSXCR+Q6sek8bf92")));
	pbkdf2(HASH_SHA1, STR("pencil"), buf_str(&salt), 4096, salted);
	hmac_bytes(HASH_SHA1, str_at(salted, 20), STR("Server Key"), key);
	hmac_bytes(HASH_SHA1, str_at(key, 20), str_of(message), out);
	b64_encode(&signature, str_at(out, 20));
	assert_true(str_is(buf_str(&signature), "rmF9pqV8S7suAoZWja4dJRkFsKQ="));
	/* And ours is made the same way, from its own salt. */
	verifier_make(&v, HASH_SHA1, STR("pencil"), 4096);
	pbkdf2(HASH_SHA1, STR("pencil"), str_at(v.salt, sizeof v.salt), v.iterations, salted);
	hmac_bytes(HASH_SHA1, str_at(salted, 20), STR("Server Key"), key);
	assert_memory_equal(key, v.server_key, 20);
	hmac_bytes(HASH_SHA1, str_at(salted, 20), STR("Client Key"), key);
	hash_bytes(HASH_SHA1, str_at(key, 20), out);
	assert_memory_equal(out, v.stored_key, 20);
	buf_free(&salt);
	buf_free(&signature);
}

static void two_of_one_password_differ(void **state)
{
	struct verifier a, b;

	(void)state;
	verifier_make(&a, HASH_SHA256, STR("pw"), 4096);
	verifier_make(&b, HASH_SHA256, STR("pw"), 4096);
	assert_memory_not_equal(a.salt, b.salt, sizeof a.salt);
	assert_memory_not_equal(a.stored_key, b.stored_key, 32);
}

static void accounts_come_and_go(void **state)
{
	struct db *d = store(true);
	struct verifier v[2], w[2], got;
	bool found;

	(void)state;
	assert_int_equal(store_account_verifier(d, STR("a@x"), HASH_SHA1, &got, &found), DB_OK);
	assert_false(found);
	assert_int_equal(store_account_add(d, STR("a@x"), make(v, "one")), DB_OK);
	assert_int_equal(store_account_add(d, STR("a@x"), make(w, "two")), DB_CONSTRAINT);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_account_verifier(d, STR("a@x"), v[i].hash, &got, &found), DB_OK);
		assert_true(found && !got.disabled && got.iterations == 4096);
		assert_memory_equal(got.salt, v[i].salt, sizeof got.salt);
		assert_memory_equal(got.stored_key, v[i].stored_key, hash_size(v[i].hash));
		assert_memory_equal(got.server_key, v[i].server_key, hash_size(v[i].hash));
	}
	assert_int_equal(store_account_verifier(d, STR("a@x"), HASH_SHA512, &got, &found), DB_OK);
	assert_true(found && got.iterations == 0);
	assert_int_equal(store_account_passwd(d, STR("a@x"), make(w, "two"), &found), DB_OK);
	assert_true(found);
	assert_int_equal(store_account_verifier(d, STR("a@x"), HASH_SHA256, &got, &found), DB_OK);
	assert_memory_equal(got.stored_key, w[1].stored_key, 32);
	assert_int_equal(store_account_passwd(d, STR("b@x"), STR_NONE, &found), DB_OK);
	assert_false(found);
	assert_int_equal(store_account_exists(d, STR("a@x"), &found), DB_OK);
	assert_true(found);
	assert_int_equal(store_account_remove(d, STR("a@x"), &found), DB_OK);
	assert_true(found);
	assert_int_equal(store_account_remove(d, STR("a@x"), &found), DB_OK);
	assert_false(found);
	assert_int_equal(store_account_exists(d, STR("a@x"), &found), DB_OK);
	assert_false(found);
	db_close(&d);
}

static void verifiers_go_with_their_account(void **state)
{
	struct db *d = store(true);
	struct verifier v[2];
	int64_t left;
	bool found;

	(void)state;
	assert_int_equal(store_account_add(d, STR("a@x"), make(v, "pw")), DB_OK);
	assert_int_equal(store_account_remove(d, STR("a@x"), &found), DB_OK);
	assert_int_equal(db_number(d, "SELECT count(*) FROM verifier", &left), DB_OK);
	assert_int_equal(left, 0);
	db_close(&d);
}

static void what_is_lacking_is_added(void **state)
{
	struct db *d = store(true);
	struct verifier v[2], w[2], got;
	struct buf one = {0};
	uint32_t kinds;
	bool found;

	(void)state;
	(void)make(v, "pw");
	credential_put_verifier(&one, &v[0]);
	assert_int_equal(store_account_add(d, STR("a@x"), buf_str(&one)), DB_OK);
	assert_int_equal(store_account_kinds(d, STR("a@x"), &kinds), DB_OK);
	assert_int_equal(kinds, CREDENTIAL_BIT(CREDENTIAL_SCRAM_SHA_1));
	/* proved by the verifier of another password */
	assert_int_equal(store_account_complete(d, STR("a@x"), &v[1], make(w, "pw")), DB_OK);
	assert_int_equal(store_account_complete(d, STR("a@x"), &w[0], make(w, "pw")), DB_OK);
	assert_int_equal(store_account_kinds(d, STR("a@x"), &kinds), DB_OK);
	assert_int_equal(kinds, CREDENTIAL_BIT(CREDENTIAL_SCRAM_SHA_1));
	for (int twice = 0; twice < 2; twice++) {
		struct str list = make(twice ? v : w, "pw");

		assert_int_equal(store_account_verifier(d, STR("a@x"), HASH_SHA1, &got, &found), DB_OK);
		assert_int_equal(store_account_complete(d, STR("a@x"), &got, list), DB_OK);
		assert_int_equal(store_account_kinds(d, STR("a@x"), &kinds), DB_OK);
		assert_int_equal(kinds, credential_always());
		assert_int_equal(store_account_verifier(d, STR("a@x"), HASH_SHA256, &v[1], &found), DB_OK);
		assert_memory_equal(v[1].stored_key, w[1].stored_key, 32); /* the first one stays */
	}
	assert_int_equal(store_account_complete(d, STR("b@x"), &got, make(w, "pw")), DB_OK);
	assert_int_equal(store_account_exists(d, STR("b@x"), &found), DB_OK);
	assert_false(found);
	buf_free(&one);
	db_close(&d);
}

/* XEP-0480: what is made of a password is added while that is the account's, and no other. */
static void what_is_missing_is_of_one_password(void **state)
{
	struct db *d = store(true);
	struct verifier v[2], w[2];
	struct buf one = {0};
	struct password_mark mark, other;
	uint32_t kinds;
	bool found, same;

	(void)state;
	(void)make(v, "pw");
	credential_put_verifier(&one, &v[0]);
	assert_int_equal(store_account_add(d, STR("a@x"), buf_str(&one)), DB_OK);
	assert_int_equal(store_account_mark(d, STR("a@x"), &mark, &found), DB_OK);
	assert_true(found);
	assert_int_equal(store_account_passwd(d, STR("a@x"), buf_str(&one), &found), DB_OK);
	assert_int_equal(store_account_mark(d, STR("a@x"), &other, &found), DB_OK);
	assert_memory_equal(&mark, &other, sizeof mark); /* the same salt: the same password */
	(void)make(w, "another");
	buf_clear(&one);
	credential_put_verifier(&one, &w[0]);
	assert_int_equal(store_account_passwd(d, STR("a@x"), buf_str(&one), &found), DB_OK);
	assert_int_equal(store_account_add_missing(d, STR("a@x"), &mark, make(v, "pw"), &same), DB_OK);
	assert_false(same);
	assert_int_equal(store_account_kinds(d, STR("a@x"), &kinds), DB_OK);
	assert_int_equal(kinds, CREDENTIAL_BIT(CREDENTIAL_SCRAM_SHA_1));
	assert_int_equal(store_account_mark(d, STR("a@x"), &other, &found), DB_OK);
	assert_int_equal(store_account_add_missing(d, STR("a@x"), &other, make(w, "another"), &same), DB_OK);
	assert_true(same);
	assert_int_equal(store_account_kinds(d, STR("a@x"), &kinds), DB_OK);
	assert_int_equal(kinds, credential_always());
	assert_int_equal(store_account_mark(d, STR("b@x"), &other, &found), DB_OK);
	assert_false(found);
	assert_int_equal(store_account_add_missing(d, STR("b@x"), &other, make(w, "another"), &same), DB_OK);
	assert_false(same);
	buf_free(&one);
	db_close(&d);
}

static void damage_is_no_missing_password(void **state)
{
	struct db *d = store(true);
	struct verifier v[2], got;
	bool found;

	(void)state;
	assert_int_equal(store_account_add(d, STR("a@x"), make(v, "pw")), DB_OK);
	assert_int_equal(db_exec(d, "UPDATE verifier SET stored_key = x'00' WHERE hash = 1"), DB_OK);
	assert_int_equal(store_account_verifier(d, STR("a@x"), HASH_SHA1, &got, &found), DB_CORRUPT);
	assert_int_equal(store_account_verifier(d, STR("a@x"), HASH_SHA256, &got, &found), DB_OK);
	assert_int_equal(db_exec(d, "UPDATE account SET disabled = 1"), DB_OK);
	assert_int_equal(store_account_verifier(d, STR("a@x"), HASH_SHA256, &got, &found), DB_OK);
	assert_true(got.disabled && got.iterations == 4096);
	db_close(&d);
}

struct listed {
	struct buf names;
	unsigned n;
};

static void note(void *ctx, struct str account, int64_t created, bool disabled)
{
	struct listed *l = ctx;

	assert_true(created > 0);
	assert_int_equal(disabled, str_is(account, "u3@x"));
	buf_printf(&l->names, "%.*s ", STR_ARG(account));
	l->n++;
}

static void the_list_comes_in_pages(void **state)
{
	struct db *d = store(true);
	struct listed l = {0};
	char name[16];
	bool found;

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "u%d@x", 9 - i);
		assert_int_equal(store_account_add(d, str_of(name), STR_NONE), DB_OK);
	}
	assert_int_equal(store_account_disable(d, STR("u3@x"), true, &found), DB_OK);
	assert_true(found);
	assert_int_equal(store_account_disable(d, STR("u4@x"), true, &found), DB_OK);
	assert_int_equal(store_account_disable(d, STR("u4@x"), false, &found), DB_OK);
	assert_true(found);
	assert_int_equal(store_account_disable(d, STR("nobody@x"), true, &found), DB_OK);
	assert_false(found);
	assert_int_equal(store_account_list(d, STR_NONE, 4, note, &l), DB_OK);
	assert_int_equal(l.n, 4);
	assert_int_equal(store_account_list(d, STR("u3@x"), 100, note, &l), DB_OK);
	assert_int_equal(l.n, 10);
	assert_string_equal(buf_cstr(&l.names), "u0@x u1@x u2@x u3@x u4@x u5@x u6@x u7@x u8@x u9@x ");
	buf_free(&l.names);
	db_close(&d);
}

static void secrets_are_made_once(void **state)
{
	struct db *d = store(true);
	uint8_t a[32], b[32], other[32];

	(void)state;
	assert_int_equal(store_secret(d, "nonce", a), DB_OK);
	assert_int_equal(store_secret(d, "salt", other), DB_OK);
	db_close(&d);
	d = store(false);
	assert_int_equal(store_secret(d, "nonce", b), DB_OK);
	assert_memory_equal(a, b, sizeof a);
	assert_memory_not_equal(a, other, sizeof a);
	assert_int_equal(db_exec(d, "UPDATE secret SET value = x'00'"), DB_OK);
	assert_int_equal(store_secret(d, "nonce", b), DB_CORRUPT);
	db_close(&d);
}

/* --- steps ----------------------------------------------------------------------------------- */

static const struct schema_step steps[] = {
	{"first", "CREATE TABLE a(x INTEGER)"},
	{"second", "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x * 2"},
	{"third", "CREATE TABLE b(z INTEGER); INSERT INTO b SELECT y FROM a"},
};

static int64_t number(struct db *d, const char *sql)
{
	int64_t n;

	assert_int_equal(db_number(d, sql, &n), DB_OK);
	return n;
}

static void steps_are_taken_with_a_copy_before(void **state)
{
	struct buf why = {0};
	struct db *d, *copy;

	(void)state;
	try_remove("store.db");
	d = open_db();
	assert_true(schema_apply(d, try_path("store.db"), steps, 1, &why));
	assert_int_equal(access(try_path("store.db.before-1"), F_OK), -1); /* there was nothing to copy */
	assert_int_equal(db_exec(d, "INSERT INTO a VALUES(21)"), DB_OK);
	assert_true(schema_apply(d, try_path("store.db"), steps, 3, &why));
	assert_int_equal(number(d, "SELECT z FROM b"), 42);
	assert_int_equal(number(d, "PRAGMA user_version"), 3);
	db_close(&d);
	copy = db_open(try_path("store.db.before-2"), DB_DURABLE, &why);
	assert_int_equal(number(copy, "SELECT x FROM a"), 21);
	assert_int_equal(number(copy, "PRAGMA user_version"), 1);
	db_close(&copy);
	assert_int_equal(access(try_path("store.db.before-3"), F_OK), 0);
	try_remove("store.db.before-2");
	try_remove("store.db.before-3");
	buf_free(&why);
}

static void a_step_that_fails_leaves_nothing(void **state)
{
	static const struct schema_step broken[] = {
		{"first", "CREATE TABLE a(x INTEGER)"},
		{"broken", "CREATE TABLE b(x INTEGER); INSERT INTO a VALUES(1); NONSENSE"},
	};
	struct buf why = {0};
	struct db *d;

	(void)state;
	try_remove("store.db");
	d = open_db();
	assert_false(schema_apply(d, try_path("store.db"), broken, 2, &why));
	assert_true(why.n > 0 && str_find(buf_str(&why), '\n') == why.n);
	assert_false(db_in_transaction(d));
	assert_int_equal(number(d, "PRAGMA user_version"), 1);
	assert_int_equal(number(d, "SELECT count(*) FROM a"), 0);
	assert_int_equal(number(d, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
	db_close(&d);
	try_remove("store.db.before-2");
	buf_free(&why);
}

static void a_newer_schema_is_refused(void **state)
{
	struct buf why = {0};
	struct db *d;

	(void)state;
	try_remove("store.db");
	d = open_db();
	assert_true(schema_apply(d, try_path("store.db"), steps, 3, &why));
	assert_false(schema_apply(d, try_path("store.db"), steps, 2, &why));
	assert_non_null(strstr(buf_cstr(&why), "has schema 3, this program knows up to 2"));
	db_close(&d);
	buf_free(&why);
}

static void a_strange_database_is_refused(void **state)
{
	struct buf why = {0};
	struct db *d;

	(void)state;
	try_remove("store.db");
	d = open_db();
	assert_int_equal(db_exec(d, "CREATE TABLE places(url TEXT)"), DB_OK);
	assert_false(store_migrate(d, try_path("store.db"), &why));
	assert_non_null(strstr(buf_cstr(&why), "another program"));
	assert_int_equal(number(d, "SELECT count(*) FROM sqlite_schema"), 1);
	db_close(&d);
	buf_free(&why);
}

static void two_at_once_take_each_step_once(void **state)
{
	struct buf why = {0};
	struct db *d, *other;

	(void)state;
	try_remove("store.db");
	d = open_db();
	other = open_db();
	assert_true(store_migrate(d, try_path("store.db"), &why));
	assert_true(store_migrate(other, try_path("store.db"), &why));
	assert_int_equal(why.n, 0);
	db_close(&other);
	db_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("store_account: a verifier is what RFC 5802 says", a_verifier_is_what_rfc_5802_says),
		TITLED("store_account: two verifiers of one password have nothing in common",
			two_of_one_password_differ),
		TITLED("store_account: accounts are added once, changed, removed", accounts_come_and_go),
		TITLED("store_account: verifiers go with their account", verifiers_go_with_their_account),
		TITLED("store_account: what an account lacks is added while its password stays, nothing is replaced",
			what_is_lacking_is_added),
		TITLED("store: a verifier that a client makes is added while its password is the account's, and no other",
			what_is_missing_is_of_one_password),
		TITLED("store_account: a verifier out of shape is damage, a disabled account is known as one",
			damage_is_no_missing_password),
		TITLED("store_account: the list comes in order and in pages", the_list_comes_in_pages),
		TITLED("store_account: a secret is made at its first use and then stays", secrets_are_made_once),
		TITLED("schema: steps are taken in order, each after a copy of what was there",
			steps_are_taken_with_a_copy_before),
		TITLED("schema: a step that fails leaves nothing behind, and one line that says why",
			a_step_that_fails_leaves_nothing),
		TITLED("schema: a newer schema is refused with both numbers", a_newer_schema_is_refused),
		TITLED("schema: a database of another program is refused and not touched",
			a_strange_database_is_refused),
		TITLED("schema: two programs that migrate take each step once", two_at_once_take_each_step_once),
	};
	int failed;

	try_start();
	failed = cmocka_run_group_tests_name("store_account", tests, NULL, NULL);
	try_remove("store.db");
	try_remove("store.db.before-2");
	try_remove("store.db.before-3");
	try_end();
	return failed;
}

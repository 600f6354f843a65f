/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Proofs by a token as sm judges them (FAST, XEP-0484), over a real store: what the worker says is
 * not trusted, and what a use changes is committed before the verdict. */
#include "sm/verify.h"

#include "common/condition.h"
#include "common/credential.h"
#include "sm/store_account.h"
#include "sm/store_client.h"
#include "t/lib/sm_try.h"
#include <time.h>

#define USER "user@x.test"
#define PHONE "d4565fa7-4d72-4749-b3d3-740edbf87770"
#define BOUND "HT-SHA-256-ENDP"
#define FREE "HT-SHA-256-NONE"

static uv_loop_t loop;
static struct desk *writer, *reader;
static struct conf *conf;
static struct verify *verify;
static uint64_t conn;

static struct {
	unsigned salts, verdicts;
	uint8_t cond, flags;
	struct buf signature;
} got;

static void on_salt(void *ctx, const struct msg_sasl_salt *m)
{
	(void)ctx;
	(void)m;
	got.salts++;
}

static void on_verdict(void *ctx, const struct msg_sasl_verdict *m)
{
	(void)ctx;
	got.verdicts++;
	got.cond = m->cond;
	got.flags = m->flags;
	buf_clear(&got.signature);
	buf_put(&got.signature, m->signature);
}

static void run_all(void)
{
	while (desk_waiting(reader) || desk_waiting(writer))
		uv_run(&loop, UV_RUN_ONCE);
}

/* What a client says that has the token of this letter, on this channel. */
struct use {
	const char *who, *client, *mechanism, *channel;
	char letter;
	uint64_t count;
	bool invalidate, zeros;
	uint8_t hmac[32];
};

static struct msg_sasl_prove message(struct use *u)
{
	u->who = u->who ? u->who : USER;
	u->client = u->client ? u->client : PHONE;
	u->mechanism = u->mechanism ? u->mechanism : BOUND;
	u->channel = u->channel ? u->channel : "chan";
	u->letter = u->letter || u->zeros ? u->letter : 'a';

	struct msg_sasl_prove m = {.conn = ++conn, .attempt = 1, .hash = HASH_SHA256, .form = PROTO_FORM_TOKEN,
		.message = str_of(u->channel), .mechanism = str_of(u->mechanism), .client = str_of(u->client),
		.count = u->count, .invalidate = u->invalidate};
	char key[TOKEN_TEXT];
	struct buf in = {0};

	memset(key, u->letter, sizeof key);
	buf_printf(&in, "Initiator%s", u->channel);
	hmac_bytes(HASH_SHA256, str_at(key, sizeof key), buf_str(&in), u->hmac);
	buf_free(&in);
	assert_true(jid_split(str_of(u->who), &m.who));
	m.proof = str_at(u->hmac, sizeof u->hmac);
	return m;
}

static uint8_t verdict_of(struct use u)
{
	struct msg_sasl_prove m = message(&u);
	unsigned before = got.verdicts;

	verify_prove(verify, &m);
	run_all();
	assert_int_equal(got.verdicts, before + 1);
	return got.cond;
}

#define USES(...) verdict_of((struct use){.hmac = {0}, __VA_ARGS__})

static struct db *open_store(void)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);

	if (!d || !store_migrate(d, try_path("store.db"), &why))
		fail_msg("%s", buf_cstr(&why));
	buf_free(&why);
	return d;
}

static void sql(const char *words)
{
	struct db *d = open_store();

	assert_int_equal(db_exec(d, words), DB_OK);
	db_close(&d);
}

static void issue(char letter)
{
	struct db *d = open_store();
	struct token t = {.mechanism = BOUND, .made = time(NULL), .expiry = time(NULL) + 1000};
	struct client_row c = {.id = STR(PHONE), .last_seen = t.made};

	memset(t.text, letter, sizeof t.text);
	assert_int_equal(store_client_issue(d, STR(USER), &c, &t, 10), DB_OK);
	db_close(&d);
}

static int make(void **state)
{
	static const struct verify_out out = {.salt = on_salt, .verdict = on_verdict};
	struct buf why = {0}, list = {0};
	struct verifier v;
	struct db *d;

	(void)state;
	try_remove("store.db");
	d = open_store();
	verifier_make(&v, HASH_SHA1, STR("pencil"), 4096);
	credential_put_verifier(&list, &v);
	assert_int_equal(store_account_add(d, STR(USER), buf_str(&list)), DB_OK);
	buf_free(&list);
	db_close(&d);
	assert_int_equal(uv_loop_init(&loop), 0);
	writer = desk_new(&loop, try_path("store.db"), DB_DURABLE, NULL, &why);
	reader = desk_new(&loop, try_path("store.db"), DB_READ, NULL, &why);
	verify = verify_new(conf, reader, try_path("store.db"), &out, &why);
	assert_true(writer && reader && verify);
	buf_free(&why);
	verify_writer(verify, writer);
	issue('a');
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	verify_free(&verify);
	desk_free(&reader);
	desk_free(&writer);
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop);
}

static void good(void **state)
{
	uint8_t wanted[32];
	char key[TOKEN_TEXT];

	(void)state;
	assert_int_equal(USES(), COND_none);
	memset(key, 'a', sizeof key);
	hmac_bytes(HASH_SHA256, str_at(key, sizeof key), STR("Responderchan"), wanted);
	assert_true(str_eq(buf_str(&got.signature), str_at(wanted, sizeof wanted)));
	assert_int_equal(got.flags & PROTO_VERDICT_TOKEN_DUE, 0);
	assert_int_equal(USES(), COND_none);
	sql("UPDATE token SET made = made - 8 * 86400");
	assert_int_equal(USES(), COND_none);
	assert_int_equal(got.flags & PROTO_VERDICT_TOKEN_DUE, PROTO_VERDICT_TOKEN_DUE);
	assert_int_equal(USES(.invalidate = true), COND_none);
	assert_int_equal(got.flags & PROTO_VERDICT_TOKEN_DUE, 0);
	assert_int_equal(USES(), SASL_not_authorized);
}

static void bad(void **state)
{
	(void)state;
	assert_int_equal(USES(.letter = 'b'), SASL_not_authorized);
	assert_int_equal(got.signature.n, 0);
	assert_int_equal(USES(.zeros = true), SASL_not_authorized); /* as if an empty slot had one */
	assert_int_equal(USES(.mechanism = FREE), SASL_not_authorized);
	assert_int_equal(USES(.mechanism = FREE, .channel = ""), SASL_not_authorized);
	assert_int_equal(USES(.mechanism = "PLAIN"), SASL_invalid_mechanism);
	assert_int_equal(USES(.mechanism = "HT-SHA-256-EXPR"), SASL_invalid_mechanism); /* not listed here */
	assert_int_equal(USES(.client = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"), SASL_not_authorized);
	assert_int_equal(USES(.client = ""), SASL_not_authorized);
	assert_int_equal(USES(.who = "nobody@x.test"), SASL_not_authorized);
	assert_int_equal(USES(.who = "user@elsewhere.test"), SASL_not_authorized);
	assert_int_equal(USES(.count = UINT64_MAX), SASL_not_authorized);
	assert_int_equal(USES(), COND_none);
	sql("UPDATE token SET expiry = 1");
	assert_int_equal(USES(.letter = 'b'), SASL_not_authorized);
	assert_int_equal(USES(), SASL_credentials_expired);
}

static void replayed(void **state)
{
	struct use u = {.count = 9};
	struct msg_sasl_prove one = message(&u), two = message(&u);

	(void)state;
	assert_int_equal(USES(.count = 8), COND_none);
	assert_int_equal(USES(.count = 8), SASL_not_authorized);
	/* Both are judged before either is written. */
	got.verdicts = 0;
	verify_prove(verify, &one);
	verify_prove(verify, &two);
	run_all();
	assert_int_equal(got.verdicts, 2);
	assert_int_equal(verify_counts(verify).proved, 2);
	assert_int_equal(verify_counts(verify).refused, 2);
}

static void rotated(void **state)
{
	(void)state;
	assert_int_equal(USES(), COND_none);
	issue('b');
	assert_int_equal(USES(), COND_none);
	issue('c');
	assert_int_equal(USES(.letter = 'b'), SASL_not_authorized);
	assert_int_equal(USES(.letter = 'c'), COND_none);
	assert_int_equal(USES(), SASL_not_authorized);
	assert_int_equal(USES(.letter = 'c'), COND_none);
}

static void revoked(void **state)
{
	struct use u = {.count = 0};
	struct msg_sasl_prove m = message(&u);

	(void)state;
	verify_prove(verify, &m);
	verify_revoke(verify, STR(USER));
	run_all();
	assert_int_equal(got.cond, SASL_not_authorized);
	sql("UPDATE account SET disabled = 1");
	assert_int_equal(USES(), SASL_not_authorized);
}

static void full_disk(void **state)
{
	(void)state;
	assert_int_equal(USES(), COND_none); /* the current one now */
	issue('b');
	sql("CREATE TRIGGER t BEFORE UPDATE ON token BEGIN SELECT raise(FAIL, 'no'); END");
	assert_int_equal(USES(.letter = 'b'), SASL_temporary_auth_failure); /* it cannot become the current one */
	sql("UPDATE client SET last_seen = 1");
	assert_int_equal(USES(), COND_none); /* that it was seen need not be written */
}

/* Nothing is answered before the loop turns, so that what is refused is so at the ceiling. */
static unsigned starts_that_fit(bool dear)
{
	struct msg_sasl_start m = {.attempt = 1, .hash = HASH_SHA256, .dear = dear};
	unsigned fit = 0, before = got.salts;

	assert_true(jid_split(STR(USER), &m.who));
	while (got.salts == before) {
		m.conn = ++conn;
		verify_start(verify, &m);
		fit += got.salts == before;
	}
	return fit;
}

static void dear_first(void **state)
{
	uint64_t refused = verify_counts(verify).unavailable;
	struct use u = {.hmac = {0}};
	struct msg_sasl_prove m = message(&u);
	unsigned tokens = 0, before = got.verdicts;

	(void)state;
	assert_int_equal(starts_that_fit(true), 2048);
	assert_int_equal(starts_that_fit(false), 1024);
	for (; got.verdicts == before; tokens++) {
		m.conn = ++conn;
		verify_prove(verify, &m);
	}
	assert_int_equal(tokens, 1024 + 1);
	assert_int_equal(got.cond, SASL_temporary_auth_failure);
	assert_int_equal(verify_counts(verify).unavailable - refused, 3);
	run_all();
	assert_int_equal(got.verdicts, before + 1025);
}

#define WITH_STORE(words, function) {words, function, make, unmake, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE("verify: a token proves its client's account, again and again, until that ends it", good),
		WITH_STORE("verify: another token, mechanism, client or account proves nothing; an old one is told so", bad),
		WITH_STORE("verify: of two uses of a token with one count, at the same time too, one is good", replayed),
		WITH_STORE("verify: a new token ends the old one when it is used, and an unused one when it is made", rotated),
		WITH_STORE("verify: a token on its way does not outlive what it was given for", revoked),
		WITH_STORE("verify: when there are too many, PLAIN is turned away before SCRAM, and SCRAM before tokens", dear_first),
		WITH_STORE("verify: a token whose use cannot be written is refused for now, if that matters", full_disk),
	};
	struct buf why = {0};
	int failed;

	try_start();
	try_write("gatehouse.conf", "domain \"x.test\" {\nfast-mechanisms = {\"" BOUND "\", \"" FREE "\"}\n}\n");
	conf = conf_load(try_path("gatehouse.conf"), &why);
	if (!conf)
		printf("# %s\n", buf_cstr(&why));
	CHECK(conf);
	failed = cmocka_run_group_tests_name("verify_token", tests, NULL, NULL);
	conf_free(&conf);
	buf_free(&why);
	buf_free(&got.signature);
	try_remove("store.db");
	unlink(try_path("gatehouse.conf"));
	try_end();
	return failed;
}

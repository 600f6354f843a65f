/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who has authenticated: questions and answers as a worker sees them, over a real store. */
#include "sm/verify.h"

#include "common/b64.h"
#include "common/condition.h"
#include "common/rand.h"
#include "sm/store_account.h"
#include "t/lib/sm_try.h"

static uv_loop_t loop;
static struct desk *writer, *reader;
static struct conf *conf;
static struct verify *verify;

/* The last answers, copied. */
static struct {
	unsigned salts, verdicts;
	uint64_t conn;
	uint32_t attempt, iterations;
	uint8_t cond;
	unsigned credentials;
	struct buf salt, nonce, who, signature;
} got;

static void on_salt(void *ctx, const struct msg_sasl_salt *m)
{
	(void)ctx;
	got.salts++;
	got.conn = m->conn;
	got.attempt = m->attempt;
	got.iterations = m->iterations;
	buf_clear(&got.salt);
	buf_put(&got.salt, m->salt);
	buf_clear(&got.nonce);
	buf_put(&got.nonce, m->nonce);
}

static void on_verdict(void *ctx, const struct msg_sasl_verdict *m)
{
	(void)ctx;
	got.verdicts++;
	got.conn = m->conn;
	got.attempt = m->attempt;
	got.cond = m->cond;
	buf_clear(&got.who);
	buf_put(&got.who, m->who.text);
	buf_clear(&got.signature);
	buf_put(&got.signature, m->signature);
}

static void on_credentials(void *ctx, struct str account, const struct verifier *proved, struct str list)
{
	(void)ctx;
	got.credentials++;
	assert_true(str_is(account, "user@x.test") && proved->hash == HASH_SHA256);
	assert_true(str_is(list, "a list"));
}

static void run_all(void)
{
	while (desk_waiting(reader) || desk_waiting(writer))
		uv_run(&loop, UV_RUN_ONCE);
}

static struct jid jid_of(const char *text)
{
	struct jid j;

	assert_true(jid_split(str_of(text), &j));
	return j;
}

static void ask_salt(uint64_t conn, uint32_t attempt, enum hash hash, const char *who)
{
	unsigned before = got.salts;
	struct msg_sasl_start m = {.conn = conn, .attempt = attempt, .hash = (uint8_t)hash, .who = jid_of(who)};

	verify_start(verify, &m);
	run_all();
	assert_int_equal(got.salts, before + 1);
	assert_true(got.conn == conn && got.attempt == attempt);
}

struct proof {
	struct buf message;
	uint8_t client_key[HASH_MAX], bytes[HASH_MAX], server_signature[HASH_MAX];
	enum hash hash;
};

/* What a client with this password says to the salt and nonce that came last. */
static struct proof prove_with(enum hash hash, const char *password)
{
	struct proof p = {.hash = hash};
	struct buf nonce = {0};
	uint8_t salted[HASH_MAX], stored[HASH_MAX], key[HASH_MAX];
	size_t n = hash_size(hash);

	pbkdf2(hash, str_of(password), buf_str(&got.salt), got.iterations, salted);
	hmac_bytes(hash, str_at(salted, n), STR("Client Key"), p.client_key);
	hash_bytes(hash, str_at(p.client_key, n), stored);
	hmac_bytes(hash, str_at(salted, n), STR("Server Key"), key);
	buf_printf(&nonce, "client+worker+%.*s", STR_ARG(buf_str(&got.nonce)));
	buf_printf(&p.message, "n=user,r=client,r=%s,s=", buf_cstr(&nonce));
	b64_encode(&p.message, buf_str(&got.salt));
	buf_printf(&p.message, ",i=%u,c=biws,r=%s", (unsigned)got.iterations, buf_cstr(&nonce));
	hmac_bytes(hash, str_at(stored, n), buf_str(&p.message), p.bytes);
	for (size_t i = 0; i < n; i++)
		p.bytes[i] ^= p.client_key[i];
	hmac_bytes(hash, str_at(key, n), buf_str(&p.message), p.server_signature);
	buf_free(&nonce);
	return p;
}

static struct msg_sasl_prove question(uint64_t conn, uint32_t attempt, const char *who, const struct proof *p)
{
	return (struct msg_sasl_prove){.conn = conn,
		.attempt = attempt,
		.hash = (uint8_t)p->hash,
		.form = PROTO_FORM_SCRAM,
		.who = jid_of(who),
		.message = buf_str(&p->message),
		.proof = str_at(p->bytes, hash_size(p->hash)),
		.address = STR("192.0.2.1")};
}

static uint8_t verdict_on(const struct msg_sasl_prove *m)
{
	unsigned before = got.verdicts;

	verify_prove(verify, m);
	run_all();
	assert_int_equal(got.verdicts, before + 1);
	assert_true(got.conn == m->conn && got.attempt == m->attempt);
	return got.cond;
}

static uint8_t log_in(uint64_t conn, enum hash hash, const char *who, const char *password)
{
	struct msg_sasl_prove m;
	struct proof p;
	uint8_t cond;

	ask_salt(conn, 1, hash, who);
	p = prove_with(hash, password);
	m = question(conn, 1, who, &p);
	cond = verdict_on(&m);
	buf_free(&p.message);
	return cond;
}

static uint64_t next_conn(void)
{
	static uint64_t conn = UINT64_C(7) << 32;

	return ++conn;
}

/* --- the store ------------------------------------------------------------------------------- */

static void sql(const char *words)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);

	assert_non_null(d);
	assert_int_equal(db_exec(d, words), DB_OK);
	db_close(&d);
}

static void make_credentials(struct buf *list, const char *who, const char *password)
{
	struct credential_rules rules;

	credential_rules(&rules, conf, conf_domain(conf, STR("x.test")));
	credential_make(list, &rules, str_of(who), str_of(password));
}

static void add_account(const char *who, const char *password)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);
	struct buf list = {0};

	make_credentials(&list, who, password);
	assert_int_equal(store_account_add(d, str_of(who), buf_str(&list)), DB_OK);
	buf_free(&list);
	db_close(&d);
}

static void open_verify(void)
{
	const struct verify_out out = {.salt = on_salt, .verdict = on_verdict, .credentials = on_credentials};
	struct buf why = {0};

	verify = verify_new(conf, reader, try_path("store.db"), &out, &why);
	if (!verify)
		fail_msg("%s", buf_cstr(&why));
}

static int start(void **state)
{
	struct buf why = {0};

	(void)state;
	try_remove("store.db");
	writer = desk_new(&loop, try_path("store.db"), DB_DURABLE, store_migrate, &why);
	reader = desk_new(&loop, try_path("store.db"), DB_READ, NULL, &why);
	if (!writer || !reader)
		fail_msg("%s", buf_cstr(&why));
	open_verify();
	add_account("user@x.test", "pencil");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	verify_free(&verify);
	desk_free(&reader);
	desk_free(&writer);
	uv_run(&loop, UV_RUN_DEFAULT);
	return 0;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void the_right_password_proves(void **state)
{
	struct msg_sasl_prove m;
	struct proof p;

	(void)state;
	assert_int_equal(log_in(next_conn(), HASH_SHA1, "user@x.test", "pencil"), COND_none);
	assert_int_equal(log_in(next_conn(), HASH_SHA256, "user@x.test", "pencil"), COND_none);
	assert_true(str_is(buf_str(&got.who), "user@x.test"));
	ask_salt(9, 1, HASH_SHA256, "user@x.test");
	assert_int_equal(got.iterations, 10000);
	p = prove_with(HASH_SHA256, "pencil");
	m = question(9, 1, "user@x.test", &p);
	assert_int_equal(verdict_on(&m), COND_none);
	assert_true(str_eq(buf_str(&got.signature), str_at(p.server_signature, 32)));
	assert_int_equal(verify_counts(verify).proved, 3);
	buf_free(&p.message);
}

static void a_wrong_password_does_not(void **state)
{
	(void)state;
	assert_int_equal(log_in(next_conn(), HASH_SHA256, "user@x.test", "Pencil"), SASL_not_authorized);
	assert_int_equal(got.signature.n, 0);
	assert_int_equal(log_in(next_conn(), HASH_SHA1, "user@x.test", ""), SASL_not_authorized);
	assert_int_equal(verify_counts(verify).refused, 2);
}

static void a_client_key_proves_without_a_message(void **state)
{
	struct msg_sasl_prove m;
	struct proof p;

	(void)state;
	ask_salt(1, 1, HASH_SHA256, "user@x.test");
	p = prove_with(HASH_SHA256, "pencil");
	m = question(1, 1, "user@x.test", &p);
	m.form = PROTO_FORM_CLIENT_KEY;
	m.message = STR_NONE;
	m.proof = str_at(p.client_key, 32);
	assert_int_equal(verdict_on(&m), COND_none);
	assert_int_equal(got.signature.n, 0);
	m.conn = 2;
	m.proof = str_at(p.bytes, 32); /* a SCRAM proof is none */
	assert_int_equal(verdict_on(&m), SASL_not_authorized);
	buf_free(&p.message);
}

static void strangers_look_like_accounts(void **state)
{
	struct buf salt = {0};

	(void)state;
	ask_salt(1, 1, HASH_SHA256, "nobody@x.test");
	assert_int_equal(got.iterations, 10000);
	assert_int_equal(got.salt.n, 16);
	buf_put(&salt, buf_str(&got.salt));
	ask_salt(2, 5, HASH_SHA256, "nobody@x.test");
	assert_true(str_eq(buf_str(&salt), buf_str(&got.salt))); /* the same each time */
	ask_salt(2, 5, HASH_SHA256, "somebody@x.test");
	assert_false(str_eq(buf_str(&salt), buf_str(&got.salt)));
	ask_salt(2, 5, HASH_SHA1, "nobody@x.test");
	assert_int_equal(got.iterations, 4096);
	assert_false(str_eq(buf_str(&salt), buf_str(&got.salt)));
	assert_int_equal(log_in(next_conn(), HASH_SHA256, "nobody@x.test", "pencil"), SASL_not_authorized);
	verify_free(&verify); /* and after a restart */
	open_verify();
	ask_salt(3, 1, HASH_SHA256, "nobody@x.test");
	assert_true(str_eq(buf_str(&salt), buf_str(&got.salt)));
	buf_free(&salt);
}

static void a_nonce_is_of_one_attempt(void **state)
{
	struct buf first = {0};

	(void)state;
	ask_salt(1, 1, HASH_SHA256, "user@x.test");
	buf_put(&first, buf_str(&got.nonce));
	assert_true(first.n >= 20);
	ask_salt(1, 2, HASH_SHA256, "user@x.test");
	assert_false(str_eq(buf_str(&first), buf_str(&got.nonce)));
	ask_salt(2, 1, HASH_SHA256, "user@x.test");
	assert_false(str_eq(buf_str(&first), buf_str(&got.nonce)));
	ask_salt(1, 1, HASH_SHA256, "user@x.test"); /* a repeated question has the same answer */
	assert_true(str_eq(buf_str(&first), buf_str(&got.nonce)));
	buf_free(&first);
}

static void a_proof_is_of_one_connection(void **state)
{
	struct msg_sasl_prove m;
	struct proof p;

	(void)state;
	ask_salt(1, 1, HASH_SHA256, "user@x.test");
	p = prove_with(HASH_SHA256, "pencil");
	m = question(2, 1, "user@x.test", &p); /* recorded elsewhere */
	assert_int_equal(verdict_on(&m), SASL_not_authorized);
	m = question(1, 2, "user@x.test", &p); /* recorded before */
	assert_int_equal(verdict_on(&m), SASL_not_authorized);
	buf_free(&p.message);
}

static void a_proof_is_judged_once(void **state)
{
	struct msg_sasl_prove m;
	struct proof p;
	unsigned before;

	(void)state;
	ask_salt(1, 1, HASH_SHA256, "user@x.test");
	p = prove_with(HASH_SHA256, "pencil");
	m = question(1, 1, "user@x.test", &p);
	before = got.verdicts;
	verify_prove(verify, &m);
	verify_prove(verify, &m); /* asked again, before the answer */
	run_all();
	verify_prove(verify, &m); /* and after it */
	p.bytes[0] ^= 1;
	verify_prove(verify, &m); /* nor can another proof be tried */
	run_all();
	assert_int_equal(got.verdicts, before + 1);
	assert_int_equal(got.cond, COND_none);
	assert_int_equal(verify_counts(verify).repeated, 3);
	buf_free(&p.message);
}

static void what_a_bad_worker_asks(void **state)
{
	struct msg_sasl_prove good, m;
	struct msg_sasl_start s = {.conn = 5, .attempt = 1, .hash = HASH_SHA256};
	struct proof p;
	unsigned before;

	(void)state;
	ask_salt(1, 1, HASH_SHA256, "user@x.test");
	p = prove_with(HASH_SHA256, "pencil");
	good = question(1, 1, "user@x.test", &p);
	for (int i = 0; i < 9; i++) {
		m = good;
		m.conn = next_conn();
		m.hash = i == 0 ? 0 : i == 1 ? HASH_MD5 : i == 2 ? 255 : m.hash;
		m.form = i == 3 ? 0 : i == 4 ? 3 : m.form;
		m.proof = i == 5 ? str_head(m.proof, 31) : m.proof;
		m.message = i == 6 ? STR_NONE : m.message;
		m.who = i == 7 ? jid_of("user@elsewhere.test") : i == 8 ? (struct jid){0} : m.who;
		assert_int_equal(verdict_on(&m), SASL_not_authorized);
	}
	m = good;
	m.conn = next_conn();
	m.who = jid_of("user@x.test/resource");
	assert_int_equal(verdict_on(&m), SASL_not_authorized);
	before = got.salts;
	s.who = jid_of("x.test");
	verify_start(verify, &s);
	s.who = jid_of("user@x.test");
	s.hash = 77;
	verify_start(verify, &s);
	assert_int_equal(got.salts, before + 2);
	assert_int_equal(got.nonce.n, 0);
	buf_free(&p.message);
}

static void disabled_is_said_to_the_owner_only(void **state)
{
	(void)state;
	sql("UPDATE account SET disabled = 1");
	assert_int_equal(log_in(next_conn(), HASH_SHA256, "user@x.test", "pencil"), SASL_account_disabled);
	assert_int_equal(log_in(next_conn(), HASH_SHA256, "user@x.test", "guess"), SASL_not_authorized);
}

static void a_broken_store_is_temporary(void **state)
{
	struct proof p;
	struct msg_sasl_prove m;

	(void)state;
	ask_salt(1, 1, HASH_SHA256, "user@x.test");
	p = prove_with(HASH_SHA256, "wrong");
	sql("UPDATE verifier SET stored_key = x'00'");
	m = question(2, 1, "user@x.test", &p); /* of which nothing is kept */
	assert_int_equal(verdict_on(&m), SASL_temporary_auth_failure);
	ask_salt(1, 2, HASH_SHA256, "user@x.test");
	assert_true(got.iterations == 0 && got.nonce.n == 0);
	assert_int_equal(got.salt.n, 0);
	assert_int_equal(verify_counts(verify).unavailable, 2);
	buf_free(&p.message);
}

static void too_many_questions_are_refused_at_once(void **state)
{
	struct msg_sasl_start m = {.attempt = 1, .hash = HASH_SHA256, .who = jid_of("user@x.test")};
	unsigned refused = 0;

	(void)state;
	got.salts = 0;
	for (unsigned i = 0; i < 6000; i++) {
		m.conn = i;
		verify_start(verify, &m);
		refused += got.salts > refused;
	}
	assert_true(refused > 0 && refused == got.salts);
	assert_int_equal(got.iterations, 0);
	run_all();
	assert_int_equal(got.salts, 6000);
	assert_int_equal(got.iterations, 10000);
}

static void memory_of_attempts_is_bounded(void **state)
{
	struct msg_sasl_prove m = {.attempt = 1};

	(void)state;
	for (uint64_t conn = 1; conn <= 40000; conn++) {
		m.conn = conn;
		verify_prove(verify, &m); /* malformed: refused without the store */
	}
	verify_prove(verify, &m);
	assert_int_equal(verify_counts(verify).repeated, 1);
	m.conn = 1; /* long forgotten */
	verify_prove(verify, &m);
	assert_int_equal(verify_counts(verify).repeated, 1);
}

static void a_revoked_account_proves_nothing(void **state)
{
	struct msg_sasl_prove m;
	struct proof p;

	(void)state;
	ask_salt(1, 1, HASH_SHA256, "user@x.test");
	p = prove_with(HASH_SHA256, "pencil");
	m = question(2, 1, "user@x.test", &p); /* of which nothing is kept: a desk is asked */
	m.form = PROTO_FORM_CLIENT_KEY;
	m.message = STR_NONE;
	m.proof = str_at(p.client_key, 32);
	verify_prove(verify, &m);
	verify_revoke(verify, STR("user@x.test")); /* removed while the proof is on its way */
	run_all();
	assert_int_equal(got.cond, SASL_not_authorized);
	buf_free(&p.message);
}

static void set_password(const char *who, const char *password)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);
	struct buf list = {0};
	bool found;

	make_credentials(&list, who, password);
	assert_int_equal(store_account_passwd(d, str_of(who), buf_str(&list), &found), DB_OK);
	assert_true(found);
	buf_free(&list);
	db_close(&d);
}

/* A login that began before the change ends after it. */
static void the_old_password_is_revoked(void **state)
{
	struct msg_sasl_prove m;
	struct proof p;

	(void)state;
	ask_salt(1, 1, HASH_SHA256, "user@x.test");
	p = prove_with(HASH_SHA256, "pencil");
	set_password("user@x.test", "crayon");
	verify_revoke(verify, STR("user@x.test"));
	m = question(1, 1, "user@x.test", &p);
	assert_int_equal(verdict_on(&m), SASL_not_authorized);
	buf_free(&p.message);
	assert_int_equal(log_in(next_conn(), HASH_SHA256, "user@x.test", "crayon"), COND_none);
}

/* The same, when the verifier was being read as the change was answered. */
static void nothing_is_kept_of_what_is_revoked(void **state)
{
	struct msg_sasl_start s = {.conn = 1, .attempt = 1, .hash = HASH_SHA256, .who = jid_of("user@x.test")};
	struct msg_sasl_prove m;
	struct proof p;

	(void)state;
	verify_start(verify, &s);
	verify_revoke(verify, STR("user@x.test"));
	run_all();
	p = prove_with(HASH_SHA256, "pencil");
	set_password("user@x.test", "crayon");
	m = question(1, 1, "user@x.test", &p);
	assert_int_equal(verdict_on(&m), SASL_not_authorized);
	buf_free(&p.message);
}

/* Proofs are judged without the desk, strangers' too, and each verifier serves one of them. */
static void a_verifier_is_kept_for_one_proof(void **state)
{
	static const char *const who[] = {"user@x.test", "nobody@x.test"};
	struct msg_sasl_prove m;
	struct proof p;
	unsigned before;

	(void)state;
	for (unsigned i = 0; i < COUNT(who); i++) {
		for (uint32_t attempt = 1; attempt <= 2; attempt++) {
			if (attempt == 1)
				ask_salt(i, attempt, HASH_SHA256, who[i]);
			p = prove_with(HASH_SHA256, "pencil");
			m = question(i, attempt, who[i], &p);
			m.form = PROTO_FORM_CLIENT_KEY;
			m.message = STR_NONE;
			m.proof = str_at(p.client_key, 32);
			before = got.verdicts;
			verify_prove(verify, &m);
			assert_int_equal(got.verdicts, before + (attempt == 1));
			assert_int_equal(desk_waiting(reader), attempt - 1);
			run_all();
			assert_int_equal(got.cond, i ? SASL_not_authorized : COND_none);
			buf_free(&p.message);
		}
	}
}

/* Another account, hash or attempt than what was asked for is looked up. */
static void a_kept_verifier_is_of_one_question(void **state)
{
	struct msg_sasl_prove m;
	struct proof p;

	(void)state;
	add_account("other@x.test", "crayon");
	for (unsigned i = 0; i < 3; i++) {
		uint64_t conn = next_conn();

		ask_salt(conn, 1, HASH_SHA256, "user@x.test");
		p = prove_with(i == 1 ? HASH_SHA1 : HASH_SHA256, "pencil");
		m = question(conn, i == 2 ? 2 : 1, i == 0 ? "other@x.test" : "user@x.test", &p);
		verify_prove(verify, &m);
		assert_int_equal(desk_waiting(reader), 1);
		run_all();
		assert_int_equal(got.cond, SASL_not_authorized);
		buf_free(&p.message);
	}
}

static void kept_verifiers_are_bounded(void **state)
{
	struct msg_sasl_prove m = {.attempt = 1,
		.hash = HASH_SHA256,
		.form = PROTO_FORM_CLIENT_KEY,
		.who = jid_of("user@x.test"),
		.proof = STR("thirty-two bytes that prove naught")};
	unsigned before = got.verdicts, at_once;

	(void)state;
	m.proof = str_head(m.proof, 32);
	for (uint64_t conn = 1; conn <= 3000; conn++)
		ask_salt(conn, 1, HASH_SHA256, "user@x.test");
	for (m.conn = 3000; m.conn > 0; m.conn--)
		verify_prove(verify, &m);
	at_once = got.verdicts - before;
	assert_int_equal(at_once, 1024); /* the newest */
	assert_int_equal(desk_waiting(reader), 3000 - 1024);
	run_all();
	assert_int_equal(got.verdicts, before + 3000);
}

/* Whatever the worker offered: sm reads the domain's list itself. */
static void a_mechanism_must_be_listed(void **state)
{
	static const struct {
		const char *who, *mechanism;
		uint8_t form, cond;
	} cases[] = {
		{"user@x.test", "SCRAM-SHA-256", PROTO_FORM_SCRAM, COND_none},
		{"user@x.test", "", PROTO_FORM_SCRAM, COND_none}, /* an older worker */
		{"user@x.test", "", PROTO_FORM_CLIENT_KEY, COND_none},
		{"user@x.test", "PLAIN", PROTO_FORM_CLIENT_KEY, COND_none},
		{"user@x.test", "SCRAM-SHA-1", PROTO_FORM_SCRAM, SASL_invalid_mechanism}, /* of another hash */
		{"user@x.test", "PLAIN", PROTO_FORM_SCRAM, SASL_invalid_mechanism},
		{"user@x.test", "SCRAM-SHA-256", PROTO_FORM_CLIENT_KEY, SASL_invalid_mechanism},
		{"user@plain.test", "SCRAM-SHA-256", PROTO_FORM_SCRAM, SASL_invalid_mechanism},
		{"user@plain.test", "", PROTO_FORM_SCRAM, SASL_invalid_mechanism},
		{"user@plain.test", "PLAIN", PROTO_FORM_CLIENT_KEY, COND_none},
		{"user@x.test", "iq-auth", PROTO_FORM_CLIENT_KEY, SASL_invalid_mechanism}, /* has a setting of its own */
		{"user@plain.test", "iq-auth", PROTO_FORM_CLIENT_KEY, COND_none},
	};

	(void)state;
	add_account("user@plain.test", "pencil");
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t conn = next_conn();
		struct msg_sasl_prove m;
		struct proof p;

		ask_salt(conn, 1, HASH_SHA256, cases[i].who);
		p = prove_with(HASH_SHA256, "pencil");
		m = question(conn, 1, cases[i].who, &p);
		m.mechanism = str_of(cases[i].mechanism);
		m.form = cases[i].form;
		if (m.form == PROTO_FORM_CLIENT_KEY) {
			m.message = STR_NONE;
			m.proof = str_at(p.client_key, 32);
		}
		if (verdict_on(&m) != cases[i].cond)
			fail_msg("case %zu: %d", i, got.cond);
		buf_free(&p.message);
	}
}

static void credentials_come_with_the_right_password_only(void **state)
{
	struct msg_sasl_prove m;
	struct proof p;

	(void)state;
	got.credentials = 0;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t conn = next_conn();

		if (i < 2) /* else the desk finds the verifier */
			ask_salt(conn, 1, HASH_SHA256, "user@x.test");
		p = prove_with(HASH_SHA256, i % 2 ? "Pencil" : "pencil");
		m = question(conn, 1, "user@x.test", &p);
		m.form = PROTO_FORM_CLIENT_KEY;
		m.message = STR_NONE;
		m.proof = str_at(p.client_key, 32);
		m.more = STR("a list");
		assert_int_equal(verdict_on(&m), i % 2 ? SASL_not_authorized : COND_none);
		assert_int_equal(got.credentials, 1 + i / 2);
		buf_free(&p.message);
	}
}

/* A worker's word for a certificate: only where the domain wants it, and for an account that there is. */
static void a_worker_vouches_for_a_certificate(void **state)
{
	struct msg_sasl_prove m = {.form = PROTO_FORM_EXTERNAL, .mechanism = STR("EXTERNAL")};
	static const struct {
		const char *who;
		enum cond cond;
	} rows[] = {{"user@cert.test", COND_none}, {"none@cert.test", SASL_not_authorized},
		{"off@cert.test", SASL_account_disabled}, {"user@x.test", SASL_invalid_mechanism},
		{"user@plain.test", SASL_invalid_mechanism}};

	(void)state;
	add_account("user@cert.test", "pencil");
	add_account("off@cert.test", "pencil");
	sql("UPDATE account SET disabled = 1 WHERE jid = 'off@cert.test'");
	for (size_t i = 0; i < COUNT(rows); i++) {
		m.conn = next_conn();
		m.who = jid_of(rows[i].who);
		assert_int_equal(verdict_on(&m), rows[i].cond);
	}
	m.who = jid_of("user@cert.test");
	for (unsigned i = 0; i < 4; i++) {
		struct msg_sasl_prove odd = m;

		odd.conn = next_conn();
		odd.hash = i == 0 ? HASH_SHA1 : 0;
		odd.message = i == 1 ? STR("x") : STR_NONE;
		odd.proof = i == 2 ? STR("x") : STR_NONE;
		odd.mechanism = i == 3 ? STR("PLAIN") : m.mechanism;
		assert_int_equal(verdict_on(&odd), i == 3 ? SASL_invalid_mechanism : SASL_not_authorized);
	}
}

static void freeing_with_questions_open(void **state)
{
	struct msg_sasl_start m = {.attempt = 1, .hash = HASH_SHA256, .who = jid_of("user@x.test")};

	(void)state;
	got.salts = 0;
	for (m.conn = 0; m.conn < 50; m.conn++)
		verify_start(verify, &m);
	verify_free(&verify);
	run_all();
	assert_int_equal(got.salts, 0);
}

#define WITH_STORE(words, function) \
	{ \
		words, function, start, stop, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE("verify: the right password proves the account, and the server's signature comes back",
			the_right_password_proves),
		WITH_STORE("verify: a wrong password proves nothing", a_wrong_password_does_not),
		WITH_STORE("verify: a ClientKey proves the account, a SCRAM proof in its place does not",
			a_client_key_proves_without_a_message),
		WITH_STORE("verify: an account that does not exist has a salt of its own, always the same, and rounds",
			strangers_look_like_accounts),
		WITH_STORE("verify: a nonce belongs to one attempt of one connection", a_nonce_is_of_one_attempt),
		WITH_STORE("verify: a proof recorded on one connection or attempt is none on another",
			a_proof_is_of_one_connection),
		WITH_STORE("verify: an attempt is judged once, however often it is asked about",
			a_proof_is_judged_once),
		WITH_STORE("verify: whatever a bad worker asks is refused", what_a_bad_worker_asks),
		WITH_STORE("verify: that an account is disabled is told only to who proves it",
			disabled_is_said_to_the_owner_only),
		WITH_STORE("verify: a broken store is a temporary failure, never not-authorized",
			a_broken_store_is_temporary),
		WITH_STORE("verify: over three thousand questions the next is refused at once",
			too_many_questions_are_refused_at_once),
		WITH_STORE("verify: what is remembered of attempts is bounded", memory_of_attempts_is_bounded),
		WITH_STORE("verify: a proof on its way does not outlive its account", a_revoked_account_proves_nothing),
		WITH_STORE("verify: once a password has changed, the old one ends no login that began before",
			the_old_password_is_revoked),
		WITH_STORE("verify: a verifier that was read while its account changed is not kept",
			nothing_is_kept_of_what_is_revoked),
		WITH_STORE("verify: a verifier is kept for the first proof, of a stranger too, and asks no desk again",
			a_verifier_is_kept_for_one_proof),
		WITH_STORE("verify: what is kept serves no other account, hash or attempt",
			a_kept_verifier_is_of_one_question),
		WITH_STORE("verify: the verifiers that are kept are bounded", kept_verifiers_are_bounded),
		WITH_STORE(
			"verify: a mechanism that the domain does not list proves nothing, nor another's name for it",
			a_mechanism_must_be_listed),
		WITH_STORE("verify: what a worker makes of a password is handed on if that was right, and only then",
			credentials_come_with_the_right_password_only),
		WITH_STORE("verify: a certificate that a worker vouches for is for an account there is, where EXTERNAL is listed",
			a_worker_vouches_for_a_certificate),
		WITH_STORE("verify: it can be freed with questions open", freeing_with_questions_open),
	};
	struct buf why = {0};
	int failed;

	try_start();
	uv_loop_init(&loop);
	try_write("gatehouse.conf", "domain \"x.test\" {\n}\ndomain \"plain.test\" {\nmechanisms = {\"PLAIN\"}\niq-auth = yes\n}\n"
		"domain \"cert.test\" {\nmechanisms = {\"EXTERNAL\"}\n}\n");
	conf = conf_load(try_path("gatehouse.conf"), &why);
	if (!conf)
		abort();
	buf_free(&why);
	failed = cmocka_run_group_tests_name("verify", tests, NULL, NULL);
	conf_free(&conf);
	uv_loop_close(&loop);
	buf_free(&got.salt);
	buf_free(&got.nonce);
	buf_free(&got.who);
	buf_free(&got.signature);
	try_remove("store.db");
	try_remove("gatehouse.conf");
	try_end();
	return failed;
}

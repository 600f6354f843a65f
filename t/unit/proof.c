/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The forms of proofs that lean on other credentials than verifiers, or on none, over a real store. */
#include "common/condition.h"
#include "common/digest_md5.h"
#include "common/hex.h"
#include "sm/proof.h"
#include "sm/store_account.h"
#include "sm/verify.h"
#include "t/lib/sm_try.h"

static uv_loop_t loop;
static struct desk *writer, *reader;
static struct conf *conf;
static struct verify *verify;

static struct {
	unsigned salts, verdicts;
	uint32_t wants;
	uint8_t cond, flags;
	struct buf nonce, who, signature;
} got;

static void on_salt(void *ctx, const struct msg_sasl_salt *m)
{
	(void)ctx;
	got.salts++;
	got.wants = m->wants;
	buf_clear(&got.nonce);
	buf_put(&got.nonce, m->nonce);
}

static void on_verdict(void *ctx, const struct msg_sasl_verdict *m)
{
	(void)ctx;
	got.verdicts++;
	got.cond = m->cond;
	got.flags = m->flags;
	buf_clear(&got.who);
	buf_put(&got.who, m->who.text);
	buf_clear(&got.signature);
	buf_put(&got.signature, m->signature);
}

static struct jid jid_of(const char *text)
{
	struct jid j;

	assert_true(jid_split(str_of(text), &j));
	return j;
}

static void run_all(void)
{
	while (desk_waiting(reader))
		uv_run(&loop, UV_RUN_ONCE);
}

static uint8_t verdict_on(const struct msg_sasl_prove *m)
{
	unsigned before = got.verdicts;

	verify_prove(verify, m);
	run_all();
	assert_int_equal(got.verdicts, before + 1);
	return got.cond;
}

static uint64_t next_conn(void)
{
	static uint64_t conn = UINT64_C(7) << 32;

	return ++conn;
}

/* sm's part of the nonce, as a form asks for it before it knows who it is. */
static struct str ask_nonce(uint64_t conn, uint32_t attempt, uint8_t form)
{
	struct msg_sasl_start m = {.conn = conn, .attempt = attempt, .form = form};
	unsigned before = got.salts;

	verify_start(verify, &m);
	assert_int_equal(got.salts, before + 1);
	return buf_str(&got.nonce);
}

static void add_account(const char *who, const char *password, uint32_t kinds)
{
	struct buf why = {0}, list = {0};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);
	struct credential_rules rules;

	credential_rules(&rules, conf, conf_domain(conf, STR("x.test")));
	rules.kinds &= kinds;
	credential_make(&list, &rules, str_of(who), str_of(password));
	assert_int_equal(store_account_add(d, str_of(who), buf_str(&list)), DB_OK);
	buf_free(&list);
	db_close(&d);
}

static void sql(const char *words)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);

	assert_int_equal(db_exec(d, words), DB_OK);
	db_close(&d);
}

static int start(void **state)
{
	const struct verify_out out = {.salt = on_salt, .verdict = on_verdict};
	struct buf why = {0};

	(void)state;
	try_remove("store.db");
	writer = desk_new(&loop, try_path("store.db"), DB_DURABLE, store_migrate, &why);
	reader = desk_new(&loop, try_path("store.db"), DB_READ, NULL, &why);
	verify = writer && reader ? verify_new(conf, reader, try_path("store.db"), &out, &why) : NULL;
	if (!verify)
		fail_msg("%s", buf_cstr(&why));
	add_account("user@x.test", "pencil", UINT32_MAX);
	add_account("old@x.test", "pencil", credential_always());
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

/* A client's DIGEST-MD5 proof; `nonce` is sm's part. */
struct digest {
	struct buf nonce, message;
	uint8_t proof[16], answer[16];
};

static struct msg_sasl_prove digest(struct digest *g, uint64_t conn, const char *who, const char *password,
	const char *uri)
{
	struct digest_md5 d = {.cnonce = STR("c"), .uri = str_of(uri)};
	struct jid jid = jid_of(who);
	uint8_t secret[16];

	*g = (struct digest){0};
	buf_puts(&g->nonce, "worker+");
	buf_put(&g->nonce, buf_str(&got.nonce));
	d.nonce = buf_str(&g->nonce);
	digest_md5_secret(jid_local(jid), jid_domain(jid), str_of(password), secret);
	digest_md5_answer(secret, &d, false, g->proof);
	digest_md5_answer(secret, &d, true, g->answer);
	buf_put(&g->message, d.nonce);
	buf_add(&g->message, "\0c\0", 3);
	buf_puts(&g->message, uri);
	buf_putc(&g->message, 0);
	return (struct msg_sasl_prove){.conn = conn,
		.attempt = 1,
		.form = PROTO_FORM_DIGEST_MD5,
		.who = jid,
		.message = buf_str(&g->message),
		.proof = str_at(g->proof, 16),
		.mechanism = STR("DIGEST-MD5")};
}

static void digest_free(struct digest *g)
{
	buf_free(&g->nonce);
	buf_free(&g->message);
}

static uint8_t digest_login(const char *who, const char *password, const char *uri)
{
	struct msg_sasl_prove m;
	struct digest g;
	uint64_t conn = next_conn();
	uint8_t cond;

	ask_nonce(conn, 1, PROTO_FORM_DIGEST_MD5);
	m = digest(&g, conn, who, password, uri);
	cond = verdict_on(&m);
	assert_true(cond ? !got.signature.n : str_eq(buf_str(&got.signature), str_at(g.answer, 16)));
	digest_free(&g);
	return cond;
}

static void digests(void **state)
{
	(void)state;
	assert_int_equal(digest_login("user@x.test", "pencil", "xmpp/x.test"), COND_none);
	assert_true(str_is(buf_str(&got.who), "user@x.test"));
	assert_int_equal(digest_login("user@x.test", "pencil", "xmpp/host.test/X.test"), COND_none);
	assert_int_equal(digest_login("user@x.test", "Pencil", "xmpp/x.test"), SASL_not_authorized);
	assert_int_equal(digest_login("user@x.test", "pencil", "xmpp/y.test"), SASL_not_authorized);
	assert_int_equal(digest_login("user@x.test", "pencil", "smtp/x.test"), SASL_not_authorized);
	assert_int_equal(digest_login("nobody@x.test", "pencil", "xmpp/x.test"), SASL_not_authorized);
	assert_int_equal(digest_login("old@x.test", "pencil", "xmpp/x.test"), SASL_not_authorized);
	assert_int_equal(digest_login("user@modern.test", "pencil", "xmpp/modern.test"), SASL_invalid_mechanism);
	sql("UPDATE account SET disabled = 1");
	assert_int_equal(digest_login("user@x.test", "pencil", "xmpp/x.test"), SASL_account_disabled);
	assert_int_equal(digest_login("user@x.test", "Pencil", "xmpp/x.test"), SASL_not_authorized);
	sql("UPDATE credential SET value = x'00'");
	assert_int_equal(digest_login("user@x.test", "pencil", "xmpp/x.test"), SASL_temporary_auth_failure);
}

static void a_digest_is_of_one_attempt(void **state)
{
	struct msg_sasl_prove m;
	struct digest g;
	unsigned before;

	(void)state;
	ask_nonce(1, 1, PROTO_FORM_DIGEST_MD5);
	m = digest(&g, 1, "user@x.test", "pencil", "xmpp/x.test");
	m.conn = 2;
	assert_int_equal(verdict_on(&m), SASL_not_authorized);
	m.conn = 1;
	m.attempt = 2;
	assert_int_equal(verdict_on(&m), SASL_not_authorized);
	before = got.verdicts;
	m.attempt = 1; /* an earlier one of that connection */
	verify_prove(verify, &m);
	run_all();
	assert_int_equal(got.verdicts, before);
	digest_free(&g);
}

static void bad_workers(void **state)
{
	struct msg_sasl_prove m;
	struct msg_sasl_start s = {.conn = 1, .attempt = 1, .form = 99};
	struct digest g;

	(void)state;
	verify_start(verify, &s);
	assert_int_equal(got.nonce.n, 0);
	s.form = PROTO_FORM_DIGEST_MD5;
	s.who = jid_of("user@x.test"); /* nobody needs to know more than the nonce yet */
	verify_start(verify, &s);
	assert_int_equal(got.nonce.n, 0);
	for (int i = 0; i < 8; i++) {
		uint64_t conn = next_conn();

		ask_nonce(conn, 1, PROTO_FORM_DIGEST_MD5);
		m = digest(&g, conn, "user@x.test", "pencil", "xmpp/x.test");
		m.hash = i == 0 ? HASH_MD5 : 0;
		m.proof = i == 1 ? str_head(m.proof, 15) : m.proof;
		m.message = i == 2 ? STR_NONE : i == 3 ? str_head(m.message, m.message.n - 1) : m.message;
		m.who = i == 4 ? jid_of("x.test") : m.who;
		m.form = i == 5 ? PROTO_FORM_CRAM_MD5 : i == 6 ? PROTO_FORM_ANONYMOUS : m.form;
		m.mechanism = i >= 5 ? STR_NONE : m.mechanism;
		m.message = i == 7 ? STR("\0\0\0") : m.message;
		assert_int_equal(verdict_on(&m), SASL_not_authorized);
		digest_free(&g);
	}
}

static uint8_t cram_login(const char *who, const char *password, const char *format)
{
	struct msg_sasl_prove m = {.conn = next_conn(), .attempt = 1, .form = PROTO_FORM_CRAM_MD5, .who = jid_of(who)};
	struct buf challenge = {0};
	uint8_t proof[16], cond;
	struct str head, tail;

	str_cut(str_of(format), '%', &head, &tail);
	buf_put(&challenge, head);
	buf_put(&challenge, ask_nonce(m.conn, 1, PROTO_FORM_CRAM_MD5));
	buf_put(&challenge, tail);
	hmac_bytes(HASH_MD5, str_of(password), buf_str(&challenge), proof);
	m.message = buf_str(&challenge);
	m.proof = str_at(proof, 16);
	cond = verdict_on(&m);
	buf_free(&challenge);
	return cond;
}

static void crams(void **state)
{
	(void)state;
	assert_int_equal(cram_login("user@x.test", "pencil", "<worker+%.1@x.test>"), COND_none);
	assert_int_equal(got.signature.n, 0);
	assert_int_equal(cram_login("user@x.test", "Pencil", "<worker+%.1@x.test>"), SASL_not_authorized);
	assert_int_equal(cram_login("user@x.test", "pencil", "<worker+%x.1@x.test>"), SASL_not_authorized);
	assert_int_equal(cram_login("user@x.test", "pencil", "<%.1@x.test>"), SASL_not_authorized);
	assert_int_equal(cram_login("user@x.test", "pencil", "<worker+%.1@y.test>"), SASL_not_authorized);
	assert_int_equal(cram_login("user@x.test", "pencil", "<worker+%>"), SASL_not_authorized);
	assert_int_equal(cram_login("user@x.test", "pencil", "<worker+%.1@"), SASL_not_authorized);
	assert_int_equal(cram_login("nobody@x.test", "pencil", "<worker+%.1@x.test>"), SASL_not_authorized);
	assert_int_equal(cram_login("old@x.test", "pencil", "<worker+%.1@x.test>"), SASL_not_authorized);
	assert_int_equal(cram_login("user@modern.test", "pencil", "<worker+%.1@modern.test>"), SASL_invalid_mechanism);
}

static uint8_t nobody(uint8_t form, const char *domain, struct str proof)
{
	struct msg_sasl_prove m = {
		.conn = next_conn(), .attempt = 0, .form = form, .who = jid_of(domain), .proof = proof};

	return verdict_on(&m);
}

static void nobodies(void **state)
{
	struct buf first = {0};
	struct jid who;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(nobody(PROTO_FORM_ANONYMOUS, "x.test", STR_NONE), COND_none);
		assert_int_equal(got.flags, PROTO_FLAG_ANONYMOUS);
		assert_true(jid_split(buf_str(&got.who), &who) && str_is(jid_domain(who), "x.test"));
		assert_true(jid_local(who).n == 32 && str_eq(jid_local(who), jid_resource(who)));
		assert_false(str_eq(buf_str(&first), buf_str(&got.who)));
		buf_put(&first, buf_str(&got.who));
	}
	assert_int_equal(nobody(PROTO_FORM_ANONYMOUS, "user@x.test", STR_NONE), SASL_not_authorized);
	assert_int_equal(nobody(PROTO_FORM_ANONYMOUS, "x.test", STR("x")), SASL_not_authorized);
	assert_int_equal(nobody(PROTO_FORM_ANONYMOUS, "elsewhere.test", STR_NONE), SASL_not_authorized);
	assert_int_equal(nobody(PROTO_FORM_ANONYMOUS, "modern.test", STR_NONE), SASL_invalid_mechanism);
	assert_int_equal(got.flags, 0);
	buf_free(&first);
}

static void shared_secrets(void **state)
{
	const struct str right = STR("121fc022a2397f857211e16e3846838a"),
			 capitals = STR("121FC022A2397F857211E16E3846838A"),
			 other = STR("d41d8cd98f00b204e9800998ecf8427e"); /* of nothing */

	(void)state;
	assert_int_equal(nobody(PROTO_FORM_SHARED_SECRET, "x.test", right), COND_none);
	assert_int_equal(got.flags, PROTO_FLAG_ANONYMOUS);
	assert_int_equal(nobody(PROTO_FORM_SHARED_SECRET, "x.test", capitals), SASL_not_authorized);
	assert_int_equal(nobody(PROTO_FORM_SHARED_SECRET, "x.test", other), SASL_not_authorized);
	assert_int_equal(nobody(PROTO_FORM_SHARED_SECRET, "x.test", str_head(right, 31)), SASL_not_authorized);
	assert_int_equal(nobody(PROTO_FORM_SHARED_SECRET, "none.test", other), SASL_not_authorized);
	assert_int_equal(nobody(PROTO_FORM_SHARED_SECRET, "none.test", right), SASL_not_authorized);
	assert_int_equal(nobody(PROTO_FORM_SHARED_SECRET, "modern.test", right), SASL_invalid_mechanism);
}

static uint32_t wants_of(const char *who)
{
	struct msg_sasl_start m = {.conn = next_conn(), .attempt = 1, .hash = HASH_SHA1, .who = jid_of(who)};

	verify_start(verify, &m);
	run_all();
	assert_true(got.nonce.n > 0);
	return got.wants;
}

/* Of strangers, some look like old accounts and some like new ones, each always the same. */
static void what_is_wanted(void **state)
{
	const uint32_t both = CREDENTIAL_BIT(CREDENTIAL_DIGEST_MD5) | CREDENTIAL_BIT(CREDENTIAL_CRAM_MD5);
	unsigned old = 0;
	char who[32];

	(void)state;
	assert_int_equal(wants_of("user@x.test"), 0);
	assert_int_equal(wants_of("old@x.test"), both);
	sql("DELETE FROM credential WHERE kind = 17");
	assert_int_equal(wants_of("user@x.test"), CREDENTIAL_BIT(CREDENTIAL_CRAM_MD5));
	assert_int_equal(wants_of("user@modern.test"), 0);
	for (unsigned i = 0; i < 100; i++) {
		uint32_t wanted;

		snprintf(who, sizeof who, "nobody%u@x.test", i);
		wanted = wants_of(who);
		assert_true(wanted == 0 || wanted == both);
		assert_int_equal(wants_of(who), wanted);
		old += wanted != 0;
	}
	assert_true(old > 10 && old < 90);
}

#define WITH_STORE(words, function) \
	{ \
		words, function, start, stop, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE("proof: a DIGEST-MD5 digest proves, for our domain's service, and is answered with rspauth",
			digests),
		WITH_STORE("proof: a digest recorded on one connection or attempt is none on another",
			a_digest_is_of_one_attempt),
		WITH_STORE("proof: whatever a bad worker says of a digest is refused", bad_workers),
		WITH_STORE("proof: a CRAM-MD5 digest proves for our own challenge alone", crams),
		WITH_STORE("proof: who is anonymous gets a name that nobody had, and only where that is listed",
			nobodies),
		WITH_STORE("proof: a shared secret is one that is configured, and its digest is lower-case",
			shared_secrets),
		WITH_STORE("proof: what an account lacks is wanted, and of a stranger always the same", what_is_wanted),
	};
	struct buf why = {0};
	int failed;

	try_start();
	uv_loop_init(&loop);
	try_write("gatehouse.conf",
		"domain \"x.test\" {\nmechanisms = {\"PLAIN\", \"DIGEST-MD5\", \"CRAM-MD5\", \"ANONYMOUS\", "
		"\"JIVE-SHAREDSECRET\"}\nshared-secret = \"s3cr3tKy\"\n}\n"
		"domain \"modern.test\" {\nmechanisms = {\"SCRAM-SHA-256\", \"PLAIN\"}\nshared-secret = \"s3cr3tKy\"\n}\n"
		"domain \"none.test\" {\nmechanisms = {\"JIVE-SHAREDSECRET\"}\n}\n");
	conf = conf_load(try_path("gatehouse.conf"), &why);
	if (!conf)
		abort();
	buf_free(&why);
	failed = cmocka_run_group_tests_name("proof", tests, NULL, NULL);
	conf_free(&conf);
	uv_loop_close(&loop);
	buf_free(&got.nonce);
	buf_free(&got.who);
	buf_free(&got.signature);
	try_remove("store.db");
	try_remove("gatehouse.conf");
	try_end();
	return failed;
}

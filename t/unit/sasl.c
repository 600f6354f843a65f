/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The mechanisms as exchanges of bytes, with sm played by the test, which checks proofs by the
 * RFCs' own formulas. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "c2s/derive.h"
#include "c2s/sasl.h"
#include "common/b64.h"
#include <string.h>

static struct msg_sasl_salt salt_of(uint32_t iterations)
{
	return (struct msg_sasl_salt){
		.iterations = iterations, .salt = STR("0123456789abcdef"), .nonce = STR("FROMSM")};
}

static struct msg_sasl_verdict verdict_of(const struct sasl *x, enum cond cond)
{
	return (struct msg_sasl_verdict){.cond = (uint8_t)cond, .who = x->who, .signature = STR("signature")};
}

static enum sasl_step begin(struct sasl *x, const char *text, size_t n)
{
	struct str s = str_at(text, n);
	return sasl_begin(x, &s);
}

/* Runs the first message (with NULs as they are in the array) and expects this step; `why`
 * counts for a refusal. */
#define FIRST(mech, text, step, cond) first(&(mech), text, sizeof(text) - 1, step, cond)

static void first(const struct sasl_mech *mech, const char *text, size_t n, enum sasl_step step, enum cond why)
{
	struct sasl *x = sasl_new(mech, STR("localhost"));
	if (begin(x, text, n) != step || (step == SASL_REFUSE && x->why != why))
		fail_msg("%s: '%s': why %d, wanted %d", mech->name, text, x->why, why);
	sasl_free(&x);
}

static void plain_messages(void **state)
{
	(void)state;
	FIRST(sasl_plain, "\0alice\0secret", SASL_ASK, 0);
	FIRST(sasl_plain, "alice\0alice\0secret", SASL_ASK, 0);
	FIRST(sasl_plain, "alice@localhost\0alice\0secret", SASL_ASK, 0);
	FIRST(sasl_plain, "ALICE@LOCALHOST\0alice\0secret", SASL_ASK, 0);
	FIRST(sasl_plain, "bob@localhost\0alice\0secret", SASL_REFUSE, SASL_invalid_authzid);
	FIRST(sasl_plain, "alice@localhost/x\0alice\0secret", SASL_REFUSE, SASL_invalid_authzid);
	FIRST(sasl_plain, "alice@elsewhere\0alice\0secret", SASL_REFUSE, SASL_invalid_authzid);
	FIRST(sasl_plain, "localhost\0alice\0secret", SASL_REFUSE, SASL_invalid_authzid);
	FIRST(sasl_plain, "", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_plain, "alice", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_plain, "\0alice", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_plain, "\0\0secret", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_plain, "\0alice\0", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_plain, "\0alice\0sec\0ret", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_plain, "\0alice\0secret\0", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_plain, "\0al\xff\0secret", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_plain, "\0alice\0\xed\xa0\x80", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_plain, "\0al ice\0secret", SASL_REFUSE, SASL_not_authorized);
	FIRST(sasl_plain,
		"\0alice\0se\x01"
		"cret",
		SASL_REFUSE, SASL_not_authorized);
}

static void plain_lengths(void **state)
{
	(void)state;
	for (size_t n = 254; n <= 257; n++) {
		struct buf b = {0};
		struct sasl *x = sasl_new(&sasl_plain, STR("localhost"));
		buf_add(&b, "\0alice\0", 7);
		for (size_t i = 0; i < n; i++)
			buf_putc(&b, 'x');
		assert_int_equal(begin(x, b.p, b.n), n <= 255 ? SASL_ASK : SASL_REFUSE);
		sasl_free(&x);
		buf_free(&b);
	}
}

/* RFC 5802's example: user, pencil, this salt, 4096 rounds. The ClientKey is ClientProof XOR
 * ClientSignature of it. */
static void client_key(void **state)
{
	static const uint8_t wanted[] = {0xe2, 0x34, 0xc4, 0x7b, 0xf6, 0xc3, 0x66, 0x96, 0xdd, 0x6d, 0x85, 0x2b, 0x99,
		0xaa, 0xa2, 0xba, 0x26, 0x55, 0x57, 0x28};
	struct buf salt = {0};
	uint8_t key[HASH_MAX];
	(void)state;
	assert_true(b64_decode(&salt, STR("QSXCR+Q6sek8bf92")));
	struct sasl_work work = {
		.hash = HASH_SHA1, .password = STR("pencil"), .salt = buf_str(&salt), .iterations = 4096};
	derive_client_key(&work, key);
	assert_memory_equal(key, wanted, sizeof wanted);
	buf_free(&salt);
}

static void plain_asks(void **state)
{
	struct sasl *x = sasl_new(&sasl_plain, STR("localhost"));
	struct msg_sasl_salt salt = salt_of(7);
	struct msg_sasl_verdict verdict;
	(void)state;
	assert_int_equal(begin(x, "\0Alice\0secret", 13), SASL_ASK);
	assert_int_equal(x->ask.code, MSG_sasl_start);
	assert_true(str_is(x->who.text, "alice@localhost"));
	assert_int_equal(sasl_salt(x, &salt), SASL_DERIVE);
	assert_true(str_is(x->work.password, "secret") && x->work.iterations == 7 && str_eq(x->work.salt, salt.salt));
	assert_int_equal(sasl_key(x, STR("the twenty bytes key")), SASL_ASK);
	assert_int_equal(x->ask.code, MSG_sasl_prove);
	assert_int_equal(x->ask.form, PROTO_FORM_CLIENT_KEY);
	assert_true(str_is(x->ask.proof, "the twenty bytes key") && !x->ask.message.n);
	verdict = verdict_of(x, COND_none);
	assert_int_equal(sasl_verdict(x, &verdict), SASL_ACCEPT);
	sasl_free(&x);
}

/* U+2163 is itself by OpaqueString, "IV" by SASLprep. */
static void plain_older_form(void **state)
{
	struct sasl *x = sasl_new(&sasl_plain, STR("localhost"));
	struct msg_sasl_salt salt = salt_of(1);
	struct msg_sasl_verdict no;
	(void)state;
	assert_int_equal(begin(x, "\0alice\0x\xe2\x85\xa3", 11), SASL_ASK);
	assert_int_equal(sasl_salt(x, &salt), SASL_DERIVE);
	assert_true(str_is(x->work.password, "x\xe2\x85\xa3"));
	assert_int_equal(sasl_key(x, STR("the twenty bytes key")), SASL_ASK);
	no = verdict_of(x, SASL_not_authorized);
	assert_int_equal(sasl_verdict(x, &no), SASL_DERIVE);
	assert_true(str_is(x->work.password, "xIV"));
	assert_int_equal(sasl_key(x, STR("the twenty bytes key")), SASL_ASK);
	assert_int_equal(sasl_verdict(x, &no), SASL_REFUSE);
	assert_int_equal(x->why, SASL_not_authorized);
	sasl_free(&x);
}

static void plain_no_second_try(void **state)
{
	struct sasl *x = sasl_new(&sasl_plain, STR("localhost"));
	struct msg_sasl_salt salt = salt_of(1);
	struct msg_sasl_verdict no;
	(void)state;
	assert_int_equal(begin(x, "\0alice\0x\xe2\x85\xa3", 11), SASL_ASK);
	assert_int_equal(sasl_salt(x, &salt), SASL_DERIVE);
	assert_int_equal(sasl_key(x, STR("the twenty bytes key")), SASL_ASK);
	no = verdict_of(x, SASL_account_disabled);
	assert_int_equal(sasl_verdict(x, &no), SASL_REFUSE);
	assert_int_equal(x->why, SASL_account_disabled);
	sasl_free(&x);
}

static void asked_first(void **state)
{
	struct sasl *x = sasl_new(&sasl_plain, STR("localhost"));
	(void)state;
	assert_int_equal(sasl_begin(x, NULL), SASL_SAY);
	assert_int_equal(x->say.n, 0);
	assert_int_equal(sasl_answer(x, str_at("\0alice\0secret", 13)), SASL_ASK);
	assert_int_equal(sasl_answer(x, STR("more")), SASL_REFUSE);
	sasl_free(&x);
}

/* A channel as a test wants it: tls-exporter's data are one byte, tls-server-end-point's another. */
static bool data_of(const void *of, enum tls_binding b, struct buf *out)
{
	if (of) /* the library fails */
		return false;
	buf_puts(out, b == TLS_exporter ? "E" : "P");
	return true;
}

#define BIT(name) (1U << TLS_##name)

static void give_channel(struct sasl *x)
{
	x->channel = (struct sasl_channel){
		.bindings = BIT(exporter) | BIT(server_end_point), .plus = true, .tls = 0x0304, .data = data_of};
}

static void bound(const struct sasl_mech *mech, const char *text, enum sasl_step step, enum cond why)
{
	struct sasl *x = sasl_new(mech, STR("localhost"));
	give_channel(x);
	if (begin(x, text, strlen(text)) != step || (step == SASL_REFUSE && x->why != why))
		fail_msg("%s: '%s': why %d, wanted %d", mech->name, text, x->why, why);
	assert_int_equal(x->misfit, why == SASL_not_authorized);
	sasl_free(&x);
}

/* RFC 5802 6, where channel binding is offered, and where it is not. */
static void the_flag(void **state)
{
	static const char bad[][40] = {"p=,,n=a,r=b", "p,,n=a,r=b", "p=tls_exporter,,n=a,r=b", "p=a b,,n=a,r=b",
		"P=tls-exporter,,n=a,r=b", "p=tls-exporter,n=a,r=b", "p=tls-exporter"};
	(void)state;
	bound(&sasl_scram_sha1_plus, "p=tls-exporter,,n=alice,r=abc", SASL_ASK, 0);
	bound(&sasl_scram_sha512_plus, "p=tls-server-end-point,,n=alice,r=abc", SASL_ASK, 0);
	bound(&sasl_scram_sha256_plus, "p=tls-exporter,a=alice,n=alice,r=abc", SASL_ASK, 0);
	bound(&sasl_scram_sha256_plus, "p=tls-unique,,n=alice,r=abc", SASL_REFUSE, SASL_not_authorized);
	bound(&sasl_scram_sha256_plus, "p=TLS-EXPORTER,,n=alice,r=abc", SASL_REFUSE, SASL_not_authorized);
	bound(&sasl_scram_sha256_plus, "p=nonsense,,n=alice,r=abc", SASL_REFUSE, SASL_not_authorized);
	bound(&sasl_scram_sha256_plus, "n,,n=alice,r=abc", SASL_REFUSE, SASL_not_authorized);
	bound(&sasl_scram_sha256_plus, "y,,n=alice,r=abc", SASL_REFUSE, SASL_not_authorized);
	bound(&sasl_scram_sha256, "n,,n=alice,r=abc", SASL_ASK, 0);
	bound(&sasl_scram_sha256, "y,,n=alice,r=abc", SASL_REFUSE, SASL_not_authorized);
	bound(&sasl_scram_sha256, "p=tls-exporter,,n=alice,r=abc", SASL_REFUSE, SASL_not_authorized);
	for (size_t i = 0; i < COUNT(bad); i++) {
		bound(&sasl_scram_sha256_plus, bad[i], SASL_REFUSE, SASL_malformed_request);
		bound(&sasl_scram_sha256, bad[i], SASL_REFUSE, SASL_malformed_request);
	}
	FIRST(sasl_scram_sha256, "y,,n=alice,r=abc", SASL_ASK, 0);
	FIRST(sasl_scram_sha256, "p=tls-exporter,,n=alice,r=abc", SASL_REFUSE, SASL_not_authorized);
	FIRST(sasl_scram_sha256_plus, "p=tls-exporter,,n=alice,r=abc", SASL_REFUSE, SASL_not_authorized);
}

static void scram_first_messages(void **state)
{
	(void)state;
	FIRST(sasl_scram_sha256, "n,,n=alice,r=abc", SASL_ASK, 0);
	FIRST(sasl_scram_sha1, "y,,n=alice,r=abc,x=ignored", SASL_ASK, 0);
	FIRST(sasl_scram_sha256, "n,a=alice,n=alice,r=abc", SASL_ASK, 0);
	FIRST(sasl_scram_sha256, "n,a=alice@localhost,n=alice,r=abc", SASL_ASK, 0);
	FIRST(sasl_scram_sha256, "n,a=bob,n=alice,r=abc", SASL_REFUSE, SASL_invalid_authzid);
	FIRST(sasl_scram_sha256, "n,a=,n=alice,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,a=alice,n=alice,r=abc,", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,alice,n=alice,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "nn,,n=alice,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n=x,,n=alice,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "N,,n=alice,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=alice,r=abc,m=x", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=alice,r=abc,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=alice,r=abc,n=bob", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=alice,r=abc,x", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=alice,r=abc,x=", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=alice,r=abc,xy=z", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=alice,r=abc,=z", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,m=x,n=alice,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=alice", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=alice,r=", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=alice,r=a c", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=a=ce,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=a=2,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=a=2cb,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=a=2Cb,r=abc", SASL_ASK, 0);
	FIRST(sasl_scram_sha256, "n,,r=abc,n=alice", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, ",,n=alice,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=al\0ice,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=al\xff,r=abc", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "", SASL_REFUSE, SASL_malformed_request);
	FIRST(sasl_scram_sha256, "n,,n=al@ice,r=abc", SASL_REFUSE, SASL_not_authorized);
}

/* A client's final message with `proof` in base64; r= from what the server said. */
static struct buf final_message(const struct sasl *x, const char *binding, const char *more, const char *proof)
{
	struct buf b = {0};
	struct str nonce, rest;
	str_cut(str_skip(buf_str(&x->say), 2), ',', &nonce, &rest);
	buf_printf(&b, "c=%s,r=%.*s%s,p=%s", binding, STR_ARG(nonce), more, proof);
	return b;
}

/* `offer` and `tls`: of the channel; NULL and 0: nothing is said of them. */
static struct sasl *challenged_over(const struct sasl_mech *mech, const struct buf *offer, uint16_t tls)
{
	struct sasl *x = sasl_new(mech, STR("localhost"));
	struct msg_sasl_salt salt = salt_of(4096);
	if (offer)
		buf_put(&x->channel.offer, buf_str(offer));
	x->channel.tls = tls;
	assert_int_equal(begin(x, "n,,n=alice,r=abc", 16), SASL_ASK);
	assert_int_equal(x->ask.hash, mech->hash);
	assert_int_equal(sasl_salt(x, &salt), SASL_SAY);
	return x;
}

static struct sasl *challenged(const struct sasl_mech *mech)
{
	return challenged_over(mech, NULL, 0);
}

#define PROOF1 "AAAAAAAAAAAAAAAAAAAAAAAAAAA="                   /* 20 bytes */
#define PROOF256 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" /* 32 bytes */

static void scram_asks(void **state)
{
	struct sasl *x = challenged(&sasl_scram_sha256);
	struct msg_sasl_verdict yes;
	struct buf say = {0}, wanted = {0}, final;
	(void)state;
	buf_put(&say, buf_str(&x->say));
	assert_true(str_starts(buf_str(&say), STR("r=abc")));
	assert_non_null(strstr(buf_cstr(&say), "FROMSM,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096"));
	assert_int_equal(say.n, 2 + 3 + 24 + 6 + strlen(",s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096"));
	final = final_message(x, "biws", ",x=y", PROOF256);
	assert_int_equal(sasl_answer(x, buf_str(&final)), SASL_ASK);
	buf_puts(&wanted, "n=alice,r=abc,");
	buf_put(&wanted, buf_str(&say));
	buf_putc(&wanted, ',');
	buf_put(&wanted, str_head(buf_str(&final), final.n - strlen(",p=" PROOF256)));
	assert_true(str_eq(x->ask.message, buf_str(&wanted)));
	assert_int_equal(x->ask.proof.n, 32);
	assert_int_equal(x->ask.form, PROTO_FORM_SCRAM);
	yes = verdict_of(x, COND_none);
	assert_int_equal(sasl_verdict(x, &yes), SASL_ACCEPT);
	assert_true(str_is(buf_str(&x->say), "v=c2lnbmF0dXJl"));
	buf_free(&say);
	buf_free(&wanted);
	buf_free(&final);
	sasl_free(&x);
}

static void last(const struct sasl_mech *mech, const char *binding, const char *more, const char *proof, enum cond why)
{
	struct sasl *x = challenged(mech);
	struct buf final = final_message(x, binding, more, proof);
	enum sasl_step step = sasl_answer(x, buf_str(&final));
	if (step != (why ? SASL_REFUSE : SASL_ASK) || (why && x->why != why))
		fail_msg("%s: c=%s %s p=%s: %d, wanted %d", mech->name, binding, more, proof, x->why, why);
	buf_free(&final);
	sasl_free(&x);
}

static void scram_final_messages(void **state)
{
	(void)state;
	last(&sasl_scram_sha256, "biws", "", PROOF256, COND_none);
	last(&sasl_scram_sha1, "biws", "", PROOF1, COND_none);
	last(&sasl_scram_sha1, "biws", "", PROOF256, SASL_malformed_request);
	last(&sasl_scram_sha256, "biws", "", PROOF1, SASL_malformed_request);
	last(&sasl_scram_sha256, "eSws", "", PROOF256, SASL_not_authorized);
	last(&sasl_scram_sha256, "biws=", "", PROOF256, SASL_not_authorized);
	last(&sasl_scram_sha256, "", "", PROOF256, SASL_malformed_request);
	last(&sasl_scram_sha256, "biwt", "", PROOF256, SASL_not_authorized);
	last(&sasl_scram_sha256, "biwsAA==", "", PROOF256, SASL_not_authorized);
	last(&sasl_scram_sha256, "biwsAB==", "", PROOF256, SASL_not_authorized); /* bits behind its end */
	last(&sasl_scram_sha256, "biws", ",c=biws", PROOF256, SASL_malformed_request);
	last(&sasl_scram_sha256, "biws", ",p=" PROOF256, PROOF256, SASL_malformed_request);
	last(&sasl_scram_sha256, "biws", "x", PROOF256, SASL_not_authorized);
	last(&sasl_scram_sha256, "biws", ",m=x", PROOF256, SASL_malformed_request);
	last(&sasl_scram_sha256, "biws", ",", PROOF256, SASL_malformed_request);
	last(&sasl_scram_sha256, "biws", "", PROOF256 ",", SASL_malformed_request);
	last(&sasl_scram_sha256, "biws", "", "", SASL_malformed_request);
	last(&sasl_scram_sha256, "biws", "", "AAA", SASL_malformed_request);
	last(&sasl_scram_sha256, "biws,r=abc", "", PROOF256, SASL_malformed_request);
}

/* c= of a client that was bound by `header`: its base64 of header and data. */
static enum sasl_step bind_with(const char *header, const char *input, const void *of)
{
	struct sasl *x = sasl_new(&sasl_scram_sha256_plus, STR("localhost"));
	struct msg_sasl_salt salt = salt_of(4096);
	struct buf text = {0}, encoded = {0}, final;
	enum sasl_step step;
	give_channel(x);
	x->channel.of = of;
	buf_printf(&text, "%sn=alice,r=abc", header);
	assert_int_equal(sasl_begin(x, &(struct str){text.p, text.n}), SASL_ASK);
	assert_int_equal(sasl_salt(x, &salt), SASL_SAY);
	b64_encode(&encoded, str_of(input));
	final = final_message(x, buf_cstr(&encoded), "", PROOF256);
	step = sasl_answer(x, buf_str(&final));
	assert_true(step == SASL_ASK || (step == SASL_REFUSE && x->why == SASL_not_authorized));
	sasl_free(&x);
	buf_free(&text);
	buf_free(&encoded);
	buf_free(&final);
	return step;
}

static void the_binding(void **state)
{
#define EXPORTER "p=tls-exporter,,"
#define END_POINT "p=tls-server-end-point,,"
	(void)state;
	assert_int_equal(bind_with(EXPORTER, EXPORTER "E", NULL), SASL_ASK);
	assert_int_equal(bind_with(END_POINT, END_POINT "P", NULL), SASL_ASK);
	assert_int_equal(bind_with(EXPORTER, EXPORTER "P", NULL), SASL_REFUSE);
	assert_int_equal(bind_with(EXPORTER, EXPORTER, NULL), SASL_REFUSE);
	assert_int_equal(bind_with(EXPORTER, EXPORTER "EE", NULL), SASL_REFUSE);
	assert_int_equal(bind_with(EXPORTER, END_POINT "P", NULL), SASL_REFUSE);
	assert_int_equal(bind_with(EXPORTER, "p=tls-exporter,a=alice,E", NULL), SASL_REFUSE);
	assert_int_equal(bind_with(EXPORTER, "n,,", NULL), SASL_REFUSE);
	assert_int_equal(bind_with(EXPORTER, EXPORTER "E", ""), SASL_REFUSE); /* TLS gives no data */
	assert_int_equal(bind_with(EXPORTER, EXPORTER, ""), SASL_REFUSE);
}

/* XEP-0474's example, and the lists without bindings. */
static void what_was_offered(void **state)
{
	struct str names[] = {STR("SCRAM-SHA-1-PLUS"), STR("SCRAM-SHA-1")};
	struct str odd[] = {STR("b"), STR("A"), STR("AA"), STR("a")};
	struct buf out = {0};
	(void)state;
	ssdp_write(&out, names, 2, BIT(exporter) | BIT(server_end_point));
	assert_string_equal(buf_cstr(&out),
		"SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1f"
		"tls-exporter\x1etls-server-end-point");
	struct sasl *x = challenged_over(&sasl_scram_sha1, &out, 0x0304);
	assert_non_null(strstr(buf_cstr(&x->say), ",i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=,t=0304"));
	sasl_free(&x);
	buf_clear(&out);
	ssdp_write(&out, odd, 4, 0);
	assert_string_equal(buf_cstr(&out),
		"A\x1e"
		"AA\x1e"
		"a\x1e"
		"b");
	x = challenged_over(&sasl_scram_sha256, &out, 0);
	assert_non_null(strstr(buf_cstr(&x->say), ",i=4096,h="));
	assert_null(strstr(buf_cstr(&x->say), ",t="));
	sasl_free(&x);
	buf_free(&out);
}

/* What comes back to the client, and to sm, is bounded by us. */
static void long_messages(void **state)
{
	(void)state;
	for (size_t n = 1023; n <= 1026; n++) {
		struct sasl *x = sasl_new(&sasl_scram_sha256, STR("localhost"));
		struct buf b = {0};
		buf_puts(&b, "n,,n=alice,r=");
		for (size_t i = 0; i < n; i++)
			buf_putc(&b, 'r');
		assert_int_equal(begin(x, b.p, b.n), n <= 1024 ? SASL_ASK : SASL_REFUSE);
		sasl_free(&x);
		buf_free(&b);
	}
	for (size_t n = 4095; n <= 4098; n++) {
		struct sasl *x = sasl_new(&sasl_scram_sha256, STR("localhost"));
		struct buf b = {0};
		buf_puts(&b, "n,,n=alice,r=abc,x=");
		while (b.n < n)
			buf_putc(&b, 'x');
		assert_int_equal(begin(x, b.p, b.n), n <= 4096 ? SASL_ASK : SASL_REFUSE);
		sasl_free(&x);
		buf_free(&b);
	}
}

/* --- EXTERNAL ---------------------------------------------------------------------------------- */

static const char *const *certificate; /* its addresses, NULL ends them */

static struct str address_of(const void *of, size_t i)
{
	(void)of;
	for (size_t k = 0; k < i; k++) {
		if (!certificate[k])
			return STR_NONE;
	}
	return str_of(certificate[i]);
}

/* What comes of this authzid; the account that is vouched for to `who`. */
static enum cond external(const char *const *addresses, const char *authzid, struct buf *who)
{
	struct sasl *x = sasl_new(&sasl_external, STR("localhost"));
	struct msg_sasl_salt salt = {.nonce = STR("NONCE")};
	struct msg_sasl_verdict yes;
	enum cond why = COND_none;
	certificate = addresses;
	if (addresses)
		x->channel.address = address_of;
	buf_clear(who);
	if (begin(x, authzid, strlen(authzid)) == SASL_REFUSE) {
		why = x->why;
	} else {
		assert_int_equal(x->ask.code, MSG_sasl_start);
		assert_int_equal(x->ask.form, PROTO_FORM_EXTERNAL);
		assert_int_equal(x->who.text.n, 0); /* sm tells nothing of an account here */
		assert_int_equal(sasl_salt(x, &salt), SASL_ASK);
		assert_int_equal(x->ask.code, MSG_sasl_prove);
		assert_int_equal(x->ask.form, PROTO_FORM_EXTERNAL);
		assert_int_equal(x->ask.proof.n + x->ask.message.n, 0);
		buf_put(who, x->who.text);
		yes = verdict_of(x, COND_none);
		assert_int_equal(sasl_verdict(x, &yes), SASL_ACCEPT);
	}
	sasl_free(&x);
	return why;
}

static void external_accounts(void **state)
{
	static const char *const none[] = {NULL}, *const one[] = {"Alice@LOCALHOST", NULL},
				 *const elsewhere[] = {"alice@example.test", "localhost", "alice@localhost/x", "@@",
					 NULL},
				 *const mixed[] = {"alice@example.test", "alice@localhost", "alice@localhost", NULL},
				 *const two[] = {"alice@localhost", "bob@localhost", NULL};
	static const struct {
		const char *const *certificate;
		const char *authzid, *who;
		enum cond why;
	} rows[] = {
		{one, "", "alice@localhost", 0},
		{one, "alice@localhost", "alice@localhost", 0},
		{one, "ALICE", "alice@localhost", 0},
		{one, "bob@localhost", "", SASL_invalid_authzid},
		{one, "alice@localhost/x", "", SASL_invalid_authzid},
		{one, "alice@example.test", "", SASL_invalid_authzid},
		{one, "\xff", "", SASL_malformed_request},
		{mixed, "", "alice@localhost", 0},
		{mixed, "alice@example.test", "", SASL_invalid_authzid},
		{two, "", "", SASL_invalid_authzid},
		{two, "alice@localhost", "alice@localhost", 0},
		{two, "bob@localhost", "bob@localhost", 0},
		{two, "carol@localhost", "", SASL_invalid_authzid},
		{elsewhere, "", "", SASL_not_authorized},
		{elsewhere, "alice@localhost", "", SASL_not_authorized},
		{none, "", "", SASL_not_authorized},
		{none, "alice@localhost", "", SASL_not_authorized},
		{NULL, "", "", SASL_not_authorized},
		{NULL, "alice@localhost", "", SASL_not_authorized},
	};
	struct buf who = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum cond why = external(rows[i].certificate, rows[i].authzid, &who);
		if (why != rows[i].why || !str_is(buf_str(&who), rows[i].who))
			fail_msg("row %zu: %d, '%s'", i, why, buf_cstr(&who));
	}
	buf_free(&who);
}

static void store_down(void **state)
{
	struct msg_sasl_salt none = {0};
	struct msg_sasl_salt bad = salt_of(1);
	(void)state;
	bad.nonce = STR("with, comma");
	for (size_t i = 0; sasl_list[i]; i++) {
		if (!sasl_list[i]->client_first || !sasl_list[i]->salt)
			continue;
		struct sasl *x = sasl_new(sasl_list[i], STR("localhost"));
		if (sasl_list[i] == &sasl_external) { /* asks for nothing that it needs */
			sasl_free(&x);
			continue;
		}
		give_channel(x);
		assert_int_equal(sasl_list[i] == &sasl_plain          ? begin(x, "\0a\0b", 4)
				: x->mech->needs & SASL_NEEDS_BINDING ? begin(x, "p=tls-exporter,,n=a,r=b", 23)
								      : begin(x, "n,,n=a,r=b", 10),
			SASL_ASK);
		if (sasl_list[i] != &sasl_plain) {
			assert_int_equal(sasl_salt(x, &bad), SASL_REFUSE);
			assert_int_equal(x->why, SASL_temporary_auth_failure);
		}
		assert_int_equal(sasl_salt(x, &none), SASL_REFUSE);
		assert_int_equal(x->why, SASL_temporary_auth_failure);
		sasl_free(&x);
	}
}

static void no_thread(void **state)
{
	struct sasl *x = sasl_new(&sasl_plain, STR("localhost"));
	struct msg_sasl_salt salt = salt_of(1);
	(void)state;
	assert_int_equal(begin(x, "\0a\0b", 4), SASL_ASK);
	assert_int_equal(sasl_salt(x, &salt), SASL_DERIVE);
	assert_int_equal(sasl_key(x, STR_NONE), SASL_REFUSE);
	assert_int_equal(x->why, SASL_temporary_auth_failure);
	sasl_free(&x);
}

static void odd_verdict(void **state)
{
	struct sasl *x = challenged(&sasl_scram_sha1);
	struct msg_sasl_verdict odd = verdict_of(x, STANZA_conflict);
	(void)state;
	assert_int_equal(sasl_verdict(x, &odd), SASL_REFUSE);
	assert_int_equal(x->why, SASL_temporary_auth_failure);
	sasl_free(&x);
}

static void fresh_nonces(void **state)
{
	struct sasl *x = challenged(&sasl_scram_sha1), *y = challenged(&sasl_scram_sha1);
	(void)state;
	assert_false(str_eq(buf_str(&x->say), buf_str(&y->say)));
	sasl_free(&x);
	sasl_free(&y);
}

static void names(void **state)
{
	(void)state;
	assert_ptr_equal(sasl_find(STR("PLAIN")), &sasl_plain);
	assert_null(sasl_find(STR("plain")));
	assert_ptr_equal(sasl_find(STR("SCRAM-SHA-256-PLUS")), &sasl_scram_sha256_plus);
	assert_null(sasl_find(STR("SCRAM-SHA-384")));
	assert_null(sasl_find(STR_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"sasl: a mechanism is found by its exact name", names, NULL, NULL, NULL},
		{"sasl: PLAIN takes exactly three fields, and an authzid of the same account only", plain_messages,
			NULL, NULL, NULL},
		{"sasl: PLAIN's fields have at most 255 bytes", plain_lengths, NULL, NULL, NULL},
		{"sasl: PLAIN proves the ClientKey of a password and never sends that", plain_asks, NULL, NULL, NULL},
		{"sasl: the ClientKey is that of RFC 5802's example", client_key, NULL, NULL, NULL},
		{"sasl: PLAIN tries an older client's form of the password second", plain_older_form, NULL, NULL, NULL},
		{"sasl: PLAIN tries no second form for an account that is disabled", plain_no_second_try, NULL, NULL,
			NULL},
		{"sasl: without an initial response an empty challenge asks for it", asked_first, NULL, NULL, NULL},
		{"sasl: SCRAM takes n, y and p as what the client knows of channel binding, and refuses what cannot be",
			the_flag, NULL, NULL, NULL},
		{"sasl: SCRAM-PLUS takes the data of this connection's channel only", the_binding, NULL, NULL, NULL},
		{"sasl: SCRAM says what was offered: XEP-0474's example, and the version of TLS", what_was_offered,
			NULL, NULL, NULL},
		{"sasl: EXTERNAL is for the one account that the certificate names here, or the one that is chosen of them",
			external_accounts, NULL, NULL, NULL},
		{"sasl: SCRAM's messages and nonces have ceilings", long_messages, NULL, NULL, NULL},
		{"sasl: SCRAM's first message is read strictly", scram_first_messages, NULL, NULL, NULL},
		{"sasl: SCRAM asks with the AuthMessage and answers with the signature", scram_asks, NULL, NULL, NULL},
		{"sasl: SCRAM's final message is read strictly: binding, nonce, extensions, proof",
			scram_final_messages, NULL, NULL, NULL},
		{"sasl: a store that cannot be read is a temporary failure, as is a nonce from sm that cannot be one",
			store_down, NULL, NULL, NULL},
		{"sasl: a password that finds no thread is a temporary failure", no_thread, NULL, NULL, NULL},
		{"sasl: a verdict that is no SASL condition is a temporary failure", odd_verdict, NULL, NULL, NULL},
		{"sasl: the server's nonce is new each time", fresh_nonces, NULL, NULL, NULL},
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

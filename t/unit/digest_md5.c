/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What DIGEST-MD5 computes, and what is kept for it. */
#include "common/digest_md5.h"

#include "common/credential.h"
#include "common/hex.h"
#include "common/latin1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_hex(const void *bytes, size_t n, const char *wanted)
{
	struct buf hex = {0};

	hex_put(&hex, str_at(bytes, n));
	assert_string_equal(buf_cstr(&hex), wanted);
	buf_free(&hex);
}

static void example(void **state)
{
	const struct digest_md5 d = {.nonce = STR("OA6MG9tEQGm2hh"),
		.cnonce = STR("OA6MHXh6VqTrRk"),
		.uri = STR("imap/elwood.innosoft.com")};
	uint8_t secret[16], out[16];

	(void)state;
	digest_md5_secret(STR("chris"), STR("elwood.innosoft.com"), STR("secret"), secret);
	digest_md5_answer(secret, &d, false, out);
	assert_hex(out, 16, "d388dad90d4bbd760a152321f2143af7");
	digest_md5_answer(secret, &d, true, out);
	assert_hex(out, 16, "ea40f60335c427b5527b84dbabcdfffd");
}

/* By hand: printf 'A1' | md5sum, and so on. */
static void authzid(void **state)
{
	struct digest_md5 d = {.nonce = STR("n"), .cnonce = STR("c"), .uri = STR("xmpp/x"), .authzid = STR("z")};
	struct buf a1 = {0}, all = {0};
	uint8_t secret[16], out[16], hash[16];

	(void)state;
	digest_md5_secret(STR("u"), STR("x"), STR("p"), secret);
	digest_md5_answer(secret, &d, false, out);
	buf_add(&a1, secret, 16);
	buf_puts(&a1, ":n:c:z");
	hash_bytes(HASH_MD5, buf_str(&a1), hash);
	hex_put(&all, str_at(hash, 16));
	buf_puts(&all, ":n:00000001:c:auth:");
	hash_bytes(HASH_MD5, STR("AUTHENTICATE:xmpp/x"), hash);
	hex_put(&all, str_at(hash, 16));
	hash_bytes(HASH_MD5, buf_str(&all), hash);
	assert_memory_equal(out, hash, 16);
	d.authzid = STR_NONE;
	digest_md5_answer(secret, &d, false, out);
	assert_memory_not_equal(out, hash, 16);
	buf_free(&a1);
	buf_free(&all);
}

static void digits(void **state)
{
	uint8_t out[2];

	(void)state;
	assert_true(hex_take(STR("00ff"), out, 2) && out[0] == 0 && out[1] == 255);
	assert_false(hex_take(STR("00FF"), out, 2));
	assert_false(hex_take(STR("00f"), out, 2));
	assert_false(hex_take(STR("00fff"), out, 2));
	assert_false(hex_take(STR("00g0"), out, 2));
	assert_false(hex_take(str_at("00\0f", 4), out, 2));
}

static void character_sets(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_true(latin1_from_utf8(&b, STR("a\xc2\x80\xc3\xbf")));
	assert_true(str_is(buf_str(&b), "a\x80\xff"));
	assert_false(latin1_from_utf8(&b, STR("x\xc4\x80"))); /* U+0100 */
	assert_false(latin1_from_utf8(&b, STR("x\xe2\x82\xac")));
	assert_false(latin1_from_utf8(&b, STR("x\xff")));
	assert_false(latin1_from_utf8(&b, STR("x\xc3")));
	assert_int_equal(b.n, 3); /* as before */
	buf_clear(&b);
	latin1_to_utf8(&b, STR("a\x80\xff"));
	assert_true(str_is(buf_str(&b), "a\xc2\x80\xc3\xbf"));
	buf_free(&b);
}

/* The one credential that is made of a password. */
static struct credential made(enum credential_kind kind, const char *account, const char *password)
{
	static struct buf list;
	struct credential_rules rules = {.kinds = CREDENTIAL_BIT(kind)};
	struct credential c;
	struct str rest;

	buf_clear(&list);
	credential_make(&list, &rules, str_of(account), str_of(password));
	assert_true(credential_list_ok(buf_str(&list), rules.kinds));
	rest = buf_str(&list);
	assert_true(credential_next(&rest, &c) && rest.n == 0 && c.kind == kind);
	return c;
}

static void both_character_sets_are_kept(void **state)
{
	struct credential c = made(CREDENTIAL_DIGEST_MD5, "chris@elwood.innosoft.com", "secret");
	uint8_t secret[16];

	(void)state;
	digest_md5_secret(STR("chris"), STR("elwood.innosoft.com"), STR("secret"), secret);
	assert_true(str_eq(c.value, str_at(secret, 16)));
	c = made(CREDENTIAL_DIGEST_MD5, "j\xc3\xbcrgen@x", "p\xc3\xa4ss");
	assert_int_equal(c.value.n, 32);
	digest_md5_secret(STR("j\xc3\xbcrgen"), STR("x"), STR("p\xc3\xa4ss"), secret);
	assert_memory_equal(c.value.p, secret, 16);
	digest_md5_secret(STR("j\xfcrgen"), STR("x"), STR("p\xe4ss"), secret);
	assert_memory_equal(c.value.p + 16, secret, 16);
	/* each by itself (RFC 2831 2.1.2.1) */
	c = made(CREDENTIAL_DIGEST_MD5, "j\xc3\xbcrgen@x", "\xe2\x82\xac");
	digest_md5_secret(STR("j\xfcrgen"), STR("x"), STR("\xe2\x82\xac"), secret);
	assert_memory_equal(c.value.p + 16, secret, 16);
	assert_int_equal(made(CREDENTIAL_DIGEST_MD5, "u@x", "\xe2\x82\xac").value.n, 16);
}

static void cram_keeps_no_password(void **state)
{
	struct credential c = made(CREDENTIAL_CRAM_MD5, "tim@x", "tanstaaftanstaaf");
	uint8_t out[16];

	(void)state;
	hmac_md5_resume((const uint8_t *)c.value.p, STR("<1896.697170952@postoffice.reston.mci.net>"), out);
	assert_hex(out, 16, "b913a602c7eda7a495b4e6e7334d3890");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"digest_md5: RFC 2831 4's example has its digests", example, NULL, NULL, NULL},
		{"digest_md5: an authzid is part of what is hashed", authzid, NULL, NULL, NULL},
		{"hex: digits are lower-case and as many as wanted", digits, NULL, NULL, NULL},
		{"latin1: characters come and go, none but its own", character_sets, NULL, NULL, NULL},
		{"credential: for DIGEST-MD5 both character sets are kept where they differ",
			both_character_sets_are_kept, NULL, NULL, NULL},
		{"credential: for CRAM-MD5 the keyed states are kept, and serve", cram_keeps_no_password, NULL, NULL,
			NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

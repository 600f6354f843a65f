/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The XMPP addresses in a certificate: which are found, and what is none. */
#include "t/lib/c2s_certs.h"
#include "c2s/cert_names.h"
#include "c2s/der.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* `wanted`: the names, with blanks between; "": none. */
static void expect_names(const char *cn, const char *alt, const char *wanted)
{
	struct cert c = cert_make(NULL, cn, false, alt, NULL, 1);
	struct str names[CERT_NAMES_MOST];
	struct buf der = {0}, got = {0};
	size_t n;

	cert_der(&c, &der);
	n = cert_names(buf_str(&der), names);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(&got, ' ');
		buf_put(&got, names[i]);
	}
	assert_string_equal(buf_cstr(&got), wanted);
	buf_free(&der);
	buf_free(&got);
	cert_end(&c);
}

static void addresses(void **state)
{
	(void)state;
	expect_names("alice", ADDRESS("alice@localhost"), "alice@localhost");
	expect_names("x", "DNS:localhost,email:a@b.c,URI:xmpp:u@v,IP:127.0.0.1," ADDRESS("alice@localhost"),
		"alice@localhost");
	expect_names("x", ADDRESS("a@x") "," ADDRESS("b@y") ",DNS:z," ADDRESS("c@z"), "a@x b@y c@z");
}

static void no_addresses(void **state)
{
	(void)state;
	expect_names("alice@localhost", NULL, "");
	expect_names("alice@localhost", "DNS:alice@localhost,email:alice@localhost", "");
	expect_names("x/CN=alice@localhost", "URI:xmpp:alice@localhost", "");
	/* other kinds of names, and an address that is no UTF8String */
	expect_names("x", "otherName:1.3.6.1.5.5.7.8.7;UTF8:alice@localhost", "");
	expect_names("x", "otherName:1.3.6.1.5.5.7.8.5;IA5:alice@localhost", "");
	expect_names("x", "otherName:1.3.6.1.5.5.7.8.5.1;UTF8:alice@localhost", "");
	expect_names("x", ADDRESS("alice@localhost") ",otherName:1.3.6.1.5.5.7.8.5;IA5:bob@localhost", "");
}

static void too_many(void **state)
{
	struct buf alt = {0};

	(void)state;
	for (int i = 0; i < CERT_NAMES_MOST; i++)
		buf_printf(&alt, "%s" ADDRESS("a%d@x"), i ? "," : "", i);
	expect_names("x", buf_cstr(&alt), "a0@x a1@x a2@x a3@x a4@x a5@x a6@x a7@x");
	buf_puts(&alt, "," ADDRESS("more@x"));
	expect_names("x", buf_cstr(&alt), "");
	buf_clear(&alt);
	buf_puts(&alt, ADDRESS("a@x"));
	for (int i = 1; i < CERT_ALT_NAMES_MOST; i++)
		buf_printf(&alt, ",DNS:h%d", i);
	expect_names("x", buf_cstr(&alt), "a@x");
	buf_puts(&alt, ",DNS:one.more");
	expect_names("x", buf_cstr(&alt), "");
	buf_free(&alt);
}

static struct str find(struct buf *der, const char *what)
{
	return str_at(memmem(der->p, der->n, what, strlen(what)), strlen(what));
}

static void strange_bytes(void **state)
{
	static const char *const bytes[] = {"\0", "\xff", "\xc0\x80", "\xed\xa0\x80"};

	(void)state;
	for (size_t i = 0; i < COUNT(bytes); i++) {
		struct cert c = cert_make(NULL, "x", false, ADDRESS("alice@localhost"), NULL, 1);
		struct str names[CERT_NAMES_MOST];
		struct buf der = {0};

		cert_der(&c, &der);
		memcpy((char *)find(&der, "alice@").p + 2, bytes[i], i ? strlen(bytes[i]) : 1);
		assert_int_equal(cert_names(buf_str(&der), names), 0);
		buf_free(&der);
		cert_end(&c);
	}
}

/* A copy, so that a tool sees every read behind its end. */
static size_t names_of(struct str der)
{
	struct str names[CERT_NAMES_MOST];
	char *copy = malloc(der.n + 1);
	size_t n;

	memcpy(copy, der.p, der.n);
	n = cert_names(str_at(copy, der.n), names);
	for (size_t i = 0; i < n; i++)
		assert_true(names[i].p > copy && names[i].p + names[i].n <= copy + der.n);
	free(copy);
	return n;
}

static void broken(void **state)
{
	struct cert c = cert_make(NULL, "x", false, ADDRESS("alice@localhost") "," ADDRESS("bob@localhost"), NULL, 1);
	struct buf der = {0};

	(void)state;
	cert_der(&c, &der);
	assert_int_equal(names_of(buf_str(&der)), 2);
	for (size_t cut = 0; cut < der.n; cut++)
		assert_int_equal(names_of(str_head(buf_str(&der), cut)), 0);
	for (size_t at = 0; at < der.n; at++)
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			der.p[at] ^= (char)bit;
			assert_true(names_of(buf_str(&der)) <= 2);
			der.p[at] ^= (char)bit;
		}
	buf_putc(&der, 0);
	assert_int_equal(names_of(buf_str(&der)), 0);
	buf_free(&der);
	cert_end(&c);
}

static void twice(void **state)
{
	struct cert c = cert_make(NULL, "x", false, ADDRESS("alice@localhost"), NULL, 1);
	struct str names[CERT_NAMES_MOST];
	struct buf der = {0};

	(void)state;
	cert_extend(c.x509, c.x509, NID_subject_alt_name, ADDRESS("bob@localhost"));
	X509_sign(c.x509, c.key, EVP_sha256());
	cert_der(&c, &der);
	assert_int_equal(cert_names(buf_str(&der), names), 0);
	buf_free(&der);
	cert_end(&c);
}

static void lengths(void **state)
{
	static const struct {
		struct str bytes;
		bool good;
	} rows[] = {
		{STR("\x04\x00"), true},
		{STR("\x04\x02xy"), true},
		{STR("\x04\x81\x02xy"), false}, /* not the shortest form */
		{STR("\x04\x82\x00\x02xy"), false},
		{STR("\x04\x80xy\0\0"), false}, /* indefinite */
		{STR("\x04\x84\0\0\0\x02xy"), false},
		{STR("\x04\x85\0\0\0\0\x02xy"), false},
		{STR("\x04\xffxy"), false},
		{STR("\x04\x03xy"), false}, /* longer than there is */
		{STR("\x04\x83\xff\xff\xffxy"), false},
		{STR("\x1f\x02xy"), false}, /* a tag of several bytes */
		{STR("\x04"), false},
		{STR(""), false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str s = rows[i].bytes, content;
		uint8_t tag;

		assert_int_equal(der_any(&s, &tag, &content), rows[i].good);
		assert_int_equal(s.n, rows[i].good ? 0 : rows[i].bytes.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"cert_names: XMPP addresses are found among other names", addresses, NULL, NULL, NULL},
		{"cert_names: common names, mail addresses and the like are none", no_addresses, NULL, NULL, NULL},
		{"cert_names: too many names are none at all", too_many, NULL, NULL, NULL},
		{"cert_names: an address with a NUL, or that is not UTF-8, spoils them all", strange_bytes, NULL, NULL,
			NULL},
		{"cert_names: a certificate that is cut or changed does no harm", broken, NULL, NULL, NULL},
		{"cert_names: alternative names in two extensions are none", twice, NULL, NULL, NULL},
		{"der: lengths are definite, and in their shortest form", lengths, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

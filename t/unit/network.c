/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Addresses and networks in numbers. */
#include "common/network.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct network of(const char *text)
{
	struct network n;

	assert_true(network_parse(str_of(text), &n));
	return n;
}

static void written(const char *text, const char *as)
{
	char out[NETWORK_TEXT];

	network_write(of(text), out);
	assert_string_equal(out, as);
}

static void words(void **state)
{
	static const char *const none[] = {"", "1.2.3", "1.2.3.4.5", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/x", "::1/129",
		":::", "localhost", "/8", "::/-1", "1.2.3.4 ", "::ffff:1.2.3.4/97",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"};
	struct network n;

	(void)state;
	written("192.0.2.1", "192.0.2.1");
	written("192.0.2.77/24", "192.0.2.0/24");
	written("192.0.2.77/32", "192.0.2.77");
	written("0.0.0.0/0", "0.0.0.0/0");
	written("2001:db8::1", "2001:db8::1");
	written("2001:db8:1:2:3:4:5:6/63", "2001:db8:1:2::/63");
	written("2001:db8:1:3:3:4:5:6/63", "2001:db8:1:2::/63");
	written("::ffff:192.0.2.1", "192.0.2.1");
	for (size_t i = 0; i < COUNT(none); i++)
		assert_false(network_parse(str_of(none[i]), &n));
	assert_false(network_parse(str_at("1.2.3.4\0x", 9), &n));
}

static void prefixes(void **state)
{
	struct network none = {0};
	char text[NETWORK_TEXT];

	(void)state;
	network_write(network_prefix(of("2001:db8:1:2:3::4"), 64), text);
	assert_string_equal(text, "2001:db8:1:2::/64");
	network_write(network_prefix(of("192.0.2.1"), 64), text);
	assert_string_equal(text, "192.0.2.1");
	network_write(network_prefix(none, 64), text);
	assert_string_equal(text, "");
	assert_true(network_is_peer(of("192.0.2.1")) && network_is_peer(of("2001:db8::/64")));
	assert_false(network_is_peer(of("2001:db8::1")) || network_is_peer(of("10.0.0.0/8")) || network_is_peer(none));
	assert_true(network_is_loopback(of("127.8.8.8")) && network_is_loopback(of("::1")));
	assert_false(network_is_loopback(of("::2")) || network_is_loopback(of("128.0.0.1")) ||
		network_is_loopback(none));
}

static void lists(void **state)
{
	const char *list[] = {"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "nonsense"};
	const struct conf_list networks = {list, COUNT(list)};
	const struct conf_list nothing = {0};

	(void)state;
	assert_true(network_in(of("10.255.0.1"), networks));
	assert_true(network_in(of("192.0.2.1"), networks));
	assert_true(network_in(of("2001:db8:ffff::1"), networks));
	assert_true(network_in(of("::ffff:10.1.1.1"), networks));
	assert_false(network_in(of("11.0.0.1"), networks));
	assert_false(network_in(of("192.0.2.2"), networks));
	assert_false(network_in(of("2001:db9::1"), networks));
	assert_false(network_in(of("a00::1"), networks)); /* 10.0.0.0/8 is not IPv6's 0a */
	assert_false(network_in((struct network){0}, networks));
	assert_false(network_in(of("10.0.0.1"), nothing));
}

static void sockets(void **state)
{
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr other = {.sa_family = AF_UNIX};

	(void)state;
	four.sin_addr.s_addr = htonl(0xc0000201);
	assert_true(network_same(network_of((struct sockaddr *)&four), of("192.0.2.1")));
	assert_true(network_same(network_of((struct sockaddr *)&six), of("::1")));
	assert_int_equal(network_of(&other).family, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"network: ADDRESS and ADDRESS/BITS are read and written, and nothing else", words, NULL, NULL, NULL},
		{"network: prefixes, peers and loopback", prefixes, NULL, NULL, NULL},
		{"network: an address is in a list or not", lists, NULL, NULL, NULL},
		{"network: from a socket's address", sockets, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

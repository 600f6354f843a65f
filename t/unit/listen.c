/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Listening sockets: which addresses are understood, who shares them, and who gets connections. */
#include "c2s/listen.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct conf conf_for(const char **listen_words, size_t n, const char **tls_words,
	size_t tls_n)
{
	struct conf c = {.path = "test.conf", .certificate = "cert.pem"};

	c.listen = (struct conf_list){listen_words, n};
	c.listen_tls = (struct conf_list){tls_words, tls_n};
	c.line.listen = 7;
	c.line.listen_tls = 8;
	return c;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 a = {0};
	socklen_t n = sizeof a;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin6_port); /* at the same place as sin_port */
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	close(fd);
	return -1;
}

static unsigned accept_all(int listener)
{
	unsigned n = 0;
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		close(fd);
		n++;
	}
	return n;
}

static void unserved_slots_get_nothing(void **state)
{
	const char *words[] = {"127.0.0.1:0"};
	struct conf c = conf_for(words, 1, words, 1);
	struct listen_slot slots[3];
	struct buf why = {0};
	uint16_t port;

	(void)state;
	assert_true(listen_bind(&c, slots, 3, &why));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(slots[i].starttls_n, 1);
		assert_int_equal(slots[i].tls_n, 1);
		assert_int_equal(port_of(slots[i].starttls[0]), port_of(slots[0].starttls[0]));
	}
	port = port_of(slots[0].starttls[0]);
	assert_int_equal(connect_to(port), -1);
	assert_true(listen_open(&slots[0]));
	assert_true(listen_open(&slots[1]));
	for (int i = 0; i < 100; i++) {
		int fd = connect_to(port);

		assert_true(fd >= 0);
		close(fd);
	}
	assert_int_equal(accept_all(slots[0].starttls[0]) + accept_all(slots[1].starttls[0]), 100);
	listen_close(slots, 3);
	assert_int_equal(slots[0].starttls_n, 0);
	buf_free(&why);
}

static int option_of(int fd, int level, int name)
{
	int value = 0;
	socklen_t n = sizeof value;

	assert_int_equal(getsockopt(fd, level, name, &value, &n), 0);
	return value;
}

static void options_are_inherited(void **state)
{
	const char *words[] = {"127.0.0.1:0"};
	struct conf c = conf_for(words, 1, words, 0);
	struct listen_slot slot;
	struct buf why = {0};
	int fd, accepted;

	(void)state;
	assert_true(listen_bind(&c, &slot, 1, &why) && listen_open(&slot));
	fd = connect_to(port_of(slot.starttls[0]));
	accepted = accept(slot.starttls[0], NULL, NULL);
	assert_int_equal(option_of(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option_of(accepted, IPPROTO_TCP, TCP_KEEPIDLE), 300);
	assert_int_equal(option_of(accepted, IPPROTO_TCP, TCP_USER_TIMEOUT), 600000);
	assert_int_equal(option_of(accepted, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 131072);
	close(accepted);
	close(fd);
	listen_close(&slot, 1);
	buf_free(&why);
}

static void expect_why(const char *listen_words, const char *tls_words, const char *expected)
{
	struct conf c = conf_for(&listen_words, 1, &tls_words, 1);
	struct listen_slot slots[2];
	struct buf why = {0};

	assert_false(listen_bind(&c, slots, 2, &why));
	assert_non_null(strstr(buf_cstr(&why), expected));
	assert_null(strchr(buf_cstr(&why), '\n'));
	assert_null(slots[0].starttls);
	assert_null(slots[1].tls);
	buf_free(&why);
}

static void addresses_in_use(void **state)
{
	const char *words[] = {"127.0.0.1:0"};
	struct conf c = conf_for(words, 1, words, 0);
	struct listen_slot slot;
	struct buf why = {0};
	char taken[40];

	(void)state;
	assert_true(listen_bind(&c, &slot, 1, &why));
	assert_true(listen_open(&slot));
	snprintf(taken, sizeof taken, "127.0.0.1:%u", port_of(slot.starttls[0]));
	expect_why("127.0.0.1:0", taken, "test.conf:8: listen-tls: \"127.0.0.1:");
	expect_why(taken, "127.0.0.1:0", "in use");
	listen_close(&slot, 1);
	buf_free(&why);
}

static void what_is_no_address(void **state)
{
	static const char *const wrong[] = {"", "5222", ":5222", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:5222", "[::1]5222",
		"localhost:5222", "*", "[*]:5222", "**:5222"};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		expect_why(wrong[i], "127.0.0.1:0", "test.conf:7: listen: ");
}

static void without_certificate(void **state)
{
	const char *words[] = {"127.0.0.1:0"};
	struct conf c = conf_for(words, 1, words, 1);
	struct listen_slot slot;
	struct buf why = {0};

	(void)state;
	c.certificate = "";
	assert_true(listen_bind(&c, &slot, 1, &why));
	assert_int_equal(slot.tls_n, 0);
	listen_close(&slot, 1);
	c.listen.n = 0;
	assert_false(listen_bind(&c, &slot, 1, &why));
	buf_free(&why);
}

static void both_families(void **state)
{
	const char *words[] = {"*:0"};
	struct conf c = conf_for(words, 1, words, 0);
	struct listen_slot slot;
	struct buf why = {0};
	int only = 0;
	socklen_t n = sizeof only;
	struct sockaddr_storage a;

	(void)state;
	assert_true(listen_bind(&c, &slot, 1, &why));
	assert_true(slot.starttls_n == 1 ||
		slot.starttls_n == 2); /* a machine without IPv6 has one */
	for (size_t i = 0; i < slot.starttls_n; i++) {
		socklen_t size = sizeof a;

		getsockname(slot.starttls[i], (struct sockaddr *)&a, &size);
		if (a.ss_family != AF_INET6)
			continue;
		assert_int_equal(getsockopt(slot.starttls[i], IPPROTO_IPV6, IPV6_V6ONLY, &only, &n),
			0);
		assert_int_equal(only, 1);
	}
	listen_close(&slot, 1);
	buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"listen: slots share an address; one that no worker serves gets no connection",
			unserved_slots_get_nothing, NULL, NULL, NULL},
		{"listen: a client whose network is gone will be noticed", options_are_inherited,
			NULL, NULL, NULL},
		{"listen: an address in use is one line with the file's line, and all is closed again",
			addresses_in_use, NULL, NULL, NULL},
		{"listen: what is no address is refused", what_is_no_address, NULL, NULL, NULL},
		{"listen: without a certificate there is no direct TLS", without_certificate, NULL,
			NULL, NULL},
		{"listen: * is each family by itself", both_families, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

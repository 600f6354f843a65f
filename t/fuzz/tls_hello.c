/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hello messages: what is found lies inside the message, a message that is cut has nothing in it, and our own
 * ServerHello is no trap either. */
#include "c2s/tls_hello.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool truth)
{
	if (!truth)
		abort();
}

static void expect_inside(struct str part, struct str all)
{
	expect(!part.n || (part.p >= all.p && part.p + part.n <= all.p + all.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *copy = malloc(n + 1);
	struct str all = str_at(memcpy(copy, data, n), n);
	struct tls_hello hello;
	bool good = tls_hello_read(all, &hello);

	expect_inside(hello.name, all);
	expect_inside(hello.ticket, all);
	expect_inside(hello.psk, all);
	expect(good || (!hello.name.n && !hello.ticket.n && !hello.psk.n));
	expect(!good || tls_hello_bytes(all) == n);
	if (good && n) {
		expect(!tls_hello_read(str_head(all, n - 1), &hello));
	}
	expect_inside(tls_hello_payload(all), all);
	(void)tls_hello_extended(all);
	free(copy);
	return 0;
}

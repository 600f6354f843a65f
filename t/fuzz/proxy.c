/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PROXY headers: cut anywhere, the same is found, as soon as it can be and never beyond the
 * bounds. */
#include "c2s/proxy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool truth)
{
	if (!truth)
		abort();
}

static enum proxy_outcome read_exact(const uint8_t *data, size_t n, struct proxy *p)
{
	uint8_t *copy = malloc(n ? n : 1);
	enum proxy_outcome o;

	memcpy(copy, data, n);
	o = proxy_read(str_at(copy, n), p);
	free(copy);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct proxy whole, part;
	enum proxy_outcome o = read_exact(data, n, &whole), early = PROXY_MORE;
	size_t at = 0;

	expect(o != PROXY_DONE || (whole.used > 0 && whole.used <= n && whole.used <= PROXY_MOST));
	expect(o != PROXY_MORE || n < PROXY_MOST);
	expect(o != PROXY_FAULT || (whole.why && !whole.from.family && !whole.tls));
	while (at < n && early == PROXY_MORE)
		early = read_exact(data, ++at, &part);
	expect(early == o);
	if (o != PROXY_DONE)
		return 0;
	expect(at == whole.used && part.used == whole.used && part.tls == whole.tls);
	expect(network_same(part.from, whole.from));
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A client's certificate: what is found lies inside it, and is UTF-8. */
#include "c2s/cert_names.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool truth)
{
	if (!truth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *copy = malloc(n + 1);
	struct str names[CERT_NAMES_MOST];
	size_t count;

	memcpy(copy, data, n);
	count = cert_names(str_at(copy, n), names);
	expect(count <= CERT_NAMES_MOST);
	for (size_t i = 0; i < count; i++) {
		expect(names[i].n && names[i].n <= CERT_NAME_BYTES && str_utf8(names[i]));
		expect(names[i].p >= copy && names[i].p + names[i].n <= copy + n);
	}
	if (count)
		expect(!cert_names(str_at(copy, n - 1), names));
	free(copy);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The look-up of namespaces, expanded from ns.def. */
#include "common/ns.h"

#include <pthread.h>
#include <string.h>

#define URI_MOST 64 /* bytes of the longest */

_Static_assert(NS_other == 0 && NS_COUNT <= UINT8_MAX, "numbers of namespaces are bytes");

static const struct str uris[NS_COUNT] = {
	[NS_other] = {NULL, 0},
#define NS(name, uri) [NS_##name] = {uri, sizeof(uri) - 1},
#include "common/ns.def"
#undef NS
};

/* Those of one length, each with the next one; 0: none. */
static uint8_t first_of[URI_MOST + 1], next_to[NS_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void sort_by_length(void)
{
	for (unsigned i = NS_COUNT - 1; i > NS_other; i--) {
		CHECK(uris[i].n <= URI_MOST);
		next_to[i] = first_of[uris[i].n];
		first_of[uris[i].n] = (uint8_t)i;
	}
}

enum ns ns_of(struct str uri)
{
	unsigned i;

	if (uri.n > URI_MOST)
		return NS_other;
	pthread_once(&once, sort_by_length);
	for (i = first_of[uri.n]; i && memcmp(uris[i].p, uri.p, uri.n) != 0;)
		i = next_to[i];
	return (enum ns)i;
}

struct str ns_uri(enum ns ns)
{
	return (unsigned)ns < NS_COUNT ? uris[ns] : STR_NONE;
}

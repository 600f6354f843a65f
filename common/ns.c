/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The look-up of namespaces, expanded from ns.def. */
#include "common/ns.h"

#include <string.h>

static const struct str uris[NS_COUNT] = {
	[NS_other] = {NULL, 0},
#define NS(name, uri) [NS_##name] = {uri, sizeof(uri) - 1},
#include "common/ns.def"
#undef NS
};

enum ns ns_of(struct str uri)
{
	for (unsigned i = NS_other + 1; i < NS_COUNT; i++)
		if (uris[i].n == uri.n && memcmp(uris[i].p, uri.p, uri.n) == 0)
			return (enum ns)i;
	return NS_other;
}

struct str ns_uri(enum ns ns)
{
	return (unsigned)ns < NS_COUNT ? uris[ns] : STR_NONE;
}

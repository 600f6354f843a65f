/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Namespaces as small numbers; the URIs stand in ns.def. */
#ifndef COMMON_NS_H
#define COMMON_NS_H

#include "common/str.h"

enum ns {
	NS_other, /* a namespace that the server does not know */
#define NS(name, uri) NS_##name,
#include "common/ns.def"
#undef NS
	NS_COUNT
};

enum ns ns_of(struct str uri); /* NS_other: unknown (the empty one too) */
struct str ns_uri(enum ns ns); /* empty for NS_other */

#endif

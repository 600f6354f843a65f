/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The header by which a proxy says for whom it connects: HAProxy's PROXY protocol, versions 1
 * (a line) and 2 (binary), as of its specification of 2020. A plain function of bytes. */
#ifndef C2S_PROXY_H
#define C2S_PROXY_H

#include "common/network.h"

#define PROXY_LINE_MOST 107 /* bytes of version 1 (2.1), line end included */
#define PROXY_MOST 2048     /* of version 2: fixed part, addresses and TLVs */

struct proxy {
	struct network from; /* family 0: it speaks for itself (LOCAL, UNKNOWN, UNSPEC, Unix) */
	bool tls;            /* the client came to it over TLS (PP2_TYPE_SSL) */
	size_t used;         /* bytes of the header */
	const char *why;     /* of PROXY_FAULT: plain words, static */
};

enum proxy_outcome {
	PROXY_MORE, /* so far it is one; never for PROXY_MOST bytes or more */
	PROXY_DONE,
	PROXY_FAULT
};

/* `bytes`: from the connection's first on. */
enum proxy_outcome proxy_read(struct str bytes, struct proxy *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The client's side of each SASL mechanism: a row of a table. They know bytes, no XML. */
#ifndef T_BENCH_MECHANISM_H
#define T_BENCH_MECHANISM_H

#include "t/bench/client.h"

struct mechanism {
	const char *name;
	const char *hash;                                 /* SCRAM's, as OpenSSL calls it; else NULL */
	void (*first)(struct client *c, struct buf *out); /* the initial response; NULL: there is none */
	/* Appends the response to a challenge; false: it is none of ours. NULL: no challenge is expected. */
	bool (*respond)(struct client *c, struct str challenge, struct buf *out);
	/* Do these last words prove the server? NULL: the mechanism has no proof. */
	bool (*proves)(struct client *c, struct str words);
	bool bound;  /* to the TLS channel, by tls-exporter */
	bool tokens; /* FAST (XEP-0484): the secret is a token */
};

/* NULL: none of that name. */
const struct mechanism *mechanism_named(const char *name);

#endif

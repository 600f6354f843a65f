/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The client's side of SCRAM (RFC 5802), by OpenSSL. As clients do, it keeps the salted password of each salt. */
#ifndef T_BENCH_SCRAM_H
#define T_BENCH_SCRAM_H

#include "t/bench/client.h"

/* Rows of mechanism.c. c->first holds the client-first-message-bare, then the whole AuthMessage. */
void scram_first(struct client *c, struct buf *out);
MUST_CHECK bool scram_respond(struct client *c, struct str challenge, struct buf *out);
MUST_CHECK bool scram_proves(struct client *c, struct str words);

#endif

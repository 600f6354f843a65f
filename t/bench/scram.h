/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The client's side of SCRAM (RFC 5802), by OpenSSL. As clients do, it keeps the salted password of each salt. */
#ifndef T_BENCH_SCRAM_H
#define T_BENCH_SCRAM_H

#include "t/bench/client.h"

/* Appends the client-first-message-bare of account `number`. */
void scram_first(struct buf *out, unsigned number);
/* Appends the client-final-message to `out`, and what completes the AuthMessage to c->first. False: no challenge of
 * ours. */
MUST_CHECK bool scram_final(struct client *c, struct str challenge, struct buf *out);
/* Does "v=..." prove the server? */
MUST_CHECK bool scram_is_server(struct client *c, struct str proof);

#endif

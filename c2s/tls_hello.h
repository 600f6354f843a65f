/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hello messages of the handshake (RFC 8446 4.1, RFC 5246 7.4.1), read without a library. */
#ifndef C2S_TLS_HELLO_H
#define C2S_TLS_HELLO_H

#include "common/str.h"

/* `flight` begins with the record of our ServerHello. Does it grant an extended master secret
 * (RFC 7627)? */
bool tls_hello_extended(struct str flight);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The listening sockets: for each worker slot one per address and family, all of one address in one
 * reuse-port group. */
#ifndef C2S_LISTEN_H
#define C2S_LISTEN_H

#include "common/buf.h"
#include "common/conf.h"

struct listen_slot {
	int *starttls, *tls; /* descriptors */
	size_t starttls_n, tls_n;
};

/* Binds every address of the settings `listen` and `listen-tls` for `count` slots. A family that
 * this machine does not have is a log line. False: `why` says in one line, with the file's line,
 * which address cannot be had; all is closed again. */
MUST_CHECK bool listen_bind(const struct conf *conf, struct listen_slot *slots, unsigned count,
	struct buf *why);
/* From now on connections are spread over this slot too. A slot that is only bound gets none: the
 * kernel spreads over listening sockets alone, so nobody waits at one that no worker serves. */
MUST_CHECK bool listen_open(const struct listen_slot *slot);
void listen_close(struct listen_slot *slots, unsigned count);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The terms under which a worker takes connections: configuration, certificates, and the limits
 * that follow. A reload brings new ones; whoever came under the old ones keeps them, counted, to
 * its end. */
#ifndef C2S_TERMS_H
#define C2S_TERMS_H

#include "c2s/setup.h"
#include "c2s/tls.h"
#include "common/scan.h"

struct terms {
	const struct conf *conf; /* owned */
	struct tls_ctx *tls;     /* with the domains' own as named ones; NULL: no certificate */
	struct scan_limits login_limits, session_limits;
	size_t holders;
};

/* Takes the configuration out of *setup, which is freed, keys and all, whatever comes of it. NULL:
 * a certificate cannot be used, and `why` says so. `tickets`: see tls_ctx_new. */
MUST_CHECK struct terms *terms_new(struct setup **setup, const struct tickets *tickets,
	struct buf *why);
struct terms *terms_hold(struct terms *t);
void terms_drop(struct terms **t);

#endif

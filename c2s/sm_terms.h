/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What sm has said of itself, for all connections of a worker: the protocol that it speaks, and the
 * verification string of each domain's service discovery (XEP-0115), for the stream features. */
#ifndef C2S_SM_TERMS_H
#define C2S_SM_TERMS_H

#include "common/buf.h"

struct sm_caps {
	struct buf domain, version;
	struct sm_caps *next;
};

struct sm_terms {
	unsigned version; /* of the channel, as last agreed (proto/types.h); 0: not yet */
	struct sm_caps *caps;
};

/* Takes a domain's version; beyond SM_CAPS_MOST domains nothing new is taken. */
#define SM_CAPS_MOST 10000
void sm_terms_caps_put(struct sm_terms *t, struct str domain, struct str version);
struct str sm_terms_caps(const struct sm_terms *t, struct str domain); /* empty: not told */
void sm_terms_end(struct sm_terms *t);

#endif

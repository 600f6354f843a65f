/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The verbs of login.def: one short function for each word that stands in its cells, grouped in
 * verb_*.c. */
#ifndef C2S_VERB_H
#define C2S_VERB_H

#include "c2s/client.h"

#define VERB(name) void verb_##name(struct client *c, const struct cue *cue);
#define STATE(name, does, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u) \
	VERB(a) \
	VERB(b) \
	VERB(c) VERB(d) VERB(e) VERB(f) VERB(g) VERB(h) VERB(i) VERB(j) VERB(k) VERB(l) VERB(m) \
		VERB(n) VERB(o) VERB(p) VERB(q) VERB(r) VERB(s) VERB(t) VERB(u)
#define AT(state, verb) VERB(verb)
#define EVENT(name, anywhere, but) VERB(anywhere) but
#include "c2s/login.def"
#undef AT
#undef VERB

#endif

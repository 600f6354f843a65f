/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a client asks for with <authenticate/> (XEP-0388) beside being authenticated: who it is
 * itself, and a resource (Bind 2, XEP-0386). Read when the element comes, done when the
 * exchange has succeeded, forgotten when the session is open. Its sizes are the client's choice,
 * so each has a most. */
#ifndef C2S_SASL2_H
#define C2S_SASL2_H

#include "common/buf.h"
#include "common/stanza.h"

#define SASL2_ID_BYTES 36    /* of a UUID as text */
#define SASL2_WORDS_MOST 255 /* bytes of the names of software and device */
#define SASL2_TAG_MOST 255   /* bytes of a tag; the rest of the resource is sm's */

struct sasl2 {
	struct buf client;           /* id of the user-agent, lower case; empty: none */
	struct buf software, device; /* of the user-agent; empty: not told */
	bool binds;
	struct buf tag;     /* prepared; empty: none */
	bool pipelined;     /* it names the features that it has seen (XEP-0509) ... */
	struct buf version; /* ... by this */
	struct buf data;    /* of the mechanism, for the success; empty: none */
};

/* Reads <authenticate/>. `initial`: the text of its initial response, and whether there is one.
 * NULL: one of its parts is there twice, or cannot be read. */
MUST_CHECK struct sasl2 *sasl2_new(const struct stanza *authenticate, struct str *initial,
	bool *has_initial);
void sasl2_free(struct sasl2 **s); /* wipes; harmless for NULL */

#endif

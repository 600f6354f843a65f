/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a client asks for with <authenticate/> (XEP-0388) beside being authenticated: who it is
 * itself, a resource (Bind 2, XEP-0386), a token (FAST, XEP-0484). Read when the element comes,
 * done when the exchange has succeeded, forgotten when the session is open. Its sizes are the
 * client's choice, so each has a most. */
#ifndef C2S_SASL2_H
#define C2S_SASL2_H

#include "common/buf.h"
#include "common/crypt.h"
#include "common/stanza.h"
#include "proto/types.h"

#define SASL2_ID_BYTES 36    /* of a UUID as text */
#define SASL2_WORDS_MOST 255 /* bytes of the names of software and device */
#define SASL2_TAG_MOST 255   /* bytes of a tag; the rest of the resource is sm's */

struct sasl2 {
	struct buf client;           /* id of the user-agent, lower case; empty: none */
	struct buf software, device; /* of the user-agent; empty: not told */
	struct buf tag;              /* of the resource, prepared; empty: none */
	struct buf version;          /* of the features that it has seen (XEP-0509) */
	struct buf token_for;        /* the mechanism that a token is wanted for; empty: none is */
	uint64_t count;              /* for so many times its token was used; 0: it does not say */
	/* what has come of it */
	struct buf data;          /* of the mechanism, for the success; empty: none */
	struct buf token, expiry; /* that sm has made; empty: none */
	struct msg_upgrade task;  /* that goes on; hash 0: none */
	uint8_t salt[HASH_MAX];   /* what its salt lies in */
	uint32_t upgrades; /* hashes that verifiers would be made for: bits, 1 << enum hash */
	bool binds;        /* it wants a resource, ... */
	bool carbons;      /* ... with copies (XEP-0280), */
	bool inactive;     /* ... and begins inactive (XEP-0352) */
	bool pipelined;    /* `version` was sent */
	bool fast;         /* a token is what it comes with, ... */
	bool invalidate;   /* ... for the last time */
};

/* Reads <authenticate/>. `initial`: the text of its initial response, and whether there is one.
 * NULL: one of its parts is there twice, or cannot be read. */
MUST_CHECK struct sasl2 *sasl2_new(const struct stanza *authenticate, struct str *initial,
	bool *has_initial);
/* The tasks of XEP-0480 for SCRAM: "UPGR-SCRAM-SHA-256". NULL: none for this hash. */
const char *sasl2_task_name(unsigned hash);
void sasl2_free(struct sasl2 **s); /* wipes; harmless for NULL */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One XMPP client of the load generator: it logs in as options say, then hands each stanza to its scene. */
#ifndef T_BENCH_CLIENT_H
#define T_BENCH_CLIENT_H

#include "t/bench/load.h"

#define SCRAM_MOST 64 /* bytes of the largest hash */

enum client_step {
	CLIENT_OFF,
	CLIENT_OPENING,
	CLIENT_UPGRADING,
	CLIENT_PROVING,
	CLIENT_BINDING,
	CLIENT_ASKING, /* for the session of RFC 3921 */
	CLIENT_ONLINE,
	CLIENT_LEAVING
};

struct client {
	struct wire wire;
	unsigned number; /* of its account */
	unsigned place;  /* among the scene's clients */
	char resource[32];
	enum client_step step;
	bool proven;
	uint64_t since; /* ns: connecting began */
	const struct mechanism *mechanism;
	bool asked;       /* pipelined: what authenticates is said already */
	struct buf first; /* of SCRAM and DIGEST-MD5: what the proofs are of */
	size_t nonces;    /* DIGEST-MD5: the front part of it */
	uint8_t salted[SCRAM_MOST];
	/* what the scene hears; stanza and online may be NULL */
	void (*online)(struct client *c);
	void (*stanza)(struct client *c, struct str element);
	void (*ended)(struct client *c, bool properly);
	/* chat and presence */
	struct client *partner;
	uint64_t sent, heard; /* sequence numbers that come next */
	uint64_t sent_at[64]; /* ns, by sequence */
};

void client_start(struct client *c);
void client_say(struct client *c, struct str words); /* and client_flush when all is said */
void client_flush(struct client *c);
void client_leave(struct client *c); /* closes the stream; ended() follows */
void client_drop(struct client *c);  /* at once, and silently */
/* What epoll told of it. */
void client_event(struct client *c, uint32_t events);

/* The value of an attribute or the text of a child, found by its first bytes: "id='" or "<body>". Empty: none. */
struct str client_find(struct str element, const char *before, char after);

/* The token that its account was given (FAST, XEP-0484). Empty: none yet. */
struct str client_token(const struct client *c);

#endif

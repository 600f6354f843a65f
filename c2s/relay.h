/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Live stanzas between clients and sm, and their credit (design.md 3). Towards sm: what is not
 * acknowledged is bounded for each connection and for the link; a client without credit is held,
 * that is, not read; nothing is dropped. Towards the client: what waits is bounded by client-
 * queue-bytes and worker-queue-bytes; over that, the slow client's stream ends. */
#ifndef C2S_RELAY_H
#define C2S_RELAY_H

#include "common/str.h"

#define RELAY_UNACKED \
	262144 /* bytes of one connection on the way to sm, before it is held; one stanza may go \
		  over it */

struct conn;
struct message;
struct worker;

/* A connection's part. {0} to begin with. */
struct relay {
	uint64_t last;  /* sequence of its newest message to sm */
	size_t unacked; /* bytes sent since everything of it was acknowledged last */
	size_t counted; /* bytes queued for the client, as counted in worker.queued */
	size_t largest; /* of what sm sent since nothing was queued */
	struct conn *next_held, *previous_held;
	bool held;
};

/* To sm, numbered. */
void relay_send(struct conn *c, const struct message *m);
/* May it send another stanza? If not, it is held until relay_release finds credit. */
bool relay_credit(struct conn *c);
/* After an acknowledgement, and after a welcome: those of the held that have credit go on,
 * oldest first. */
void relay_release(struct worker *w);
/* sm's deliver: to each of its connections that is still here. */
void relay_deliver(struct worker *w, const struct message *m);
size_t relay_queued(const struct conn *c); /* bytes that wait for the client */
/* The same, and what is in the kernel's hands; less what the client has acknowledged. */
size_t relay_left(const struct conn *c);
void relay_measure(struct conn *c); /* counts them, and ends the slowest client's connection when
				       the worker has too many */
void relay_end(struct conn *c);     /* the connection goes */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside conn*.c. */
#ifndef C2S_CONN_WORK_H
#define C2S_CONN_WORK_H

#include "c2s/conn.h"
#include "c2s/worker.h"

const struct client_way *conn_ways(void); /* what a client wants of the worker */
void conn_deadline(struct timer *t);      /* of the negotiation, or of the exit */
/* Bytes of a connection whose PROXY header is not complete (c->header), and what follows it. */
void conn_header(struct conn *c, struct str bytes);
void conn_bytes(struct conn *c, struct str bytes); /* of a client */

/* conn_admit.c: TLS handshakes take turns. */
bool conn_is_due(const struct conn *c);            /* what it says now may begin a handshake */
void conn_admit(struct conn *c, struct str bytes); /* of such a one: now, or when it is its turn */
bool conn_waits(const struct conn *c);             /* nothing more is read of it meanwhile */
void conn_unwait(struct conn *c);

/* conn_idle.c */
void conn_idle(struct conn *c); /* it has its session: from now on it must not be silent for long */
void conn_heard(struct conn *c); /* a sign of life */

#endif

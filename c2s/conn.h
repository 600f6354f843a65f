/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One client's connection: the socket under a struct client, its deadline, and its counted exit.
 * The handle and each derivation under way hold it; leaving flushes with a deadline, closes the
 * handle, and the last hold that is dropped frees it. */
#ifndef C2S_CONN_H
#define C2S_CONN_H

#include "c2s/client.h"
#include "c2s/door.h"
#include "c2s/relay.h"
#include "c2s/wheel.h"
#include <uv.h>

/* From the end of the stream to the end of the connection, at most, and again as long as a client
 * has taken so much of what waits for it; sm's last words are waited for as long before. */
#define CONN_FLUSH_MS 5000
#define CONN_FLUSH_LEAST 4096 /* bytes: nobody stays for one now and then */

struct worker;
struct terms;

struct conn {
	struct client client;
	struct worker *worker;
	struct terms *terms;    /* held; client.set borrows from it */
	struct buf *header;     /* so far, of a PROXY header that is due; NULL: none is */
	struct turn_wait *wait; /* for a turn to shake hands in; NULL: it does not */
	bool admitted;          /* it has had that turn */
	bool negotiates; /* counted in worker.negotiating, though at no door before the header */
	struct conn *next, *previous; /* in worker.conn_list */
	struct conn *next_touched;    /* in worker.touched */
	struct conn *next_spent;      /* in worker.spent */
	uv_tcp_t tcp;
	uv_write_t *write;       /* not NULL: `sending` is with the kernel */
	uv_shutdown_t *shutdown; /* not NULL: half-closed, waiting for the client's end */
	struct buf sending;
	struct timer timer; /* the negotiation's deadline; then silence; then that of the exit */
	struct relay relay;
	struct door_key door;
	unsigned holds;
	uint32_t heard; /* ms of the loop's clock, cut off: a sign of life */
	size_t left;    /* while it flushes: bytes that it had not taken at the last look */
	bool at_door;   /* counted there, and in worker.negotiating */
	bool touched, spent;
	bool reading;  /* the client's bytes are wanted */
	bool watching; /* the loop polls for them */
	bool pinged;   /* ... and nothing was heard since */
	/* its half is closed: what still waits for it is written, no more is read */
	bool client_ended;
	enum { CONN_LIVES, CONN_FLUSHES, CONN_CLOSES } exit;
};

struct conn *conn_find(struct worker *w, uint64_t id); /* NULL: not here (any more) */
struct conn *conn_of(struct client *c);
/* Something was said, or the state has changed: the connection is looked after at the end of the
 * turn. */
void conn_touch(struct conn *c);
/* A message from sm for it, and whatever follows from that. */
void conn_message(struct conn *c, const struct message *m);
void conn_event(struct conn *c, enum login_event event, const struct cue *cue);
void conn_go_on(struct conn *c); /* it was held, and is read again */
void conn_abort(struct conn *c); /* at once, whatever waits for it */
void conn_write(struct conn *c); /* what was said so far, without waiting for that: */
/* The end of a turn: what was said in it is encrypted and written, once for each connection. */
void conn_turn(struct worker *w);
void conn_share(uv_idle_t *idle); /* worker.share: the next turn of those in worker.spent */

#endif

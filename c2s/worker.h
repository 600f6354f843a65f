/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A worker's life: one loop, its slot's listeners, the socket to the parent, and everything that
 * its connections share. It opens nothing after worker_run has warmed up: sockets to sm come from
 * the parent. */
#ifndef C2S_WORKER_H
#define C2S_WORKER_H

#include "c2s/door.h"
#include "c2s/sm_terms.h"
#include "c2s/terms.h"
#include "c2s/tickets.h"
#include "c2s/wheel.h"
#include "common/pace.h"
#include <uv.h>

#define WORKER_READ_BYTES 65536 /* the one read buffer that all connections share */

struct key_cache;
struct smlink;
struct conn;
struct turns;

/* What may stand in the way of a new connection. */
enum worker_limit {
	LIMIT_NONE,
	LIMIT_STOPPING,
	LIMIT_CONNECTIONS,
	LIMIT_NEGOTIATIONS,
	LIMIT_ADDRESS,
	LIMIT_BANNED,
	LIMIT_MEMORY,
	LIMIT_COUNT
};

/* What the parent passes on by fork. Borrowed, but for the setup and the descriptors. */
struct worker_start {
	struct setup *setup;
	struct tickets *tickets; /* this process's own; they change as the parent says */
	struct door *door;
	uint16_t slot;
	uint32_t incarnation;
	int parent_fd;        /* Unix socket pair to the parent (c2s/parent.h) */
	const int *listeners; /* STARTTLS ports, bound and listening */
	size_t listener_count;
	const int *tls_listeners; /* direct TLS ports */
	size_t tls_listener_count;
};

struct worker {
	const struct conf *conf; /* of the terms, for what takes effect at once */
	struct terms *terms;     /* for the next connection */
	struct tickets *tickets;
	uv_loop_t loop;
	uint16_t slot;
	uint32_t incarnation;
	uint32_t next_conn; /* lower half of the next connection id; starts at 1 */
	struct door *door;
	struct wheel wheel;
	struct smlink *smlink;
	struct table *conns;    /* by conn id */
	struct conn *conn_list; /* every connection, newest first */
	struct conn *touched;   /* those with something to write at the end of this turn (conn.c) */
	/* Those that inflated as much as a turn may, and have more to; share runs while there are
	 * any (conn_io.c). */
	struct conn *spent;
	uv_idle_t share;
	struct conn *held,
		*held_last; /* those that are not read for want of credit, oldest first (relay.c) */
	unsigned connections, negotiating; /* all; those without a session yet */
	/* Beyond these conn_accept answers <resource-constraint/>, and closes. */
	unsigned most_connections, most_negotiating;
	struct {
		uint64_t silent_until; /* ms; when the next line may be logged */
		uint64_t unsaid;       /* refused since the last one */
	} refusals[LIMIT_COUNT];
	size_t queued;          /* bytes waiting in all connections' output queues */
	size_t delivered;       /* bytes for clients since the last report */
	bool drained;           /* since then a long queue has become short */
	struct key_cache *keys; /* of PLAIN passwords that were accepted lately */
	struct turns *turns;    /* TLS handshakes that are due (conn_admit.c) */
	unsigned derivations;   /* PLAIN passwords waiting for PBKDF2 */
	char *read_buffer;      /* WORKER_READ_BYTES */
	struct pace pace;       /* inputs: of clients with sessions, and for them */
	struct sm_terms sm;     /* as sm has told them last */
	bool stopping; /* ends when the last connection has gone or shutdown-timeout is over */
};

/* Runs until the parent says stop or is gone; returns the exit status. */
int worker_run(const struct worker_start *start);
/* Asks the parent for a new link to sm; smlink_attach is called when it has come. */
void worker_want_link(struct worker *w);
uint64_t worker_conn_id(struct worker *w); /* the next, never reused */

/* Called by worker.c, implemented in conn.c and smlink.c: */
/* Takes over an accepted socket, whose client has this address; closes it itself when it
 * refuses. */
void conn_accept(struct worker *w, int fd, const struct sockaddr *address, bool direct_tls);
void conn_stop_all(struct worker *w); /* every stream ends with <system-shutdown/> */
struct smlink *smlink_new(struct worker *w);
void smlink_free(struct smlink **l);
bool smlink_settled(const struct smlink *l); /* sm has all that it was told, or is away */
void smlink_attach(struct smlink *l,
	int fd); /* introduced by the parent already; the worker joins on it */
/* The parent is another, and does not know what the one before was asked: for a link, if there is
 * none. */
void smlink_ask_again(const struct smlink *l);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The sockets beneath the channels. A link is introduced by the c2s parent; then it is the parent's
 * own, or, when a worker has joined on it, that worker's. Its bytes are fed to a channel: its own
 * (`hello`) until a worker has joined, and that peer's from then on. */
#ifndef SM_LINK_H
#define SM_LINK_H

#include "sm/house.h"

struct peer;

enum link_stage {
	LINK_NEW,        /* nothing but introduce may come */
	LINK_INTRODUCED, /* a worker's: nothing but join */
	LINK_JOINING,    /* join was read, and nothing may follow before our welcome */
	LINK_WORKER,     /* `peer` is set */
	LINK_PARENT,
	LINK_CLOSED /* waits for libuv */
};

struct peer_link {
	uv_pipe_t pipe;
	uv_write_t write;
	struct house *house;
	struct peer_link *next;
	enum link_stage stage;
	struct peer *peer;
	struct channel hello;
	bool writing;
	struct buf written; /* being written by libuv */
	uint64_t since;     /* loop ms when it came */
	/* from introduce and join */
	uint16_t slot;
	uint32_t incarnation, pid;
	unsigned version;
	uint64_t join_heard;
	struct buf join_conns;
	/* what a handler found that must wait until its channel is fed */
	bool roll_called;
	bool leaving;    /* the other end has said that it ends in order */
	bool secret;     /* what was read is to be wiped */
	struct buf died; /* u32: incarnations */
};

/* Accepts on the listening socket `fd` from now on. False: `why`. */
MUST_CHECK bool links_listen(struct house *h, int fd, struct buf *why);
void links_close(struct house *h);
/* Writes what is queued: one write a link, acknowledgements included. */
void links_flush(struct house *h);
void links_tick(struct house *h); /* closes those on which nobody joins */
void link_close(struct peer_link *l);
void link_tell_expel(struct house *h, uint32_t incarnation); /* to the parent, when it is there */

#endif

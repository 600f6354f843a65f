/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside peer.c, gather.c and link.c: what the links share. */
#ifndef SM_PEER_WORK_H
#define SM_PEER_WORK_H

#include "sm/peer.h"

struct peers {
	struct peer *first; /* by slot */
	struct table *by_incarnation;
	struct peer_link *links;
	struct peer_link *parent; /* the c2s parent's own link; NULL: away */
	uv_pipe_t listener;
	bool listening;
	uv_timer_t acks; /* runs while one is owed to some worker */
	bool ack_all;    /* it is over: the next turn pays them all */
	bool rolled;     /* the parent has called the roll since we started */
	struct buf roll; /* u64: incarnations that were alive */
	uint64_t roll_newest;
	uint64_t gather_until;   /* loop ms */
	struct peer *fan;        /* fanout.c: workers that the stanza being sent goes to */
	char read_buffer[65536]; /* shared by all links */
};

#endif

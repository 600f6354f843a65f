/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The workers as sm knows them: one channel per incarnation, that outlives its link (link.h), from
 * its first join until it is reported dead, is expelled, or does not come back. After a restart the
 * house first gathers them: nothing but joins is answered until every worker that the c2s parent
 * lists has joined or died, or join-timeout is over. */
#ifndef SM_PEER_H
#define SM_PEER_H

#include "common/condition.h"
#include "common/log.h"
#include "sm/house.h"
#include "sm/turn_item.h"

struct peer_link;

struct peer {
	struct house *house;
	struct peer *next;
	uint16_t slot;
	uint32_t incarnation;
	uint32_t pid;
	struct channel channel;
	struct peer_link *link; /* the socket beneath; NULL while it is away */
	bool joined;            /* on this link; welcome may still wait for the end of gathering */
	bool dead;              /* reported dead; goes when its last bytes are read */
	bool over; /* its sessions are ended, its channel is no more; here only to be refused, or
		      expelled again */
	uint32_t connections, negotiating; /* as last reported */
	uint64_t queued;
	uint64_t reports;             /* how many came */
	uint64_t counters[EVENT_TOP]; /* events of this worker */
	struct buf reported;          /* connections whose queues were last reported */
	uint64_t mark, recorded;      /* channel_mark and heard as the turn log has them */
	uint64_t since;               /* loop ms: link lost, or reported dead */
	uint64_t census;              /* loop ms of the last one; 0: none yet */
	uint64_t moved, drained;      /* loop ms: an ack last moved, the link was last not full */
	uint64_t moved_acked;         /* what that ack acknowledged */
	unsigned version;             /* agreed with introduce */
	uint64_t join_heard;          /* of the join that waits for its welcome */
	struct buf join_conns;
	struct buf fan; /* fanout.c: connections of this worker that a stanza goes to */
	struct peer *fan_next;
};

/* Every worker's link, in order of slot. */
void peers_each(struct house *h, void (*visit)(void *ctx, const struct peer *p), void *ctx);

struct peers *peers_new(void);
void peers_free(struct house *h);
struct peer *peers_first(const struct house *h);
struct peer *peer_by_incarnation(const struct house *h, uint32_t incarnation); /* NULL: none */
/* Finds or makes it. NULL: too many, or no memory. */
MUST_CHECK struct peer *peer_make(struct house *h, uint32_t incarnation);
MUST_CHECK bool peer_restore(struct house *h, const struct turn_link *l);
void peer_place(struct peer *p, uint16_t slot, uint32_t pid); /* as introduced */
/* Queues a message for a worker. One without a number is dropped while its link is away: who asked
 * asks again. */
void peer_send(struct peer *p, const struct message *m);
void peer_end_conn(struct peer *p, uint64_t conn,
	enum cond why); /* `end` for a connection that has no session here */
bool peer_owns(const struct peer *p, uint64_t conn);

/* What happens to one. None may be called while a channel is being fed. */
void peer_joined(struct peer *p, struct peer_link *l); /* join_heard and join_conns are filled in */
void peer_link_lost(struct peer *p);
void peer_died(struct peer *p); /* worker_died, or absent from a roll call */
void peer_expel(struct peer *p,
	const char *why); /* the parent is told to kill it; its sessions end as if it had died */
bool peer_expel_largest(struct house
		*h);               /* the one with the most unacknowledged; false: nobody has any */
void peers_judge(struct house *h); /* after each turn: over the ceiling is over */
uint64_t peers_window(const struct house *h); /* bytes that a worker may have on the way to us */
bool peers_choked(const struct house *h);     /* is some link so full that senders get no acks? */
void peers_tick(struct house *h);             /* a few times a second: deadlines */

/* The roll of workers alive, as the parent calls it. */
void roll_take(struct house *h,
	struct u64_list incarnations); /* may be called while a channel is being fed */
void roll_apply(struct house *h);
void roll_strike(struct house *h, uint32_t incarnation);
void gather_start(struct house *h);
void gather_check(struct house *h);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside prefork*.c: the parent's state. */
#ifndef C2S_PREFORK_WORK_H
#define C2S_PREFORK_WORK_H

#include "c2s/broker.h"
#include "c2s/door.h"
#include "c2s/listen.h"
#include "c2s/service.h"
#include "c2s/setup.h"
#include "c2s/tickets.h"

struct child {
	pid_t pid; /* 0: none */
	int fd;    /* our end of the pair; -1: none */
	uint32_t incarnation;
	uint64_t started_at, start_at; /* ms */
	unsigned backoff_ms;
	bool ready;
	unsigned passed; /* setups that it was passed and has not answered for yet */
};

#define PREFORK_PLACES_MOST (4 * SERVICE_WORKERS_MOST)

struct prefork {
	const struct conf *conf; /* of the setup */
	struct setup *setup;
	struct tickets tickets;
	struct door *door;
	struct broker *broker;
	struct service service;
	int signals;
	struct child *children;
	struct listen_slot *ports;
	unsigned slots, workers; /* slots are bound; workers of them are served */
	/* of children: the slots, and behind them workers from before an upgrade */
	unsigned places;
	bool announced, stopping, upgrade;
	struct buf program; /* the path of our binary, as it was when we started */
	/* ready or not, whoever started us is told then; UINT64_MAX: not yet, or told */
	uint64_t notify_at;
	uint64_t kill_at;
	struct {
		bool wanted, open;  /* to be begun; begun, and not all workers have answered */
		uint64_t request;   /* of the one that is open */
		uint64_t wanted_by; /* of the one that is wanted */
		unsigned lost;      /* workers that did not take it */
		struct buf report;
	} reload;
};

/* prefork_child.c */
uint64_t prefork_now(void); /* monotonic ms */
void prefork_start_due(struct prefork *p, uint64_t now);
void prefork_reap(struct prefork *p);
void prefork_expel(void *ctx, uint32_t incarnation);
void prefork_drop_pair(struct child *c);

/* prefork_upgrade.c */
void prefork_upgrade_note(struct prefork *p); /* at the start: which binary we are */
/* Executes the binary that is there now, with all we have open; returns when that cannot be done,
 * and nothing is changed then. */
void prefork_upgrade(struct prefork *p);
/* Takes over what such a predecessor left; *inherited: there was one. False: `why`. */
MUST_CHECK bool prefork_inherit(struct prefork *p, bool *inherited, struct buf *why);
/* Its workers keep their clients, and take no new ones. */
void prefork_drain(struct prefork *p);

/* prefork_tickets.c: makes new keys when they are due, or another lifetime is set, and passes them
 * to the workers. */
void prefork_tickets(struct prefork *p, uint64_t now);

/* prefork_reload.c */
/* Reads everything again, and passes it to the workers; answered to sm when all of them have. */
void prefork_reload(struct prefork *p);
/* This worker has answered, or died, which is an answer too: the next one begins with what is
 * new. */
void prefork_taken(struct prefork *p, unsigned slot, bool taken);
void prefork_untaken(struct prefork *p, unsigned slot);
void prefork_reload_end(struct prefork *p); /* frees what it holds */

#endif

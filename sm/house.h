/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The serving child of sm: what its parts share. Turns (design.md 3): whatever one loop iteration
 * reads is decided in memory; in the loop's check phase turn_commit records it, and only then do
 * bytes leave. */
#ifndef SM_HOUSE_H
#define SM_HOUSE_H

#include "common/conf.h"
#include "common/log.h"
#include "common/table.h"
#include "proto/channel.h"
#include "sm/client_number.h"
#include "sm/desk.h"
#include "sm/store_session.h"
#include <uv.h>

struct guard;
struct peers;
struct turn;
struct sessions;
struct bound;
struct mailboxes;
struct errands;
struct openings;
struct arrival;
struct blocks;
struct lasts;
struct route_work;
struct verify;
struct enrols;
struct control;
struct metrics;
struct trace;
struct token_job;
struct upgrade_job;

struct house {
	const struct conf *conf;
	struct conf *own_conf; /* the same, after a reload; before it, NULL: our parent's */
	uv_loop_t loop;
	uv_idle_t hurry; /* active: the next poll does not wait */
	struct sessions *sessions;
	struct bound *bound;      /* connections that proved an account and have no session yet */
	struct route_work *route; /* its buffers */
	struct turn *turn;
	struct errands *errands;
	struct blocks *blocks; /* of all accounts */
	struct lasts *lasts;
	bool motd; /* there is a message of the day */
	struct mailboxes *mailboxes;
	struct openings *openings;                /* accounts that are being loaded */
	struct arrival *arrivals, *arrivals_last; /* sessions that have not heard of all contacts */
	bool arrivals_due; /* a worker has reported since they were looked at */
	struct peers *peers;
	struct guard *guard; /* of failed logins */
	struct verify *verify;
	struct enrols *enrols; /* accounts in the hands of their users */
	struct control *control;
	struct token_job *tokens_made; /* token.c */
	struct upgrade_job *upgrades;  /* upgrade_task.c */
	size_t completions;            /* completion.c */
	struct metrics *metrics;       /* NULL: metrics-listen is empty */
	struct desk *reader, *writer;  /* store.db */
	struct desk *table_desk;       /* sessions.db */
	uint8_t client_secret[CLIENT_SECRET_BYTES];
	int64_t started;          /* wall clock, seconds */
	uint64_t routed;          /* stanzas */
	uint64_t messages;        /* of them */
	uint64_t made;            /* bytes of stanzas given to workers */
	uint64_t ghosts;          /* must stay 0 */
	struct buf expiries;      /* of c2s's certificates, as it told: lines of SECONDS NAME */
	uint64_t reloads;         /* that the c2s parent was asked for */
	void (*reloaded)(void);   /* our parent is to take the configuration too; or NULL */
	unsigned c2s_level;       /* log level of c2s by command, and 1; 0: as configured */
	struct trace *traces;     /* sm trace, of those who look */
	uint64_t past[EVENT_TOP]; /* events of workers that are gone */
	bool gathering;           /* after a restart: only joins are answered yet */
	bool stopping;
};

#define HOUSE_CANNOT_START 72 /* exit status: it would be the same the next time */

/* The serving child: descriptors of the two listening sockets (c2s links, control); returns the
 * exit status. */
int house_run(const struct conf *conf, int c2s_fd, int control_fd,
	void (*ready)(void) /* it answers now; or NULL */,
	void (*reloaded)(void) /* the configuration is another; or NULL */);
/* Something was decided outside of reading (a timer, a store result, a command): make sure that a
 * turn ends soon. */
void house_touch(struct house *h);

#endif

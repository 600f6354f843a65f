/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside the control socket: control.c carries requests and answers, control_look.c answers what
 * only looks, control_change.c does what changes something. An answer is appended to client->out,
 * as much as is at hand, and the rest by `more`, piece by piece. */
#ifndef SM_CONTROL_WORK_H
#define SM_CONTROL_WORK_H

#include "sm/command.h"
#include "sm/control.h"
#include "sm/report.h"

struct session;
struct control_job;

struct control_client {
	struct house *house;
	struct control *control;
	struct control_client *next, *previous;
	uv_pipe_t pipe;
	uv_write_t write;
	uint32_t uid, pid;
	enum rights rights; /* at most; RIGHTS_local: none */
	enum {
		CLIENT_ASKS,       /* its request is being read */
		CLIENT_WAITS,      /* until the house has gathered its workers */
		CLIENT_WORKED_FOR, /* a desk has its job */
		/* its answer has no end: what is to be said is appended to `out` as it comes */
		CLIENT_FOLLOWS,
		CLIENT_ANSWERED, /* the answer is in `out` and `more` */
		CLIENT_LEAVES    /* handles are closing */
	} state;
	struct buf in; /* the request's lines; wiped */
	struct buf words;
	struct request request;
	struct str secret; /* the request's second line */
	struct buf out, writing;
	bool is_writing;
	uint64_t deadline; /* loop ms */
	/* Appends the next piece, and ends the answer (control_end) when there is none; NULL: `out`
	 * is all. */
	void (*more)(struct control_client *c);
	void (*more_free)(struct control_client *c); /* of what `own` is; NULL: nothing */
	void *own;
	struct control_job *job; /* while a desk has it */
	uint64_t reload;         /* request to the c2s parent that it waits for, until ... */
	uint64_t patience;       /* ... this loop ms; 0: none */
	struct buf report;       /* what it will be told of ours */
};

/* Ends the answer. */
void control_end(struct control_client *c);
/* The whole answer when nothing else is to be said: a status, and words for people. */
void control_say(struct control_client *c, int status, const char *words);
/* A desk's job came back: the answer goes out with the next turn. */
void control_touch(struct control_client *c);

/* Called with state CLIENT_ANSWERED; one that gives a job to a desk sets CLIENT_WORKED_FOR. */
#define CMD(words, arguments, options, rights, here, there, help) \
	void control_##there(struct control_client *c);
#include "sm/commands.def"
#undef CMD

/* NULL: none, or no sid */
struct session *control_session_by_sid(const struct control_client *c, struct str hex);
void control_each(struct control *c, void (*visit)(struct control_client *client, void *ctx),
	void *ctx);
void control_reload_late(struct control_client *c); /* its patience is over */
/* a list: when which certificate ends */
void report_expiries(struct buf *out, const struct house *h);
struct control_job {
	struct job job;
	struct control_client *client; /* NULL: gone */
	struct house *house;
	struct buf account; /* bare; of a list: the last one shown */
	struct buf credentials;
	bool found;
	struct buf rows; /* of a list */
	struct buf acts; /* of a removal: what comes of it in other rosters */
	unsigned listed;
	uint64_t number; /* of a client */
};

/* Jobs of desks, for a command (control_change.c). */
struct control_job *control_job_new(struct control_client *c, struct str account);
void control_job_give(struct control_job *j, struct desk *desk,
	enum db_result (*run)(struct job *j, struct db *d), void (*done)(struct job *j));
void control_job_free(struct control_job *j);
/* Takes the client back from its job; NULL when it is gone. */
struct control_client *control_job_client(struct control_job *j);
/* Says how it went, and frees the job. */
void control_job_say(struct control_job *j, bool found, const char *done, const char *not_found);
/* A job about the account that is the first argument; NULL: a wrong one, which is answered. */
struct control_job *control_account_job(struct control_client *c);
/* The same, and gives it. */
void control_on_account(struct control_client *c, uint64_t number, struct desk *desk,
	enum db_result (*run)(struct job *j, struct db *d), void (*done)(struct job *j));
/* May it go into a stream as it is: characters of XML, and no control characters, but for line
 * breaks and tabs, with `lines`? */
bool control_is_text(struct str s, bool lines);
bool control_hex(struct str hex, uint64_t *number); /* up to 16 digits, lower case */
/* The client is gone before its job came back. */
void control_forget_job(struct control_client *c);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sm trace, in the worker: each step of a login that somebody follows is told to sm: state, input,
 * verb, what was answered, and the time since the client connected. Only names from our tables,
 * conditions, the account and the address are told, never what a client sent. While an account
 * is followed, the first steps of every login are kept until it is known whose it is.
 *
 * Callers look at trace_on first, so that it costs nothing while nobody traces. */
#ifndef C2S_TRACE_H
#define C2S_TRACE_H

#include "c2s/login.h"

struct trace_log; /* of one client */

extern bool trace_on;

/* Where lines go; false: they cannot be taken now, and are dropped. */
void trace_start(bool (*tell)(void *ctx, const struct message *m), void *ctx);
void trace_set(const struct msg_trace *m); /* an empty pattern ends it */
void trace_clear(void);                    /* sm is away; it asks again */

void trace_connected(struct client *c);
void trace_begin(void);                           /* a verb is about to run */
void trace_said(const char *what, enum cond why); /* it says, or asks; COND_none: no condition */
void trace_step(struct client *c, enum login_state from, const char *input, const char *verb,
	const struct cue *cue);
void trace_forget(struct client *c); /* frees what was kept */

#endif

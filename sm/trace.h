/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sm trace, in the house: who follows whose logins. A trace lives as long as its client on the
 * control socket; what that client does not take in time is dropped, and counted. */
#ifndef SM_TRACE_H
#define SM_TRACE_H

#include "proto/types.h"
#include "sm/house.h"

/* A step that a worker tells. */
void trace_take(struct house *h, unsigned slot, const struct msg_traced *m);
void trace_each(struct house *h, void (*visit)(void *ctx, uint32_t trace, struct str pattern),
	void *ctx);

#endif

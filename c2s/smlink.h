/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The worker's end of the channel to sm: the link's loss and return, joins, questions that are
 * asked again, and what is told to sm from time to time. It outlives any link. The worker's
 * turns are here too: uv_prepare and uv_check write what a turn has produced. */
#ifndef C2S_SMLINK_H
#define C2S_SMLINK_H

#include "c2s/worker.h"
#include "proto/channel.h"

struct client;

bool smlink_up(const struct smlink *l); /* joined and welcome */
uint64_t smlink_send(struct smlink *l,
	const struct message *m); /* numbered; its sequence. Kept while there is no link */
void smlink_ask(struct smlink *l,
	const struct client *c); /* its open question; later, when there is no link now */
bool smlink_window(const struct smlink *l); /* is there room for another stanza? */
uint64_t smlink_acked(const struct smlink *l);

#endif

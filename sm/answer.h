/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One function a message, expanded from proto/messages.def: what c2s says, and what the house does
 * about it. A handler decides in memory; it answers false when the message breaks the protocol (and
 * may set the channel's `fault`). l->peer is set for every message of a worker but join, and a
 * message about a connection is about one of that worker's own. */
#ifndef SM_ANSWER_H
#define SM_ANSWER_H

#include "common/condition.h"
#include "sm/link.h"
#include "sm/verify.h"

#define ANSWER_SM(name)
#define ANSWER_C2S_SM(name) /* ack: the channel's own */
#define ANSWER_C2S(name) bool answer_##name(struct peer_link *l, const struct msg_##name *m);
#define ANSWER_PARENT(name) bool answer_##name(struct peer_link *l, const struct msg_##name *m);
#define MSG(code, name, from, delivery, fields, meaning) ANSWER_##from(name)
#include "proto/messages.def"
#undef MSG
#undef ANSWER_C2S
#undef ANSWER_PARENT

/* For channel_feed: ctx is the link. */
bool answer_message(void *ctx, const struct message *m);

/* A question that waited for its account to be loaded (opening.h): answered, or refused. */
void open_session(struct peer *p, const struct msg_open_session *m);
void open_refuse(struct peer *p, uint64_t conn, enum cond why);

/* Where the answers of verify.h come back. */
struct verify_out answer_verify_out(struct house *h);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The c2s parent as its workers' broker to sm: it connects for them, introduces each link, and
 * hands the socket over; and it keeps a link of its own, over which sm learns which workers live
 * and says whom it wants gone. Lives in the parent's poll loop: nothing here waits. While sm is
 * away it is tried again, after 100 ms at first and each second in the end. */
#ifndef C2S_BROKER_H
#define C2S_BROKER_H

#include "common/network.h"

#include <sys/types.h>

struct broker;

/* `run_directory` is where sm's socket is. `expel`: sm will not have this worker any more; end
 * it. */
struct broker *broker_new(const char *run_directory, unsigned slots,
	void (*expel)(void *ctx, uint32_t incarnation), void *ctx);
void broker_free(struct broker **b);

/* `fd`: the parent's end of the pair to that worker (c2s/parent.h); borrowed until it has died. */
void broker_worker_started(struct broker *b, unsigned slot, uint32_t incarnation, pid_t pid,
	int fd);
/* It is from before an upgrade, and has its link. */
void broker_worker_linked(struct broker *b, unsigned slot);
void broker_worker_died(struct broker *b, unsigned slot); /* waitpid said so */
void broker_worker_wants_link(struct broker *b, unsigned slot);

/* `reload`: the operator asks sm for a reload of ours too; answered by broker_reloaded, perhaps
 * later. */
void broker_on_reload(struct broker *b, void (*reload)(void *ctx, uint64_t request));
/* sm wants this prefix to be refused for so many seconds; 0: no more; family 0: nobody any more. */
void broker_on_ban(struct broker *b,
	void (*ban)(void *ctx, struct network prefix, uint64_t seconds));
/* What has come of it; `request` 0: it was not asked for by sm. `failed`: nothing is changed. */
void broker_reloaded(struct broker *b, uint64_t request, bool failed, struct str report);
/* When our certificates end (setup_expiries): told to sm with the next broker_reloaded, and at each
 * new link. */
void broker_expiries(struct broker *b, struct str lines);

/* Is every worker joined to sm, as far as we can make it: has each its link, and we ours? */
bool broker_settled(const struct broker *b);

/* What poll should wait for: a descriptor (-1: none) and events, and at most so many ms (-1: for
 * ever). */
int broker_fd(const struct broker *b, short *events);
int broker_wait(const struct broker *b, uint64_t now_ms);
/* After each poll: what it said about the descriptor, and what has become due. */
void broker_turn(struct broker *b, short happened, uint64_t now_ms);

#endif

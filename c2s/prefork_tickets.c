/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keys of session tickets in the parent: made here, passed to every worker, those from before
 * an upgrade too, and to whoever we become. */
#include "c2s/parent.h"
#include "c2s/prefork_work.h"
#include "common/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void pass_on(struct prefork *p)
{
	int memory = tickets_seal(&p->tickets);

	for (unsigned i = 0; i < p->places; i++) {
		const struct child *c = &p->children[i];

		/* without them its clients shake hands in full */
		if (c->fd >= 0 && (memory < 0 || !parent_say(c->fd, PARENT_TICKETS, memory)))
			log_event(ticket_keys_lost, LOG_U64("slot", i),
				LOG_TEXT("why", strerror(errno)));
	}
	if (memory >= 0)
		close(memory);
}

void prefork_tickets(struct prefork *p, uint64_t now)
{
	if (!tickets_turn(&p->tickets, (uint32_t)p->conf->ticket_lifetime, now))
		return;
	log_event(ticket_keys, LOG_U64("lifetime", p->tickets.lifetime));
	pass_on(p);
}

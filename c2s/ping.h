/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pings of a silent client (XEP-0199 4.2): an iq from its domain, whose answer goes no further than
 * the worker. When they are due is conn_idle.c's. */
#ifndef C2S_PING_H
#define C2S_PING_H

#include "c2s/client.h"

/* Says one; `number` makes its id another than that of the one before. */
void ping_say(struct client *c, uint32_t number);
/* Is it an answer to one of ours, to nobody but us? */
bool ping_is_answer(const struct client *c, const struct stanza *s);

#endif

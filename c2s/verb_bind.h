/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The two halves of binding that RFC 6120 7 and Bind 2 (XEP-0386) have in common. */
#ifndef C2S_VERB_BIND_H
#define C2S_VERB_BIND_H

#include "c2s/client.h"

/* Asks sm for a session. resource: prepared; empty: sm makes one. */
void bind_ask(struct client *c, struct str resource, enum login_state waiting);
/* It is open: the client has its name, and the log a line. What the client is told, and the state,
 * are for the caller. */
void bind_done(struct client *c, const struct msg_opened *m);

#endif

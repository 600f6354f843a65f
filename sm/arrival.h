/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a session that comes is told of its contacts: their presence (RFC 6121 4.2.2), and the
 * requests that wait (3.1.3). That may be much more than a stream may queue, or a link, and is
 * nothing that its client has said: a part goes at once, and more as its worker has taken that and
 * its client reads. What becomes of a contact meanwhile it hears like everybody. */
#ifndef SM_ARRIVAL_H
#define SM_ARRIVAL_H

#include "sm/session.h"

/* With the contacts that the roster has now. */
void arrival_start(struct house *h, struct session *s);
/* It is not to hear any more of it; nothing, if it has heard all. */
void arrival_end(struct session *s);
/* Before each turn's record: who has taken a part gets the next. */
void arrivals_turn(struct house *h);
/* After a restart: who had not heard all hears all once more, for nobody knows how far that was. */
void arrivals_resume(struct house *h);

#endif

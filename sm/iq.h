/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * iq.def at work. */
#ifndef SM_IQ_H
#define SM_IQ_H

#include "sm/module.h"

/* RFC 6120 8.2.3: an id, a type of the four, and for get and set exactly one child. */
bool iq_is_sound(const struct stanza *s);
/* Answers a get or set for the server, or for the sender's account. */
void iq_serve(const struct traffic *t, enum iq_target target);

#endif

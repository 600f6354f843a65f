/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * iq-auth (XEP-0078) where it meets SASL, whose exchange (PLAIN's) it is: verb_sasl.c. */
#ifndef C2S_VERB_IQ_AUTH_H
#define C2S_VERB_IQ_AUTH_H

#include "c2s/client.h"

/* The account is proven: asks for the session. */
void iq_auth_go_on(struct client *c);
/* In verb_sasl.c: what a mechanism says is next. */
void sasl_carry_on(struct client *c, enum sasl_step next);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What SASL2 (XEP-0388) has beside the exchange, for verb_sasl.c. */
#ifndef C2S_VERB_SASL2_H
#define C2S_VERB_SASL2_H

#include "c2s/client.h"

/* May the exchange begin that c->talks->sasl2 came with? False: it was refused, or the stream
 * ended. */
MUST_CHECK bool sasl2_may_begin(struct client *c);
/* The account is proven: does the next of what was asked for, and says <success/> when that was
 * the last. */
void sasl2_go_on(struct client *c);
/* sm finds the token old that the client comes with: it gets a new one (XEP-0484 3.5). */
void sasl2_renew_token(struct client *c);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is offered in each phase (protocol.md 1b): one row a feature in features.c, in the order
 * in which they are sent. */
#ifndef C2S_FEATURES_H
#define C2S_FEATURES_H

#include "c2s/client.h"

void features_say(struct client *c);
/* Is this mechanism in the list that this stream has (or would have) been sent? */
bool features_has_mechanism(const struct client *c, const struct sasl_mech *m);
/* Hashes of SCRAM whose verifiers a client may make (XEP-0480): bits, 1 << enum hash. */
uint32_t features_upgrades(const struct client *c);
/* The mechanism for tokens (FAST, XEP-0484) of this name, if this stream has (or would have) been
 * offered it; else NULL. */
const struct sasl_mech *features_token_mechanism(const struct client *c, struct str name);
/* Names all that a client which is not proven yet is offered, as it is now (XEP-0509); appended. */
void features_version(const struct client *c, struct buf *out);
/* What an exchange on this stream may know of its channel; sasl_channel_end is due. It keeps a
 * pointer to `c`. */
void features_channel(const struct client *c, struct sasl_channel *out);
bool features_has_registration(const struct client *c);
bool features_has_iq_auth(const struct client *c);
/* May somebody from before XMPP 1.0 begin a stream to this domain? NULL: none of ours. */
bool features_knows_old(const struct client *c, const struct conf_domain *d);
bool features_has_compression(const struct client *c); /* for who is proven, and has it not */

#endif

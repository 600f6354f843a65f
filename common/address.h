/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Addresses to listen on, as the configuration writes them: ADDRESS:PORT, [ADDRESS]:PORT or *:PORT,
 * in numbers. Only words are judged here: nothing is opened or looked up. */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include "common/buf.h"

#define ADDRESS_EXPECTED "this is not ADDRESS:PORT, [ADDRESS]:PORT or *:PORT"
#define ADDRESS_SINGLE_EXPECTED "this is not ADDRESS:PORT or [ADDRESS]:PORT"

/* Appends the address, without brackets (nothing for *), to `host`, and sets *port. False: `words`
 * are no address. */
MUST_CHECK bool address_cut(const char *words, struct buf *host, uint16_t *port);
MUST_CHECK bool address_is(const char *words);
/* Is it one, and of a single place: no *, and a port that others can know? */
MUST_CHECK bool address_is_single(const char *words);

#endif

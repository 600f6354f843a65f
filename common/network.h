/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * IP addresses and networks as numbers (an address is a network of one): the prefix that counts as
 * one peer for limits (an IPv4 address, an IPv6 /64), and networks that the configuration lists.
 * An IPv4 address in IPv6's clothes (::ffff:0:0/96) is the IPv4 address. */
#ifndef COMMON_NETWORK_H
#define COMMON_NETWORK_H

#include "common/conf.h"

#include <sys/socket.h>

#define NETWORK_TEXT 50      /* bytes of "ADDRESS/BITS", NUL included */
#define NETWORK_PEER_BITS 64 /* of IPv6: what one peer has for its own (RFC 6177) */
#define NETWORK_SITE_BITS 48 /* of IPv6: the most that one site is given */

struct network {
	uint8_t family; /* 4 or 6; 0: none */
	uint8_t bits;   /* that are set: 32, 128, or those of a prefix */
	uint8_t bytes[16];
};

/* ADDRESS or ADDRESS/BITS; what is behind the bits is cleared. False: it is neither. */
MUST_CHECK bool network_parse(struct str text, struct network *out);
struct network network_of(const struct sockaddr *a); /* family 0: not IP */
/* Its first `bits` when it is IPv6; an IPv4 address is its own prefix. */
struct network network_prefix(struct network a, unsigned bits);
bool network_same(struct network a, struct network b);
/* "192.0.2.1", "2001:db8::/64"; empty for family 0. `text` has NETWORK_TEXT bytes. */
void network_write(struct network a, char *text);
bool network_is_loopback(struct network a);
/* Is it what counts as one peer: an IPv4 address, or an IPv6 /64? */
bool network_is_peer(struct network a);
/* Is it in one of these networks, as a list of the configuration has them? */
bool network_in(struct network a, struct conf_list networks);

#endif

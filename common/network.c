/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Addresses, prefixes, networks. */
#include "common/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static unsigned bits_of(uint8_t family)
{
	return family == 4 ? 32 : 128;
}

static struct network from_six(const void *bytes)
{
	struct network a = {.family = 6, .bits = 128};

	memcpy(a.bytes, bytes, 16);
	if (memcmp(a.bytes, mapped, sizeof mapped) != 0)
		return a;
	a = (struct network){.family = 4, .bits = 32};
	memcpy(a.bytes, (const uint8_t *)bytes + 12, 4);
	return a;
}

/* The first `bits`; the rest is cleared. */
static struct network cut(struct network a, unsigned bits)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = bits > 8 * i ? bits - 8 * i : 0;

		if (kept < 8)
			a.bytes[i] &= (uint8_t)(0xff00 >> kept);
	}
	a.bits = (uint8_t)bits;
	return a;
}

static bool parse_whole(struct str text, struct network *out)
{
	char c[INET6_ADDRSTRLEN];
	uint8_t six[16];

	if (text.n == 0 || text.n >= sizeof c || memchr(text.p, 0, text.n))
		return false;
	memcpy(c, text.p, text.n);
	c[text.n] = 0;
	*out = (struct network){.family = 4, .bits = 32};
	if (inet_pton(AF_INET, c, out->bytes) == 1)
		return true;
	if (inet_pton(AF_INET6, c, six) != 1)
		return false;
	*out = from_six(six);
	return true;
}

bool network_parse(struct str text, struct network *out)
{
	struct str whole, behind;
	bool network = str_cut(text, '/', &whole, &behind);
	uint64_t bits;

	if (!parse_whole(whole, out))
		return false;
	if (!network)
		return true;
	if (!str_u64(behind, &bits) || bits > bits_of(out->family))
		return false;
	*out = cut(*out, (unsigned)bits);
	return true;
}

struct network network_of(const struct sockaddr *a)
{
	struct network out = {0};

	if (a->sa_family == AF_INET6)
		return from_six(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
	if (a->sa_family != AF_INET)
		return out;
	out = (struct network){.family = 4, .bits = 32};
	memcpy(out.bytes, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
	return out;
}

struct network network_prefix(struct network a, unsigned bits)
{
	return a.family == 6 && bits < a.bits ? cut(a, bits) : a;
}

bool network_same(struct network a, struct network b)
{
	return a.family == b.family && a.bits == b.bits &&
		memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

void network_write(struct network a, char *text)
{
	size_t n;

	*text = 0;
	if (!a.family ||
		!inet_ntop(a.family == 4 ? AF_INET : AF_INET6, a.bytes, text, NETWORK_TEXT))
		return;
	n = strlen(text);
	if (a.bits != bits_of(a.family))
		snprintf(text + n, NETWORK_TEXT - n, "/%u", a.bits);
}

bool network_is_loopback(struct network a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a.family == 4 ? a.bytes[0] == 127 && a.bits >= 8
			     : a.family == 6 && memcmp(a.bytes, one, sizeof one) == 0;
}

bool network_is_peer(struct network a)
{
	return a.family == 4 ? a.bits == 32 : a.family == 6 && a.bits == NETWORK_PEER_BITS;
}

bool network_in(struct network a, struct conf_list networks)
{
	for (size_t i = 0; i < networks.n; i++) {
		struct network one;

		if (network_parse(str_of(networks.words[i]), &one) && one.family == a.family &&
			one.bits <= a.bits && network_same(cut(a, one.bits), one))
			return true;
	}
	return false;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A walk over records, up to the length of the message in them. */
#include "c2s/flight.h"

#define FLIGHT_MOST 16384 /* bytes; see TLS_GATE_HANDSHAKE_MOST */
#define RECORD_HEAD 5
#define MESSAGE_HEAD 4

enum { HANDSHAKE = 22, CLIENT_HELLO = 1 };

static size_t number_at(struct str s, size_t at, size_t bytes)
{
	size_t n = 0;

	for (size_t i = at; i < at + bytes && i < s.n && s.p; i++)
		n = n << 8 | (uint8_t)s.p[i];
	return n;
}

static struct str without_space(struct str s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\r' || s.p[0] == '\n'))
		s = str_skip(s, 1);
	return s;
}

/* With `have` bytes of the message there, of which `head` are the first: is that all? */
static bool is_all(const uint8_t *head, size_t have)
{
	size_t size = (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];

	return have >= MESSAGE_HEAD && (head[0] != CLIENT_HELLO || have - MESSAGE_HEAD >= size);
}

bool flight_is_whole(struct str flight)
{
	uint8_t head[MESSAGE_HEAD] = {0};
	size_t have = 0;

	flight = without_space(flight);
	if (flight.n >= FLIGHT_MOST)
		return true;
	while (flight.n) {
		size_t n = flight.n >= RECORD_HEAD ? number_at(flight, 3, 2) : 0;

		if ((uint8_t)flight.p[0] != HANDSHAKE)
			return true;
		if (flight.n < RECORD_HEAD + n || flight.n < RECORD_HEAD)
			return false;
		for (size_t i = 0; i < n && have + i < sizeof head; i++)
			head[have + i] = (uint8_t)flight.p[RECORD_HEAD + i];
		have += n;
		if (n == 0 || is_all(head, have))
			return true;
		flight = str_skip(flight, RECORD_HEAD + n);
	}
	return false;
}

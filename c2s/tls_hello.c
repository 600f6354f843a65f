/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See tls_hello.h. Whatever is cut or too long is not there. */
#include "c2s/tls_hello.h"

enum { HANDSHAKE = 22, SERVER_HELLO = 2, EXTENDED_MASTER_SECRET = 23 };
enum { VERSION = 2, RANDOM = 32, SUITE = 2, COMPRESSION = 1 };

static bool skip(struct str *s, size_t n)
{
	bool there = s->n >= n;

	*s = str_skip(*s, n);
	return there;
}

/* Big-endian, of `bytes` bytes. */
static bool take_number(struct str *s, size_t bytes, size_t *n)
{
	if (s->n < bytes)
		return false;
	*n = 0;
	for (size_t i = 0; i < bytes; i++)
		*n = *n << 8 | (uint8_t)s->p[i];
	return skip(s, bytes);
}

/* A vector behind its length, which has this many bytes. */
static bool take_vector(struct str *s, size_t bytes, struct str *out)
{
	size_t n;

	if (!take_number(s, bytes, &n) || n > s->n)
		return false;
	*out = str_head(*s, n);
	return skip(s, n);
}

/* The next extension: its type and its content. */
static bool take_extension(struct str *s, size_t *type, struct str *content)
{
	return take_number(s, 2, type) && take_vector(s, 2, content);
}

/* The first message of the first record. */
static bool take_message(struct str record, size_t *type, struct str *message)
{
	size_t content;
	struct str payload;

	return take_number(&record, 1, &content) && content == HANDSHAKE &&
		skip(&record, VERSION) && take_vector(&record, 2, &payload) &&
		take_number(&payload, 1, type) && take_vector(&payload, 3, message);
}

bool tls_hello_extended(struct str flight)
{
	struct str hello, session, extensions, content;
	size_t type;

	if (!take_message(flight, &type, &hello) || type != SERVER_HELLO ||
		!skip(&hello, VERSION + RANDOM) || !take_vector(&hello, 1, &session) ||
		!skip(&hello, SUITE + COMPRESSION) || !take_vector(&hello, 2, &extensions))
		return false;
	while (take_extension(&extensions, &type, &content))
		if (type == EXTENDED_MASTER_SECRET)
			return content.n == 0;
	return false;
}

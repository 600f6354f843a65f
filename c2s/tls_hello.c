/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See tls_hello.h. Whatever is cut or too long is not there. */
#include "c2s/tls_hello.h"

enum { HANDSHAKE = 22, CLIENT_HELLO = 1, SERVER_HELLO = 2 };
enum { SERVER_NAME = 0, EXTENDED_MASTER_SECRET = 23, SESSION_TICKET = 35, PRE_SHARED_KEY = 41 };
enum { HOST_NAME = 0 };
enum { HEADER = 4 }; /* of a message */
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

struct str tls_hello_payload(struct str record)
{
	size_t content;
	struct str payload = STR_NONE;

	if (take_number(&record, 1, &content) && content == HANDSHAKE && skip(&record, VERSION) &&
		take_vector(&record, 2, &payload))
		return payload;
	return STR_NONE;
}

size_t tls_hello_bytes(struct str message)
{
	size_t type, n;

	return take_number(&message, 1, &type) && take_number(&message, 3, &n) ? HEADER + n : 0;
}

static bool take_message(struct str *bytes, size_t *type, struct str *message)
{
	return take_number(bytes, 1, type) && take_vector(bytes, 3, message);
}

static bool read_name(struct str content, struct str *name)
{
	struct str list, one;
	size_t type;

	if (!take_vector(&content, 2, &list))
		return false;
	while (take_number(&list, 1, &type) && take_vector(&list, 2, &one))
		if (type == HOST_NAME) {
			*name = one;
			return true;
		}
	return false;
}

static bool read_identity(struct str content, struct str *identity)
{
	struct str list;

	return take_vector(&content, 2, &list) && take_vector(&list, 2, identity);
}

static bool read_extension(size_t type, struct str content, struct tls_hello *hello)
{
	switch (type) {
	case SERVER_NAME:
		return read_name(content, &hello->name);
	case SESSION_TICKET:
		hello->ticket = content;
		return true;
	case PRE_SHARED_KEY:
		return read_identity(content, &hello->psk);
	default:
		return true;
	}
}

static bool read_hello(struct str hello, struct tls_hello *out)
{
	struct str skipped, extensions, content;
	size_t type;

	if (!skip(&hello, VERSION + RANDOM) || !take_vector(&hello, 1, &skipped) ||
		!take_vector(&hello, 2, &skipped) || !take_vector(&hello, 1, &skipped))
		return false;
	if (!hello.n)
		return true; /* TLS 1.2 knows hellos without extensions */
	if (!take_vector(&hello, 2, &extensions) || hello.n)
		return false;
	while (extensions.n)
		if (!take_extension(&extensions, &type, &content) ||
			!read_extension(type, content, out))
			return false;
	return true;
}

bool tls_hello_read(struct str message, struct tls_hello *hello)
{
	size_t type;
	struct str body;

	*hello = (struct tls_hello){0};
	if (take_message(&message, &type, &body) && type == CLIENT_HELLO && !message.n &&
		read_hello(body, hello))
		return true;
	*hello = (struct tls_hello){0};
	return false;
}

bool tls_hello_has_ticket(struct str bytes, const struct tickets *tickets)
{
	struct str message = tls_hello_payload(bytes);
	struct tls_hello hello;

	return tls_hello_read(str_head(message, tls_hello_bytes(message)), &hello) &&
		(tickets_find(tickets, str_head(hello.psk, TICKET_NAME)) ||
			tickets_find(tickets, str_head(hello.ticket, TICKET_NAME)));
}

bool tls_hello_extended(struct str flight)
{
	struct str payload = tls_hello_payload(flight), hello, session, extensions, content;
	size_t type;

	if (!take_message(&payload, &type, &hello) || type != SERVER_HELLO ||
		!skip(&hello, VERSION + RANDOM) || !take_vector(&hello, 1, &session) ||
		!skip(&hello, SUITE + COMPRESSION) || !take_vector(&hello, 2, &extensions))
		return false;
	while (take_extension(&extensions, &type, &content))
		if (type == EXTENDED_MASTER_SECRET)
			return content.n == 0;
	return false;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See der.h. */
#include "c2s/der.h"

#define LONG_FORM 0x80
#define LENGTH_BYTES 3 /* more would be longer than a handshake may be */
#define TAG_CONTINUES 0x1f

/* The length behind a tag (X.690 8.1.3, 10.1). */
static bool take_length(struct str *s, size_t *n)
{
	uint8_t first;
	size_t bytes;

	if (!s->n)
		return false;
	first = (uint8_t)s->p[0];
	*s = str_skip(*s, 1);
	*n = first;
	if (first < LONG_FORM)
		return true;
	bytes = first & ~LONG_FORM;
	if (!bytes || bytes > LENGTH_BYTES || bytes > s->n)
		return false;
	*n = 0;
	for (size_t i = 0; i < bytes; i++)
		*n = *n << 8 | (uint8_t)s->p[i];
	*s = str_skip(*s, bytes);
	return *n >= LONG_FORM && *n >> (8 * (bytes - 1)); /* the shortest form */
}

bool der_any(struct str *s, uint8_t *tag, struct str *content)
{
	struct str rest = str_skip(*s, 1);
	size_t n;

	if (!s->n || ((uint8_t)s->p[0] & TAG_CONTINUES) == TAG_CONTINUES ||
		!take_length(&rest, &n) || n > rest.n)
		return false;
	*tag = (uint8_t)s->p[0];
	*content = str_head(rest, n);
	*s = str_skip(rest, n);
	return true;
}

bool der_take(struct str *s, uint8_t tag, struct str *content)
{
	struct str rest = *s;
	uint8_t found;

	if (!der_any(&rest, &found, content) || found != tag)
		return false;
	*s = rest;
	return true;
}

bool der_skip_if(struct str *s, uint8_t tag)
{
	struct str skipped;

	return !s->n || (uint8_t)s->p[0] != tag || der_take(s, tag, &skipped);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See sasl_channel.h. */
#include "c2s/sasl_channel.h"
#include <stdlib.h>

static const char *const names[] = {
#define NAME(name, prefix) prefix,
	BINDINGS(NAME)
#undef NAME
};

const char *binding_name(enum binding b)
{
	return names[b];
}

bool binding_find(struct str name, enum binding *out)
{
	for (unsigned b = 0; b < BINDING_COUNT; b++) {
		if (str_is(name, names[b])) {
			*out = (enum binding)b;
			return true;
		}
	}
	return false;
}

void sasl_channel_end(struct sasl_channel *c)
{
	buf_free(&c->offer);
	*c = (struct sasl_channel){0};
}

bool sasl_channel_offers(const struct sasl_channel *c, enum binding b)
{
	return c->bindings >> b & 1;
}

static int by_octets(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void write_sorted(struct buf *out, struct str *words, size_t n)
{
	if (n)
		qsort(words, n, sizeof *words, by_octets);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(out, 0x1e);
		buf_put(out, words[i]);
	}
}

void ssdp_write(struct buf *out, struct str *mechanisms, size_t n, unsigned bindings)
{
	struct str types[BINDING_COUNT];
	size_t count = 0;
	write_sorted(out, mechanisms, n);
	for (unsigned b = 0; b < BINDING_COUNT; b++) {
		if (bindings >> b & 1)
			types[count++] = str_of(names[b]);
	}
	if (!count)
		return;
	buf_putc(out, 0x1f);
	write_sorted(out, types, count);
}

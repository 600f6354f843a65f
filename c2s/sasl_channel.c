/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See sasl_channel.h. */
#include "c2s/sasl_channel.h"
#include <stdlib.h>

static const char *const names[] = {
#define BINDING(name, word, is) [TLS_##name] = word,
#include "c2s/tls_binding.def"
#undef BINDING
};

const char *binding_name(enum tls_binding b)
{
	return names[b];
}

bool binding_find(struct str name, enum tls_binding *out)
{
	for (unsigned b = 0; b < TLS_BINDINGS; b++) {
		if (str_is(name, names[b])) {
			*out = (enum tls_binding)b;
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

bool sasl_channel_offers(const struct sasl_channel *c, enum tls_binding b)
{
	return c->bindings >> b & 1;
}

bool sasl_channel_address(struct str address, struct str domain, struct buf *store, struct jid *out)
{
	buf_clear(store);
	return jid_parse(address, store, out) && out->local_n && !out->resource_n &&
		str_eq(jid_domain(*out), domain);
}

bool sasl_channel_names(const struct sasl_channel *c, struct str domain)
{
	struct buf store = {0};
	struct str address;
	struct jid j;
	bool found = false;
	for (size_t i = 0; !found && c->address && (address = c->address(c->of, i)).n; i++)
		found = sasl_channel_address(address, domain, &store, &j);
	buf_free(&store);
	return found;
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
	struct str types[TLS_BINDINGS];
	size_t count = 0;
	write_sorted(out, mechanisms, n);
	for (unsigned b = 0; b < TLS_BINDINGS; b++) {
		if (bindings >> b & 1)
			types[count++] = str_of(names[b]);
	}
	if (!count)
		return;
	buf_putc(out, 0x1f);
	write_sorted(out, types, count);
}

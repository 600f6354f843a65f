/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See address.h. */
#include "common/address.h"

#include <arpa/inet.h>

/* In numbers; an IPv6 one may name its interface behind a %. */
static bool is_host(struct str host, bool six)
{
	struct in6_addr any;
	struct str name = host, scope = STR_NONE;
	struct buf text = {0};
	bool good = !six || !str_cut(host, '%', &name, &scope) || scope.n;

	buf_put(&text, name);
	good = good && inet_pton(six ? AF_INET6 : AF_INET, buf_cstr(&text), &any) == 1;
	buf_free(&text);
	return good;
}

/* At the last colon. */
static bool cut_port(struct str words, struct str *name, uint16_t *port)
{
	size_t colon = words.n;
	uint64_t number;

	while (colon && words.p[colon - 1] != ':')
		colon--;
	if (!colon || !str_u64(str_skip(words, colon), &number) || number > 65535)
		return false;
	*name = str_head(words, colon - 1);
	*port = (uint16_t)number;
	return true;
}

bool address_cut(const char *words, struct buf *host, uint16_t *port)
{
	struct str name;
	bool six;

	if (!cut_port(str_of(words), &name, port))
		return false;
	if (str_eq(name, STR("*")))
		return true;
	six = name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']';
	if (six)
		name = str_at(name.p + 1, name.n - 2);
	if (!is_host(name, six))
		return false;
	buf_put(host, name);
	return true;
}

bool address_is(const char *words)
{
	struct buf host = {0};
	uint16_t port;
	bool good = address_cut(words, &host, &port);

	buf_free(&host);
	return good;
}

bool address_is_single(const char *words)
{
	struct buf host = {0};
	uint16_t port;
	bool good = address_cut(words, &host, &port) && host.n && port;

	buf_free(&host);
	return good;
}

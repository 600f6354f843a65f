/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading PROXY headers, strictly: a proxy that is trusted makes no mistakes. */
#include "c2s/proxy.h"

#include <string.h>

#define FIXED 16 /* bytes of version 2 before the addresses */
#define TLV_HEAD 3
#define TLV_TLS 0x20         /* PP2_TYPE_SSL (2.2.6) */
#define TLS_FIXED 5          /* client, verify */
#define CLIENT_CAME_BY_TLS 1 /* PP2_CLIENT_SSL */

static const struct str line_start = STR("PROXY ");
static const struct str signature = STR("\r\n\r\n\0\r\nQUIT\n");

static enum proxy_outcome fault(struct proxy *out, const char *why)
{
	*out = (struct proxy){.why = why};
	return PROXY_FAULT;
}

/* --- version 1 -------------------------------------------------------------------------------- */

static bool next_word(struct str *rest, struct str *word)
{
	struct str tail;
	bool more = str_cut(*rest, ' ', word, &tail);

	*rest = tail;
	return more;
}

static bool is_port(struct str s)
{
	uint64_t number;

	return s.n && (s.n == 1 || s.p[0] != '0') && str_u64(s, &number) && number <= 65535;
}

static bool is_address(struct str s, char family, struct network *out)
{
	bool six = str_find(s, ':') < s.n;

	return str_find(s, '/') == s.n && six == (family == '6') && network_parse(s, out);
}

/* "TCP4 SOURCE DESTINATION PORT PORT" */
static bool read_line(struct str line, struct proxy *out)
{
	struct str kind, source, destination, port;
	struct network other;

	if (!next_word(&line, &kind) || (!str_is(kind, "TCP4") && !str_is(kind, "TCP6")))
		return false;
	if (!next_word(&line, &source) || !next_word(&line, &destination) ||
		!next_word(&line, &port))
		return false;
	return is_address(source, kind.p[3], &out->from) &&
		is_address(destination, kind.p[3], &other) && is_port(port) && is_port(line);
}

static enum proxy_outcome version_one(struct str bytes, struct proxy *out)
{
	struct str start = str_head(bytes, PROXY_LINE_MOST), line;
	size_t end = str_find(start, '\r');

	if (end + 1 < start.n && start.p[end + 1] != '\n')
		return fault(out, "a PROXY line with a stray carriage return");
	if (end + 1 >= start.n)
		return bytes.n < PROXY_LINE_MOST ? PROXY_MORE
						 : fault(out, "a PROXY line without an end");
	line = str_skip(str_head(start, end), line_start.n);
	if (!str_is(line, "UNKNOWN") && !str_starts(line, STR("UNKNOWN ")) && !read_line(line, out))
		return fault(out, "a malformed PROXY line");
	out->used = end + 2;
	return PROXY_DONE;
}

/* --- version 2 -------------------------------------------------------------------------------- */

static size_t number_at(struct str s, size_t at)
{
	return (size_t)(uint8_t)s.p[at] << 8 | (uint8_t)s.p[at + 1];
}

/* False: cut. */
static bool read_tlvs(struct str rest, struct proxy *out)
{
	while (rest.n) {
		size_t n = rest.n >= TLV_HEAD ? number_at(rest, 1) : 0;
		struct str value = str_head(str_skip(rest, TLV_HEAD), n);

		if (rest.n < TLV_HEAD || value.n < n)
			return false;
		if (rest.p[0] == TLV_TLS && n < TLS_FIXED)
			return false;
		if (rest.p[0] == TLV_TLS)
			out->tls = value.p[0] & CLIENT_CAME_BY_TLS;
		rest = str_skip(rest, TLV_HEAD + n);
	}
	return true;
}

/* Addresses of the family, and how many bytes both take. 0: none that we know. */
static size_t read_addresses(uint8_t family, struct str rest, struct proxy *out)
{
	char text[NETWORK_TEXT];
	struct network from = {0};
	size_t each = family == 0x11 ? 4 : 16, both = family == 0x11 ? 12 : 36;

	if (family == 0x31)
		return 216; /* Unix: the proxy's own machine */
	if (rest.n < both)
		return both;
	from.family = each == 4 ? 4 : 6;
	from.bits = (uint8_t)(8 * each);
	memcpy(from.bytes, rest.p, each);
	network_write(from, text); /* IPv4 in IPv6's clothes is IPv4 */
	return network_parse(str_of(text), &out->from) ? both : 0;
}

static enum proxy_outcome with_addresses(uint8_t family, struct str rest, struct proxy *out)
{
	size_t n;

	if (family == 0x00)
		return PROXY_DONE; /* UNSPEC: whatever follows is to be skipped */
	if (family != 0x11 && family != 0x21 && family != 0x31)
		return fault(out, "a PROXY header of another transport");
	n = read_addresses(family, rest, out);
	if (!n || rest.n < n || !read_tlvs(str_skip(rest, n), out))
		return fault(out, "a malformed PROXY header");
	return PROXY_DONE;
}

static enum proxy_outcome version_two(struct str bytes, struct proxy *out)
{
	uint8_t command;
	size_t n;

	if (bytes.n < FIXED)
		return PROXY_MORE;
	command = (uint8_t)bytes.p[12];
	n = number_at(bytes, 14);
	if (command != 0x20 && command != 0x21)
		return fault(out, "a PROXY header of an unknown version or command");
	if (FIXED + n > PROXY_MOST)
		return fault(out, "a PROXY header that is too long");
	if (bytes.n < FIXED + n)
		return PROXY_MORE;
	out->used = FIXED + n;
	if (command == 0x20)
		return PROXY_DONE; /* LOCAL: what follows is to be skipped */
	return with_addresses((uint8_t)bytes.p[13], str_head(str_skip(bytes, FIXED), n), out);
}

/* Are the bytes a beginning of `what`, or begin with it? */
static bool agrees(struct str bytes, struct str what)
{
	return str_starts(str_head(what, bytes.n), str_head(bytes, what.n));
}

enum proxy_outcome proxy_read(struct str bytes, struct proxy *out)
{
	*out = (struct proxy){0};
	if (bytes.n == 0)
		return PROXY_MORE;
	if (agrees(bytes, line_start))
		return bytes.n < line_start.n ? PROXY_MORE : version_one(bytes, out);
	if (agrees(bytes, signature))
		return bytes.n < signature.n ? PROXY_MORE : version_two(bytes, out);
	return fault(out, "no PROXY header");
}

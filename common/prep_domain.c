/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Domainparts (RFC 7622 3.2): lower-case LDH labels by one pass; anything with a U-label or A-label
 * through libidn2, where the U-label form is the canonical one; and IPv6 literals in brackets. */
#include "common/prep_points.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#define LABEL_MAX 63
#define NAME_MAX_ASCII 253 /* of the form that goes over the wire in DNS, without the final dot */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_ldh(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static bool is_ace(struct str label)
{
	return label.n >= 4 && lower(label.p[0]) == 'x' && lower(label.p[1]) == 'n' &&
		label.p[2] == '-' && label.p[3] == '-';
}

/* "--" in third place is reserved for A-labels (RFC 5890 2.3.1). */
static bool label_is_good(struct str label)
{
	if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++) {
		if (!is_ldh(lower(label.p[i])))
			return false;
	}
	return label.n < 4 || label.p[2] != '-' || label.p[3] != '-' || is_ace(label);
}

/* Is it a name of LDH labels in any case? Says in *has_ace whether there is an A-label among
 * them. */
static bool name_is_good(struct str name, bool *has_ace)
{
	struct str label;
	bool more = true;

	*has_ace = false;
	if (name.n > NAME_MAX_ASCII)
		return false;
	while (more) {
		more = str_cut(name, '.', &label, &name);
		if (!label_is_good(label))
			return false;
		*has_ace |= is_ace(label);
	}
	return true;
}

/* RFC 5895 2: lower case, ordinary width, composed; the ideographic full stop separates as well. */
static bool map(struct str in, struct buf *mapped)
{
	struct points s = {0};
	bool good = prep_points_from(&s, in);

	if (good)
		prep_points_map_width(&s);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == 0x3002)
			s.p[i] = '.';
	}
	good = good && prep_points_lower(&s) && prep_points_put(&s, mapped);
	prep_points_end(&s);
	return good;
}

/* IDNA2008 without UTS 46, whose implementation in libidn2 2.3.3 drops characters that it should
 * refuse. The results of both functions are libidn2's to free. */
static char *to_ascii(const char *name)
{
	uint8_t *made = NULL;

	if (idn2_lookup_u8((const uint8_t *)name, &made, IDN2_NO_TR46 | IDN2_NFC_INPUT) != IDN2_OK)
		return NULL;
	return (char *)made;
}

static char *to_unicode(const char *name)
{
	char *made = NULL;

	return idn2_to_unicode_8z8z(name, &made, 0) == IDN2_OK ? made : NULL;
}

/* Is `unicode` the same as `name` but for the A-labels in that, and no label of it begins or ends
 * with a hyphen (RFC 5891 4.2.3.1, which a look-up does not check)? */
static bool same_labels(struct str name, struct str unicode)
{
	struct str a, b;
	bool more = true, same = true;

	while (more && same) {
		more = str_cut(name, '.', &a, &name);
		same = str_cut(unicode, '.', &b, &unicode) == more && (is_ace(a) || str_eq(a, b)) &&
			!str_starts(b, STR("-")) && !str_ends(b, STR("-"));
	}
	return same;
}

/* An A-label may hold what no mapping would leave as it is (Cherokee has capitals that IDNA2008
 * admits): such a name would have two forms. */
static bool is_mapped(struct str name)
{
	struct buf mapped = {0};
	bool same = map(name, &mapped) && str_eq(buf_str(&mapped), name);

	buf_free(&mapped);
	return same;
}

/* To A-labels; those to U-labels; and these to the same A-labels again: so each name has one form,
 * and no A-label stands for something that is not a U-label. */
static bool internationalized(struct buf *out, const char *name)
{
	char *ascii = to_ascii(name);
	char *unicode = ascii ? to_unicode(ascii) : NULL;
	char *again = unicode ? to_ascii(unicode) : NULL;
	bool has_ace, good;

	good = again && strcmp(again, ascii) == 0 && name_is_good(str_of(ascii), &has_ace) &&
		same_labels(str_of(name), str_of(unicode)) && is_mapped(str_of(unicode));
	if (good)
		buf_puts(out, unicode);
	idn2_free(ascii);
	idn2_free(unicode);
	idn2_free(again);
	return good;
}

static bool international(struct buf *out, struct str in)
{
	struct buf mapped = {0};
	bool good = str_find(in, '\0') == in.n && map(in, &mapped);

	good = good && internationalized(out, buf_cstr(&mapped));
	buf_free(&mapped);
	return good;
}

/* "[...]" to the form of RFC 5952. */
static bool ipv6_literal(struct buf *out, struct str in)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t n = in.n - 2; /* between the brackets */

	if (in.n < 4 || in.p[in.n - 1] != ']' || n >= sizeof text)
		return false;
	memcpy(text, in.p + 1, n);
	text[n] = '\0';
	if (strlen(text) != n || inet_pton(AF_INET6, text, &address) != 1)
		return false;
	inet_ntop(AF_INET6, &address, text, sizeof text);
	buf_printf(out, "[%s]", text);
	return true;
}

bool prep_domain_ready(struct str in)
{
	bool has_ace;

	for (size_t i = 0; i < in.n; i++) {
		if (!is_ldh(in.p[i]) && in.p[i] != '.')
			return false;
	}
	return name_is_good(in, &has_ace) && !has_ace;
}

bool prep_domain(struct buf *out, struct str in)
{
	bool has_ace;
	char *to;

	if (str_starts(in, STR("[")))
		return ipv6_literal(out, in);
	if (str_ends(in, STR(".")))
		in.n--;
	if (in.n == 0)
		return false;
	if (!str_ascii(in))
		return international(out, in);
	if (!name_is_good(in, &has_ace))
		return false;
	if (has_ace)
		return international(out, in);
	to = buf_room(out, in.n);
	for (size_t i = 0; i < in.n; i++)
		to[i] = lower(in.p[i]);
	buf_grew(out, in.n);
	return true;
}

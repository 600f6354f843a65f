/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Names and passwords. ASCII, which is nearly all there is, takes one pass over a table; the rest
 * goes through PRECIS (RFC 8264, 8265; prep_points.h, prep_rule.h), or SASLprep on libidn. */
#include "common/prep.h"

#include <string.h>
#include <stringprep.h>
#include <unictype.h>

#include "common/prep_points.h"
#include "common/prep_rule.h"

/* What a localpart makes of each printable ASCII character, from the blank on: itself, its lower
 * case, or NUL where RFC 7622 3.3.1 excludes it. */
static const char local_ascii[] = "\0!\0#$%\0\0()*+,-.\0"
				  "0123456789\0;\0=\0?"
				  "\0abcdefghijklmno"
				  "pqrstuvwxyz[\\]^_"
				  "`abcdefghijklmno"
				  "pqrstuvwxyz{|}~";

static char local_byte(uint32_t c)
{
	return c >= ' ' && c < 0x7f ? local_ascii[c - ' '] : '\0';
}

static bool in_class(const struct points *s, enum prep_class class)
{
	for (size_t i = 0; i < s->n; i++) {
		if (!prep_rule_in_class(class, s->p[i]))
			return false;
	}
	return true;
}

/* RFC 8265 4.2.2: any other blank becomes the ASCII one. */
static void map_spaces(struct points *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (uc_is_general_category(s->p[i], UC_SPACE_SEPARATOR))
			s->p[i] = ' ';
	}
}

/* RFC 7622 3.3.1; looked for after mapping, which could bring them forth. */
static bool local_excludes(const struct points *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] < 128 && !local_byte(s->p[i]))
			return true;
	}
	return false;
}

/* UsernameCaseMapped, RFC 8265 3.3.2 (preparation) and 3.3.3 (enforcement), in that order. */
static bool username(struct points *s)
{
	prep_points_map_width(s);
	return in_class(s, PREP_IDENTIFIER) && prep_points_lower(s) && prep_rule_bidi(s->p, s->n) &&
		prep_rule_allows(PREP_IDENTIFIER, s->p, s->n) && !local_excludes(s);
}

/* OpaqueString, RFC 8265 4.2.1 and 4.2.2. */
static bool opaque(struct points *s)
{
	if (!in_class(s, PREP_FREEFORM))
		return false;
	map_spaces(s);
	return prep_points_compose(s) && prep_rule_allows(PREP_FREEFORM, s->p, s->n);
}

static bool prepare(struct buf *out, struct str in, bool (*profile)(struct points *))
{
	struct points s = {0};
	bool allowed = prep_points_from(&s, in) && profile(&s) && prep_points_put(&s, out);

	prep_points_end(&s);
	return allowed;
}

static bool is_printable(unsigned char c)
{
	return c >= ' ' && c < 0x7f;
}

static bool all_printable_ascii(struct str in)
{
	for (size_t i = 0; i < in.n; i++) {
		if (!is_printable((unsigned char)in.p[i]))
			return false;
	}
	return true;
}

bool prep_local_ready(struct str in)
{
	if (in.n == 0 || in.n > JID_PART_MAX)
		return false;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\0' || local_byte((unsigned char)in.p[i]) != in.p[i])
			return false;
	}
	return true;
}

bool prep_resource_ready(struct str in)
{
	return in.n > 0 && in.n <= JID_PART_MAX && all_printable_ascii(in);
}

static bool local_from_ascii(struct buf *out, struct str in)
{
	char *to;

	if (in.n == 0 || in.n > JID_PART_MAX)
		return false;
	to = buf_room(out, in.n);
	for (size_t i = 0; i < in.n; i++) {
		to[i] = local_byte((unsigned char)in.p[i]);
		if (!to[i])
			return false;
	}
	buf_grew(out, in.n);
	return true;
}

bool prep_local(struct buf *out, struct str in)
{
	if (str_ascii(in))
		return local_from_ascii(out, in);
	return prepare(out, in, username);
}

static bool opaque_string(struct buf *out, struct str in)
{
	if (prep_resource_ready(in)) {
		buf_put(out, in);
		return true;
	}
	return !str_ascii(in) && prepare(out, in, opaque);
}

bool prep_resource(struct buf *out, struct str in)
{
	return opaque_string(out, in);
}

bool prep_password(struct buf *out, struct str in)
{
	return opaque_string(out, in);
}

/* Unassigned code points (in Unicode 3.2) are refused as for stored strings, RFC 3454 7. */
static bool saslprep(struct buf *out, struct str in)
{
	char text[PREP_INPUT_MAX + 1];
	int failed;
	bool fits;

	if (in.n > PREP_INPUT_MAX || !str_utf8(in) || str_find(in, '\0') < in.n)
		return false;
	memcpy(text, in.p, in.n);
	text[in.n] = '\0';
	failed = stringprep(text, sizeof text, STRINGPREP_NO_UNASSIGNED, stringprep_saslprep);
	fits = !failed && text[0] && strlen(text) <= JID_PART_MAX;
	if (fits)
		buf_puts(out, text);
	mem_wipe(text, sizeof text);
	return fits;
}

bool prep_saslprep(struct buf *out, struct str in)
{
	if (prep_resource_ready(in)) { /* printable ASCII is itself here as well */
		buf_put(out, in);
		return true;
	}
	return !str_ascii(in) && saslprep(out, in);
}

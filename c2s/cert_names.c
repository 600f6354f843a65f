/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See cert_names.h. The way there: RFC 5280 4.1, 4.2 and 4.2.1.6. */
#include "c2s/cert_names.h"
#include "c2s/der.h"

enum {
	VERSION = 0,
	ISSUER_ID = 0x81,
	SUBJECT_ID = 0x82,
	EXTENSIONS = 3,
	OTHER_NAME = 0,
	VALUE = 0
};

static const struct str subject_alt_name = {"\x55\x1d\x11", 3};              /* 2.5.29.17 */
static const struct str xmpp_addr = {"\x2b\x06\x01\x05\x05\x07\x08\x05", 8}; /* id-on-xmppAddr */

static bool skip(struct str *s, size_t elements)
{
	struct str skipped;
	uint8_t tag;

	for (; elements; elements--)
		if (!der_any(s, &tag, &skipped))
			return false;
	return true;
}

/* The list of extensions; empty: there is none. */
static bool find_extensions(struct str der, struct str *list)
{
	struct str certificate, body, wrapped;

	*list = STR_NONE;
	if (!der_take(&der, DER_SEQUENCE, &certificate) || der.n ||
		!der_take(&certificate, DER_SEQUENCE, &body) ||
		!der_skip_if(&body, DER_CONTEXT(VERSION)) ||
		!skip(&body, 6) /* serial, signature, issuer, validity, subject, key */ ||
		!der_skip_if(&body, ISSUER_ID) || !der_skip_if(&body, SUBJECT_ID))
		return false;
	if (!body.n)
		return true;
	return der_take(&body, DER_CONTEXT(EXTENSIONS), &wrapped) && !body.n &&
		der_take(&wrapped, DER_SEQUENCE, list) && !wrapped.n;
}

/* False: the extensions are broken, or name the subject twice. */
static bool find_alt_names(struct str list, struct str *names)
{
	struct str one, oid, value;
	bool found = false;

	*names = STR_NONE;
	while (list.n) {
		if (!der_take(&list, DER_SEQUENCE, &one) || !der_take(&one, DER_OID, &oid) ||
			!der_skip_if(&one, DER_BOOLEAN) || !der_take(&one, DER_OCTETS, &value) ||
			one.n)
			return false;
		if (!str_eq(oid, subject_alt_name))
			continue;
		if (found || !der_take(&value, DER_SEQUENCE, names) || value.n)
			return false;
		found = true;
	}
	return true;
}

static bool name_ok(struct str name)
{
	return name.n && name.n <= CERT_NAME_BYTES && str_utf8(name) &&
		str_find(name, '\0') == name.n;
}

/* An otherName: is it an address? False: it is broken. */
static bool read_other(struct str other, struct str *name)
{
	struct str oid, value;

	*name = STR_NONE;
	if (!der_take(&other, DER_OID, &oid) || !der_take(&other, DER_CONTEXT(VALUE), &value) ||
		other.n)
		return false;
	if (!str_eq(oid, xmpp_addr))
		return true;
	return der_take(&value, DER_UTF8, name) && !value.n && name_ok(*name);
}

size_t cert_names(struct str der, struct str names[CERT_NAMES_MOST])
{
	struct str extensions, list, content, name;
	size_t count = 0, all = 0;
	uint8_t tag;

	if (!find_extensions(der, &extensions) || !find_alt_names(extensions, &list))
		return 0;
	while (list.n) {
		if (++all > CERT_ALT_NAMES_MOST || !der_any(&list, &tag, &content))
			return 0;
		if (tag != DER_CONTEXT(OTHER_NAME))
			continue;
		if (!read_other(content, &name) || (name.n && count == CERT_NAMES_MOST))
			return 0;
		if (name.n)
			names[count++] = name;
	}
	return count;
}

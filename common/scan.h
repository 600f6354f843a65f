/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate: the only authority on what is XML. A strict, incremental scanner of one XML stream (RFC
 * 6120) that enforces UTF-8, well-formedness (XML 1.0 5th edition), Namespaces in XML 1.0,
 * restricted XML (RFC 6120 11.1) and every limit as the bytes come, and emits canonical bytes of
 * each whole top-level element. Nothing a client typed goes any further.
 *
 * Canonical form. A top-level element stands alone: its default namespace is jabber:client without
 * a declaration; any element in another namespace than its parent's (for the top one: than
 * jabber:client) declares it as default (xmlns="..."), and no element has a prefix. An attribute in
 * a namespace keeps the client's prefix, declared on the very element that bears it (xml: needs
 * none). Order: name, xmlns, xmlns:prefix in the order of use, attributes in the client's order.
 * One blank before each attribute, double quotes, `<a/>` for the empty element, no CDATA, no other
 * references than &amp; &lt; &gt; and &#13; in text and &amp; &lt; &gt; &quot; &#9; &#10; &#13; in
 * values, each wherever its character stands (a blank of the client's own typing in a value is
 * U+0020). An xml:lang inherited from the stream header is made explicit at the end of the top
 * element's attributes. Canonical bytes scan to themselves, within the same limits.
 *
 * Violations map to RFC 6120 4.9.3 conditions:
 *   not_well_formed       XML and Namespaces; a character that XML does not have; text before the
 *                         stream header (U+FEFF is text there, RFC 6120 11.6); anything behind its
 *                         end
 *   bad_format            not UTF-8; what is XML but no XMPP stream: text between top-level
 *                         elements, an empty root, another version of XML
 *   restricted_xml        comment, processing instruction, DTD, an entity beyond the predefined
 *                         five: at the byte that shows it; outside of an element also CDATA
 *   bad_namespace_prefix  an undeclared prefix; an element with the prefix xml or xmlns
 *   policy_violation      the limits
 *   unsupported_encoding  the XML declaration names another, or the first byte is UTF-16's
 *   resource_constraint   no memory
 * Stricter than XML: names without U+FEFF (others take it for a byte order mark), an XML
 * declaration of at most 128 bytes. What the root element is, and in which namespace, is for the
 * caller to judge: any root is a SCAN_STREAM. */
#ifndef COMMON_SCAN_H
#define COMMON_SCAN_H

#include "common/buf.h"
#include "common/condition.h"
#include "common/ns.h"

struct scan_limits {
	size_t bytes;        /* of one top-level element or stream header: of its input, and of its
				canonical output */
	unsigned elements;   /* in one top-level element, itself included */
	unsigned depth;      /* of nesting, the top-level element being 1 */
	unsigned attributes; /* of one element, namespace declarations included; of its input, and
				of its canonical output */
	unsigned name_bytes; /* of a name, and of a namespace URI */
	/* Namespaces in scope at once are bounded by the scanner itself: 64 prefixes, 64 that the
	 * server does not know. */
};

enum scan_event {
	SCAN_MORE,    /* every byte was taken; nothing is complete yet */
	SCAN_STREAM,  /* the stream header is complete: see `header` */
	SCAN_ELEMENT, /* one top-level element is complete: see `element` */
	SCAN_CLOSE,   /* </stream:stream> */
	SCAN_ERROR    /* see `why`; the scanner takes no more bytes */
};

/* The stream header's attributes, unescaped. Empty and absent are alike, but for `has_to` and
 * `has_version`. */
struct scan_header {
	enum ns ns;         /* of the root element: NS_streams when it is a stream */
	struct str name;    /* of the root element, local part */
	enum ns content_ns; /* the default namespace declared there */
	struct str to, from, version, lang;
	bool has_to, has_version;
};

struct scan_element {
	struct str
		bytes;   /* canonical; borrowed until the next scan_feed, scan_reset or scan_free */
	struct str name; /* of the top element; lies in bytes */
	struct str ns_uri;
	enum ns ns;
};

struct scan; /* opaque; small while no element is in progress (an idle connection must cost little:
		say under 300 bytes) */

struct scan *scan_new(const struct scan_limits
		*limits); /* limits are borrowed for the scanner's life */
void scan_free(struct scan **s);
void scan_limit(struct scan *s,
	const struct scan_limits *limits); /* from the next top-level element on */
/* A new stream is expected on the same connection (after TLS, SASL, compression): everything but
 * the limits is forgotten. */
void scan_reset(struct scan *s);
/* Takes bytes up to the end of the first complete thing and says in *used how many (all of them for
 * SCAN_MORE). The caller feeds the rest again. `used` ends exactly behind the '>' that completes an
 * element or header. White space between top-level elements is taken silently (whitespace
 * keep-alive, RFC 6120 4.6.1), and after the last '>' only when fed. */
enum scan_event scan_feed(struct scan *s, struct str bytes, size_t *used);
const struct scan_header *scan_header(const struct scan *s);   /* valid right after SCAN_STREAM */
const struct scan_element *scan_element(const struct scan *s); /* valid right after SCAN_ELEMENT */
enum cond scan_why(const struct scan *s);                      /* after SCAN_ERROR */
const char *scan_why_text(const struct scan *s); /* after SCAN_ERROR: a few plain words, static */
bool scan_idle(const struct scan *s);            /* is nothing begun but white space? */
/* What was handed out last is not needed any more: its memory goes back, as with the next
 * scan_feed. For whoever has fed all that there is and now waits, so that an idle connection holds
 * nothing. */
void scan_rest(struct scan *s);

/* Is `bytes` exactly one top-level element in canonical form, within the limits? For bytes from a
 * process that may have been taken over: the house asks this of everything a worker sends. */
bool scan_is_canonical(struct str bytes, const struct scan_limits *limits);
/* A thread that scans keeps a little memory warm. Before it ends: gives that back. */
void scan_thread_end(void);

#endif

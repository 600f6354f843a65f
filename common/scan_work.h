/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inside the gate (common/scan*.c only): the states, the memory of an element in progress, and
 * the steps between them. */
#ifndef COMMON_SCAN_WORK_H
#define COMMON_SCAN_WORK_H

#include <string.h>

#include "common/scan.h"
#include "common/scan_chars.h"

#define SCAN_NAMESPACES \
	64 /* prefixes, and unknown URIs, in scope at once, the stream header's included */

/* The order matters twice: up to SCAN_AT_BETWEEN nothing is in progress; the steps stand in
 * scan.c in the same order. */
enum scan_state {
	SCAN_AT_START,       /* not one byte of the stream yet */
	SCAN_AT_PROLOG,      /* before the stream header: blanks only so far */
	SCAN_AT_DECLARED,    /* the same, after an XML declaration */
	SCAN_AT_BETWEEN,     /* between top-level elements */
	SCAN_AT_CLOSED,      /* behind the end tag of the stream */
	SCAN_AT_DECLARATION, /* inside <?xml ... ?> */
	SCAN_AT_LESS,        /* behind '<' */
	SCAN_AT_BANG,        /* behind "<!" in content */
	SCAN_AT_TAG_NAME,
	SCAN_AT_GAP, /* in a start tag behind a blank */
	SCAN_AT_ATTR_NAME,
	SCAN_AT_EQUALS, /* behind an attribute's name and a blank */
	SCAN_AT_QUOTE,  /* behind the '=' */
	SCAN_AT_VALUE,
	SCAN_AT_VALUE_END, /* behind the closing quote */
	SCAN_AT_EMPTY_TAG, /* behind the '/' of <a/> */
	SCAN_AT_END_NAME,  /* behind "</" */
	SCAN_AT_END_GAP,   /* behind the name of an end tag and a blank */
	SCAN_AT_TEXT,
	SCAN_AT_CDATA,
	SCAN_AT_REFERENCE, /* behind '&' */
	SCAN_STATES,
	SCAN_AT_FAULT = SCAN_STATES
};

/* Where a name or a value lies in the start tag that is being written; offsets into work->out. */
struct scan_attr {
	uint32_t name, name_n;
	uint32_t prefix_n; /* 0: no prefix; the local part begins behind prefix and colon */
	uint32_t value, value_n;
	unsigned uri;  /* after resolution; 0: in no namespace */
	bool declares; /* xmlns or xmlns:prefix */
};

/* Namespaces are numbers here too. Up to NS_COUNT: enum ns, with 0 for no namespace at all; from
 * there on: the unknown URIs that are in scope, each once, the stream header's first. URIs stay
 * escaped: canonical escaping is one to one. */
struct scan_uri {
	uint32_t at, n; /* in the text beside it */
};

struct scan_binding {
	uint32_t prefix, prefix_n; /* in the text beside it */
	unsigned uri;
};

/* What the stream header leaves behind for the life of the stream, in one block. */
struct scan_root {
	unsigned uri_n, binding_n;
	unsigned default_uri;
	uint32_t name_n;       /* the text begins with the raw name */
	uint32_t lang, lang_n; /* the escaped xml:lang in it */
	const struct scan_uri *uris;
	const struct scan_binding *bindings;
	const char *text;
};

struct scan_open {
	uint32_t text; /* the raw name is here in work->text; everything from here on goes with the
			  element */
	uint32_t name_n, prefix_n;
	uint32_t content; /* where in out the content begins */
	unsigned uri, default_uri;
	unsigned uri_n, binding_n; /* what was in scope before the element */
};

/* The memory of one element in progress. Between elements it goes back to the thread's few spare
 * ones. */
struct scan_work {
	struct scan_work *next; /* of the spare ones */
	struct buf out;  /* canonical bytes; at its end, while a start tag is open, the raw tag in
			    their shape */
	size_t out_most; /* what out may hold before it must grow: its memory, and the limit */
	struct buf
		raw; /* the start tag while it is rewritten; XML declaration; the header's values */
	struct buf text; /* a stack: raw names of the open elements, prefixes and URIs that they
			    declare */
	struct scan_attr *attrs;
	struct scan_open *open;
	unsigned attr_n, attr_room, depth, open_room, elements;
	unsigned written; /* attributes of the canonical start tag */
	size_t taken;     /* bytes of input */
	struct scan_uri uris[SCAN_NAMESPACES];
	struct scan_binding bindings[SCAN_NAMESPACES];
	unsigned uri_n, binding_n;
	uint32_t tag;              /* where in out the current start tag begins */
	uint32_t name_n, prefix_n; /* of the tag's name */
	uint32_t colon; /* where in out the name that is being read has its colon; 0: none yet */
	bool prefixed;  /* the tag has names with prefixes, but for xml: */
	bool declaring; /* the tag declares namespaces */
	uint32_t
		matched; /* bytes of the end tag's name, of "[CDATA[" or of "xml " that have come */
	uint32_t number; /* of a character reference */
	struct chars_partial partial;
	char quote;
	uint8_t brackets; /* up to two ']' just seen; in CDATA they are still to be written */
	bool after_cr;    /* a LF now belongs to the CR before it */
	bool in_value;    /* the reference stands in an attribute value */
	bool in_header;   /* the tag is the stream header's */
	bool first_byte;  /* the '<' is the very first byte of the stream */
	bool digits;      /* the character reference has some */
	uint8_t ref_n;    /* bytes of the reference in ref: its name, or "#", or "#x" */
	char ref[4];
	struct scan_header header;
	struct scan_element element;
};

struct scan {
	const struct scan_limits *limits, *limits_next;
	struct scan_root *root;
	struct scan_work *work; /* NULL while nothing is in progress */
	const char *why_text;
	uint8_t why;   /* enum cond */
	uint8_t state; /* enum scan_state */
	uint8_t event; /* enum scan_event: what the step has completed, else SCAN_MORE */
};

/* Each step takes at least one byte of [p, end) or changes the state, and returns where it
 * stopped, with the next state set; NULL after scan_fault. */
typedef const char *scan_step(struct scan *s, const char *p, const char *end);
scan_step scan_declaration;
scan_step scan_less, scan_tag_name, scan_gap, scan_attr_name, scan_equals, scan_quote,
	scan_value_end, scan_empty_tag;
scan_step scan_end_name, scan_end_gap;
scan_step scan_text, scan_cdata, scan_reference, scan_value, scan_bang;

const char *scan_fault(struct scan *s, enum cond why, const char *text); /* NULL */
const char *scan_bad_byte(struct scan *s, char byte, enum cond why,
	const char *text); /* for a byte that has no place here */

/* The element whose '<' is at p, when it is whole and of a usual form (scan_quick.c): complete
 * then, and where it ends. NULL: that is for the steps, from behind the '<'. */
const char *scan_quick(struct scan *s, const char *p, const char *end);
/* The two halves of scan_is_canonical: quick is false where it does not know. */
MUST_CHECK bool scan_canonical_quick(struct str bytes, const struct scan_limits *limits);
MUST_CHECK bool scan_canonical_full(struct str bytes, const struct scan_limits *limits);

/* scan_memory.c */
struct scan_work *scan_work_take(void); /* NULL without memory */
void scan_work_drop(struct scan_work **w);
MUST_CHECK enum cond scan_try_grow(struct buf *b, size_t n,
	size_t most); /* COND_none: there is room */
MUST_CHECK bool scan_grow(struct scan *s, struct buf *b, size_t n,
	size_t most); /* room for n more, or a fault */
MUST_CHECK bool scan_push_text(struct scan *s, const char *p, size_t n);
MUST_CHECK bool scan_room_for_attr(struct scan *s);
MUST_CHECK bool scan_room_for_open(struct scan *s);

/* scan_ns.c */
MUST_CHECK bool scan_open_element(struct scan
		*s); /* the start tag in out is complete but for its end: makes it canonical */
void scan_close_element(struct scan_work
		*w); /* forgets the innermost element and what it declared */
MUST_CHECK bool scan_open_stream(struct scan
		*s); /* the stream header instead: fills header and root */
struct str scan_uri_text(const struct scan *s, unsigned uri); /* escaped */

/* Appends canonical bytes, within the limit. */
MUST_CHECK static inline bool scan_put(struct scan *s, const char *p, size_t n)
{
	struct buf *out = &s->work->out;

	if (s->work->out_most - out->n < n && !scan_grow(s, out, n, s->limits->bytes))
		return false;
	memcpy(out->p + out->n, p, n);
	out->n += n;
	return true;
}

/* Copies bytes of the class to the canonical bytes, at most to `end`, and returns where it
 * stopped; NULL after a fault. One loop that looks and copies, four bytes at a time: the runs
 * are short (names, addresses, a line of text), and a call of memcpy for each would cost more. */
MUST_CHECK static inline const char *scan_copy(struct scan *s, const char *p, const char *end,
	uint8_t class)
{
	struct buf *out = &s->work->out;

	while (p < end && chars_class[(uint8_t)*p] & class) {
		size_t room = s->work->out_most - out->n;
		size_t n = (size_t)(end - p) < room ? (size_t)(end - p) : room;
		char *to = out->p + out->n;
		size_t i = 0;

		for (; i + 4 <= n; i += 4) {
			if (!(chars_class[(uint8_t)p[i]] & chars_class[(uint8_t)p[i + 1]] &
				    chars_class[(uint8_t)p[i + 2]] &
				    chars_class[(uint8_t)p[i + 3]] & class))
				break;
			memcpy(to + i, p + i, 4);
		}
		for (; i < n && chars_class[(uint8_t)p[i]] & class; i++)
			to[i] = p[i];
		p += i;
		out->n += i;
		if (room == 0 && !scan_grow(s, out, 1, s->limits->bytes))
			return NULL;
	}
	return p;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A stanza as routing sees it: a view over canonical bytes (common/scan.h), without a tree, and the
 * few writers that splice it. Attribute values in the view are still escaped; stanza_value undoes
 * that. */
#ifndef COMMON_STANZA_H
#define COMMON_STANZA_H

#include "common/buf.h"
#include "common/condition.h"
#include "common/ns.h"

enum stanza_kind {
	STANZA_OTHER,
	STANZA_MESSAGE,
	STANZA_PRESENCE,
	STANZA_IQ
}; /* OTHER: not a jabber:client stanza */

/* TYPE_NONE: no type attribute (message: normal; presence: available). TYPE_UNKNOWN: a word RFC
 * 6121 does not have for this kind. */
enum stanza_type {
	TYPE_NONE,
	TYPE_UNKNOWN,
	TYPE_ERROR,
	TYPE_CHAT,
	TYPE_GROUPCHAT,
	TYPE_HEADLINE,
	TYPE_NORMAL,
	TYPE_GET,
	TYPE_SET,
	TYPE_RESULT,
	TYPE_PROBE,
	TYPE_SUBSCRIBE,
	TYPE_SUBSCRIBED,
	TYPE_UNAVAILABLE,
	TYPE_UNSUBSCRIBE,
	TYPE_UNSUBSCRIBED
};

struct stanza_attr {
	struct str whole; /* ` name="value"` with the leading blank; empty: not there */
	struct str value; /* between the quotes, escaped */
};

struct stanza_child {
	struct str name;
	struct str ns_uri; /* still escaped; empty: jabber:client, or no namespace at all (then ns
			      is NS_other) */
	enum ns ns;        /* NS_client for none declared */
	struct str whole;  /* the element with its content */
};

#define STANZA_CHILDREN 8 /* first-level children that the view remembers */

struct stanza {
	struct str bytes;
	struct str name;
	enum stanza_kind kind;
	enum stanza_type type;
	struct stanza_attr to, from, id, type_attr, lang, xmlns;
	struct str start;     /* the start tag, '<' to '>' */
	struct str inner;     /* between start and end tag; empty for <a/> */
	unsigned child_count; /* all first-level elements; the first STANZA_CHILDREN of them are in
				 child[] */
	struct stanza_child child[STANZA_CHILDREN];
};

/* Fills the view from canonical bytes. False when they are not canonical enough to be read (it
 * never reads outside them, whatever they are), which for checked bytes does not happen. */
MUST_CHECK bool stanza_view(struct str bytes, struct stanza *out);
/* The same, but only by the start tag: there are no children and no content in it. */
MUST_CHECK bool stanza_view_start(struct str bytes, struct stanza *out);
const struct stanza_child *stanza_child(const struct stanza *s, enum ns ns,
	const char *name); /* name NULL: any; NULL: none */
/* Takes the next first-level child off the front of *rest, which is s->inner to begin with: for
 * elements that may have more of them than the view remembers. False: there is none. */
MUST_CHECK bool stanza_take_child(const struct stanza *s, struct str *rest,
	struct stanza_child *out);
/* Appends the value with the five predefined and the numeric references undone. */
void stanza_value(struct buf *out, struct str escaped);
const char *stanza_type_word(enum stanza_type t); /* "chat"; "" for NONE and UNKNOWN */

/* Appends the stanza with `from` and `to` (unescaped JIDs) set in place of what it has; an empty
 * one is left out. */
void stanza_stamp(struct buf *out, const struct stanza *s, struct str from, struct str to);
/* Appends the stanza without the children that `cut` says yes to, and with `more` (canonical
 * elements) behind those that stay. */
void stanza_edit(struct buf *out, const struct stanza *s,
	bool (*cut)(void *ctx, const struct stanza_child *c), void *ctx, struct str more);
/* Appends the error answer to `s` (RFC 6120 8.3): same kind, type="error", same id, to = `to`, from
 * = `from` (unescaped; empty: left out), the original content for message and presence cut, the
 * <error/> with its type and, if text is not empty, <text/>. Appends nothing for a stanza that must
 * not be answered (type error, IQ result). */
void stanza_error(struct buf *out, const struct stanza *s, struct str from, struct str to,
	enum cond why, struct str text);
/* The same with more elements (canonical) inside <error/>: RFC 6120 8.3.4. */
void stanza_error_more(struct buf *out, const struct stanza *s, struct str from, struct str to,
	enum cond why, struct str text, struct str more);

#endif

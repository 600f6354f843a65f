/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The writer that cannot write ill-formed output: it escapes every value, keeps the stack of open
 * elements itself, and drops code points that XML 1.0 cannot carry. Element and attribute names are
 * ours (C literals), never from outside. */
#ifndef COMMON_EMIT_H
#define COMMON_EMIT_H

#include "common/buf.h"
#include "common/ns.h"

#define EMIT_DEPTH 16

struct emit {
	struct buf *out;
	const char *open[EMIT_DEPTH];
	enum ns ns[EMIT_DEPTH]; /* of the open elements */
	unsigned depth;
	bool in_tag; /* the start tag's '>' is not written yet */
};

struct emit emit_to(struct buf *out);
void emit_start(struct emit *e, const char *name);
/* With xmlns="...", unless the element around is in that namespace already (around the first one:
 * jabber:client). */
void emit_start_ns(struct emit *e, const char *name, enum ns ns);
void emit_attr(struct emit *e, const char *name,
	struct str value); /* after emit_start, before content */
void emit_attr_opt(struct emit *e, const char *name, struct str value); /* left out when empty */
void emit_text(struct emit *e, struct str text);
void emit_raw(struct emit *e, struct str canonical); /* content that is canonical already */
void emit_end(struct emit *e);
void emit_leaf(struct emit *e, const char *name,
	struct str text); /* <name>text</name>, <name/> when empty */

/* Appends text escaped for element content or for a double-quoted value. */
void emit_escape_text(struct buf *out, struct str text);
void emit_escape_value(struct buf *out, struct str value);

#endif

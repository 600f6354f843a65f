/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests with a password in them, which the worker answers itself (XEP-0077, XEP-0078). Their
 * fields are read where the scanner has put them, which wipes that memory; no tree has copies. No
 * answer says again what the client said. */
#ifndef C2S_REQUEST_H
#define C2S_REQUEST_H

#include "c2s/client.h"
#include "common/emit.h"

/* The view of the iq's only child, which is <query/> in this namespace. False: it is not so. */
MUST_CHECK bool request_query(const struct stanza *iq, enum ns ns, struct stanza *query);
bool request_has(const struct stanza *query, const char *name); /* a child in its namespace */
/* Appends the text of that child. False: it is not there, there twice, or more than text. */
MUST_CHECK bool request_field(const struct stanza *query, const char *name, struct buf *value);

/* The data form in the query (XEP-0004), submitted: its view. False: there is none, and *fault is
 * false, or what there is is none of this FORM_TYPE (XEP-0068), and it is true. */
MUST_CHECK bool request_form(const struct stanza *query, const char *type, struct stanza *form,
	bool *fault);
MUST_CHECK bool request_form_field(const struct stanza *form, const char *var, struct buf *value);

/* Does it come in the client's own name, or without one? */
bool request_is_own(const struct client *c, const struct stanza *iq);

void request_start_result(struct emit *e, struct str id); /* <iq>; its end is the caller's */
void request_say_done(struct client *c, struct str id);   /* an empty result */
/* With the error's number of old, too (XEP-0086): those who ask so know no other. */
void request_say_error(struct client *c, struct str id, enum cond why, const char *text);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The prototypes of every module's parts, from pipeline.def and iq.def: a missing one does not
 * link. */
#ifndef SM_PARTS_H
#define SM_PARTS_H

#include "sm/module.h"

#define STAGE_from_client(module) enum verdict module##_from_client(struct traffic *t);
#define STAGE_routed(module) void module##_routed(struct traffic *t);
#define STAGE_session_shown(module) void module##_session_shown(struct house *h, struct session *s);
#define STAGE_session_hidden(module) \
	void module##_session_hidden(struct house *h, struct session *s);
#define STAGE_session_ended(module) void module##_session_ended(struct house *h, struct session *s);
#define AT(stage, module) STAGE_##stage(module)
#include "sm/pipeline.def"
#undef AT
#undef STAGE_from_client
#undef STAGE_routed
#undef STAGE_session_shown
#undef STAGE_session_hidden
#undef STAGE_session_ended

/* Presence: is there anything to tell of this contact to one that comes? Telling it: what is there
 * of it, and that it asks for a subscription. Nothing, if it is no contact any more. */
bool presence_has_news(const struct house *h, const struct roster_item *c);
void presence_news(struct house *h, const struct session *to, struct str contact);
/* That the session is not available any more, in the scratch buffer: as its client said, or, when
 * it could not (NULL), as the server says for it (RFC 6121 4.5). */
struct str presence_unavailable(struct house *h, const struct session *s, const struct stanza *said,
	struct str to);
/* Presence: hides the session from those to whom it has shown itself and whom `item` of a block
 * list means, and them from it; as if they had become unavailable to each other. */
void presence_hide(struct house *h, struct session *s, struct jid item);
/* It is blocked no more: contacts that it means see the session again, and are seen. */
void presence_show(struct house *h, struct session *s, struct jid item);

/* Is the address of this presence among those that its sender has yet to be unavailable to? */
bool presence_is_directed(const struct traffic *t);
/* May `who` know that the session is there: by a subscription, or because it said so itself? */
bool presence_is_shared(const struct session *s, const struct session *who);

/* Offline messages (XEP-0160), for route.def. Has the message something that its receiver would
 * want to read later? Not so: chat states alone (XEP-0085), and what the sender's hints (XEP-0334)
 * keep from the store. */
bool offline_is_storable(const struct traffic *t);
/* Stores it, with the stamp of XEP-0203; the sender hears of it if that fails. What is not storable
 * is dropped. t->end says which. */
void offline_store(struct traffic *t);

/* What the store said no to when it was routed already (XEP-0280 6.1): the error, for the sender's
 * other sessions, which have seen the message go out. */
void carbons_refused(struct house *h, const struct errand *e, enum cond why, struct str text);

/* The verification string of what disco#info says of a domain (XEP-0115 5.1, SHA-1, base64);
 * appends. */
void disco_version(const struct conf_domain *d, struct buf *out);

/* A subscription stanza for another account (RFC 6121 3), for route.def. */
void subscription_ask(const struct traffic *t);

#define IQ(ns, element, type, target, handler) \
	enum cond handler(const struct iq *q, struct emit *e);
#include "sm/iq.def"
#undef IQ

#endif

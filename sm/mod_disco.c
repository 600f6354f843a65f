/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Service Discovery (XEP-0030) of the domain and of one's own account. Features are what iq.def
 * answers; there are no items and no nodes yet. */
#include "sm/module.h"

#include "common/xml.h"

/* COND_none, or why there is no answer. A node is one that nobody has. */
static enum cond refuse_node(const struct iq *q)
{
	struct xml *x = xml_parse(q->child->whole);
	enum cond why = COND_none;

	if (!x)
		return STANZA_internal_server_error;
	if (xml_has_attr(xml_root(x), "node"))
		why = STANZA_item_not_found;
	xml_free(&x);
	return why;
}

static void emit_feature(void *ctx, struct str feature)
{
	struct emit *e = ctx;

	emit_start(e, "feature");
	emit_attr(e, "var", feature);
	emit_end(e);
}

static void emit_identity(struct emit *e, enum iq_target target)
{
	emit_start(e, "identity");
	emit_attr(e, "category", target == IQ_SERVER ? STR("server") : STR("account"));
	emit_attr(e, "type", target == IQ_SERVER ? STR("im") : STR("registered"));
	if (target == IQ_SERVER)
		emit_attr(e, "name", STR("gatehouse"));
	emit_end(e);
}

enum cond disco_info(const struct iq *q, struct emit *e)
{
	enum cond why = refuse_node(q);

	if (why != COND_none)
		return why;
	emit_start_ns(e, "query", NS_disco_info);
	emit_identity(e, q->target);
	iq_features(q->target, emit_feature, e);
	emit_end(e);
	return COND_none;
}

enum cond disco_items(const struct iq *q, struct emit *e)
{
	enum cond why = refuse_node(q);

	if (why != COND_none)
		return why;
	emit_start_ns(e, "query", NS_disco_items);
	emit_end(e);
	return COND_none;
}

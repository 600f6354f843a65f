/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Finds the row, lets its handler write the result, and puts the envelope around it. */
#include "sm/iq.h"

#include "common/log.h"
#include "sm/route.h"

#define IQ_server IQ_SERVER
#define IQ_account IQ_ACCOUNT
#define IQ_contact IQ_CONTACT
#define IQ_both IQ_BOTH
#define IQ_anyone IQ_ANYONE

static const struct row {
	enum ns ns;
	const char *element;
	enum stanza_type type;
	enum iq_target target;
	enum cond (*handler)(const struct iq *q, struct emit *e);
} rows[] = {
#define IQ(ns, element, type, target, handler) \
	{NS_##ns, element, TYPE_##type, IQ_##target, handler},
#include "sm/iq.def"
#undef IQ
};

bool iq_is_sound(const struct stanza *s)
{
	switch (s->type) {
	case TYPE_GET:
	case TYPE_SET:
		return s->id.whole.n && s->child_count == 1;
	case TYPE_RESULT:
	case TYPE_ERROR:
		return s->id.whole.n;
	default:
		return false;
	}
}

static const struct row *find(const struct traffic *t, enum iq_target target)
{
	const struct stanza_child *c = &t->stanza->child[0];

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].ns == c->ns && rows[i].type == t->stanza->type &&
			(rows[i].target & target) && str_is(c->name, rows[i].element))
			return &rows[i];
	}
	return NULL;
}

static void emit_envelope(struct emit *e, const struct traffic *t, struct buf *id)
{
	emit_start(e, "iq");
	emit_attr(e, "type", STR("result"));
	stanza_value(id, t->stanza->id.value);
	emit_attr(e, "id", buf_str(id));
	emit_attr(e, "from", t->addressed ? t->to.text : jid_bare(t->from->jid));
	emit_attr(e, "to", t->from->jid.text);
}

void iq_serve(const struct traffic *t, enum iq_target target)
{
	const struct row *r = find(t, target);
	struct iq q = {.traffic = t, .child = &t->stanza->child[0], .target = target};
	struct buf *answer = &t->house->route->answer, *id = &t->house->route->id;
	struct emit e = emit_to(answer);
	enum cond why = STANZA_service_unavailable;

	buf_clear(answer);
	buf_clear(id);
	emit_envelope(&e, t, id);
	if (r)
		why = r->handler(&q, &e);
	if (why == COND_none) {
		emit_end(&e);
		fan_add(t->house, t->from);
		fan_send(t->house, buf_str(answer));
	} else if (why != COND_later) {
		traffic_bounce(t, why);
	}
}

static const struct {
	enum ns ns;
	enum iq_target target;
} features[] = {
#define FEATURE(ns, target) {NS_##ns, IQ_##target},
#include "sm/feature.def"
#undef FEATURE
};

void iq_features(enum iq_target target, void (*each)(void *ctx, struct str feature), void *ctx)
{
	for (size_t i = 0; i < COUNT(features); i++) {
		if (features[i].target & target)
			each(ctx, ns_uri(features[i].ns));
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool told = false;

		for (size_t j = 0; j < i; j++)
			told |= rows[j].ns == rows[i].ns && (rows[j].target & target);
		if (!told && (rows[i].target & target))
			each(ctx, ns_uri(rows[i].ns));
	}
}

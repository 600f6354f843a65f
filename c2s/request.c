/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See request.h. */
#include "c2s/request.h"
#include <string.h>

/* A child that declares no namespace is in its parent's (scan.h, canonical form). */
static bool is_named(const struct stanza_child *child, const char *name)
{
	struct str behind = str_skip(child->whole, 1 + child->name.n);
	return str_is(child->name, name) && !str_starts(behind, STR(" xmlns="));
}

static unsigned children(const struct stanza *s)
{
	return s->child_count < STANZA_CHILDREN ? s->child_count : STANZA_CHILDREN;
}

bool request_query(const struct stanza *iq, enum ns ns, struct stanza *query)
{
	const struct stanza_child *child = stanza_child(iq, ns, "query");
	return child && iq->child_count == 1 && stanza_view(child->whole, query);
}

bool request_has(const struct stanza *query, const char *name)
{
	for (unsigned i = 0; i < children(query); i++) {
		if (is_named(&query->child[i], name))
			return true;
	}
	return false;
}

bool request_field(const struct stanza *query, const char *name, struct buf *value)
{
	const struct stanza_child *found = NULL;
	struct stanza field;
	for (unsigned i = 0; i < children(query); i++) {
		if (!is_named(&query->child[i], name))
			continue;
		if (found)
			return false;
		found = &query->child[i];
	}
	if (!found || !stanza_view(found->whole, &field) || field.child_count)
		return false;
	stanza_value(value, field.inner);
	return true;
}

/* In canonical form no value has a double quote in it, so this is the attribute and nothing
 * else. */
static struct str attr(const struct stanza *element, struct str opening)
{
	const char *at = memmem(element->start.p, element->start.n, opening.p, opening.n);
	if (!at)
		return STR_NONE;
	struct str value = str_skip(element->start, (size_t)(at - element->start.p) + opening.n);
	return str_head(value, str_find(value, '"'));
}

bool request_form_field(const struct stanza *form, const char *var, struct buf *value)
{
	struct stanza field;
	for (unsigned i = 0; i < children(form); i++) {
		if (is_named(&form->child[i], "field") &&
			stanza_view(form->child[i].whole, &field) &&
			str_is(attr(&field, STR(" var=\"")), var))
			return request_field(&field, "value", value);
	}
	return false;
}

bool request_form(const struct stanza *query, const char *type, struct stanza *form, bool *fault)
{
	const struct stanza_child *x = stanza_child(query, NS_data_form, "x");
	struct buf given = {0};
	bool good;
	*fault = false;
	if (!x)
		return false;
	good = stanza_view(x->whole, form) && str_is(form->type_attr.value, "submit") &&
		request_form_field(form, "FORM_TYPE", &given) && str_is(buf_str(&given), type);
	*fault = !good;
	buf_free(&given);
	return good;
}

bool request_is_own(const struct client *c, const struct stanza *iq)
{
	struct buf from = {0};
	struct jid who;
	stanza_value(&from, iq->from.value);
	bool own = !iq->from.whole.n || str_eq(buf_str(&from), buf_str(&c->jid)) ||
		(jid_split(buf_str(&c->jid), &who) && str_eq(buf_str(&from), jid_bare(who)));
	buf_free(&from);
	return own;
}

static void start(struct emit *e, struct str id, const char *type)
{
	emit_start(e, "iq");
	emit_attr(e, "type", str_of(type));
	emit_attr_opt(e, "id", id);
}

void request_start_result(struct emit *e, struct str id)
{
	start(e, id, "result");
}

void request_say_done(struct client *c, struct str id)
{
	struct buf out = {0};
	struct emit e = emit_to(&out);
	start(&e, id, "result");
	emit_end(&e);
	client_say_buf(c, &out);
}

static const char *number_of(enum cond why)
{
	static const struct {
		enum cond cond;
		const char *number;
	} rows[] = {
		{STANZA_bad_request, "400"},
		{STANZA_not_authorized, "401"},
		{STANZA_forbidden, "403"},
		{STANZA_not_allowed, "405"},
		{STANZA_not_acceptable, "406"},
		{STANZA_registration_required, "407"},
		{STANZA_conflict, "409"},
		{STANZA_service_unavailable, "503"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].cond == why)
			return rows[i].number;
	}
	return "500";
}

void request_say_error(struct client *c, struct str id, enum cond why, const char *text)
{
	struct buf out = {0};
	struct emit e = emit_to(&out);
	start(&e, id, "error");
	emit_start(&e, "error");
	emit_attr(&e, "type", cond_error_type(why));
	emit_attr(&e, "code", str_of(number_of(why)));
	emit_start_ns(&e, cond_element(why).p, NS_stanza_errors);
	emit_end(&e);
	if (text) {
		emit_start_ns(&e, "text", NS_stanza_errors);
		emit_text(&e, str_of(text));
		emit_end(&e);
	}
	emit_end(&e);
	emit_end(&e);
	client_say_buf(c, &out);
}

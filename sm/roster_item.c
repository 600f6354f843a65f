/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See roster_item.h. Runs on the loop, and on the writer's thread. */
#include "sm/roster_item.h"

#include "common/jid.h"
#include "common/xml.h"

#include <inttypes.h>

/* reading */

bool groups_have(struct str groups, struct str name)
{
	struct str one;

	while (groups.n) {
		str_cut(groups, '\0', &one, &groups);
		if (str_eq(one, name))
			return true;
	}
	return false;
}

/* RFC 6121 2.3.3: each has a name, no two the same, none longer than we like. */
static enum cond read_groups(const struct xml_node *item, const struct conf_domain *d,
	struct buf *groups)
{
	const struct xml_node *g = xml_child(item, NS_roster, "group");
	int64_t n = 0;

	for (; g; g = xml_next(g, NS_roster, "group")) {
		struct str name = xml_text(g);

		if (!name.n ||
			(d && (name.n > (size_t)d->roster_name_bytes || ++n > d->roster_groups)))
			return STANZA_not_acceptable;
		if (groups_have(buf_str(groups), name))
			return STANZA_bad_request;
		buf_put(groups, name);
		buf_putc(groups, '\0');
	}
	return COND_none;
}

/* One's own address is no contact, and a contact has no resource. */
static enum cond read_contact(const struct xml_node *item, struct str account, struct buf *contact)
{
	struct buf prepared = {0};
	enum cond why = COND_none;
	struct jid who;

	if (!xml_has_attr(item, "jid"))
		return STANZA_bad_request;
	if (!jid_parse(xml_attr(item, "jid"), &prepared, &who))
		why = STANZA_jid_malformed;
	else if (jid_is_full(who))
		why = STANZA_bad_request;
	else if (str_eq(who.text, account))
		why = STANZA_not_allowed;
	else
		buf_put(contact, who.text);
	buf_free(&prepared);
	return why;
}

static const struct xml_node *only_item(const struct xml_node *query)
{
	const struct xml_node *item = xml_child(query, NS_other, NULL);

	if (!item || xml_next(item, NS_other, NULL) || xml_ns(item) != NS_roster ||
		!str_is(xml_name(item), "item"))
		return NULL;
	return item;
}

static enum cond read_item(const struct xml_node *item, struct str account,
	const struct conf_domain *d, struct roster_wish *out)
{
	struct buf contact = {0}, groups = {0};
	struct str name = STR_NONE;
	enum cond why = read_contact(item, account, &contact);

	/* 2.3.1: any other word is not the client's to say */
	out->remove = str_is(xml_attr(item, "subscription"), "remove");
	if (why == COND_none && !out->remove) {
		name = xml_attr(item, "name");
		why = read_groups(item, d, &groups);
		if (d && name.n > (size_t)d->roster_name_bytes)
			why = STANZA_not_acceptable;
	}
	buf_put(&out->store, buf_str(&contact));
	buf_put(&out->store, name);
	buf_put(&out->store, buf_str(&groups));
	out->contact = str_at(out->store.p, contact.n);
	out->groups = str_skip(buf_str(&out->store), out->store.n - groups.n);
	out->name = str_head(str_skip(buf_str(&out->store), contact.n),
		out->store.n - contact.n - groups.n);
	buf_free(&contact);
	buf_free(&groups);
	return why;
}

enum cond roster_wish_read(struct str query, struct str account, const struct conf_domain *d,
	struct roster_wish *out)
{
	struct xml *x = xml_parse(query);
	const struct xml_node *item = x ? only_item(xml_root(x)) : NULL;
	enum cond why = x ? STANZA_bad_request : STANZA_internal_server_error;

	*out = (struct roster_wish){0};
	if (item)
		why = read_item(item, account, d, out);
	xml_free(&x);
	return why;
}

/* writing */

static void emit_groups(struct emit *e, struct str groups)
{
	struct str one;

	while (groups.n) {
		str_cut(groups, '\0', &one, &groups);
		emit_leaf(e, "group", one);
	}
}

void roster_item_emit(struct emit *e, const struct roster_row *row)
{
	emit_start(e, "item");
	emit_attr(e, "jid", row->contact);
	if (row->state & SUB_LISTED) {
		emit_attr_opt(e, "name", row->name);
		emit_attr(e, "subscription", subscription_word(row->state));
		if (row->state & SUB_OUT)
			emit_attr(e, "ask", STR("subscribe"));
		if (row->state & SUB_APPROVED)
			emit_attr(e, "approved", STR("true"));
		emit_groups(e, row->groups);
		emit_groups(e, row->shared);
	} else {
		emit_attr(e, "subscription", STR("remove"));
	}
	emit_end(e);
}

void roster_version_put(struct buf *out, uint64_t version)
{
	buf_printf(out, "%" PRIu64, version);
}

uint64_t roster_version_read(struct str words)
{
	uint64_t version;

	return str_u64(words, &version) ? version : 0;
}

void roster_push_put(struct buf *out, const struct roster_row *row)
{
	struct buf version = {0};
	struct emit e = emit_to(out);

	roster_version_put(&version, row->version);
	emit_start(&e, "iq");
	emit_attr(&e, "type", STR("set"));
	emit_attr(&e, "id", buf_str(&version));
	emit_start_ns(&e, "query", NS_roster);
	emit_attr(&e, "ver", buf_str(&version));
	roster_item_emit(&e, row);
	emit_end(&e);
	emit_end(&e);
	buf_free(&version);
}

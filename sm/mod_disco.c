/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Service Discovery (XEP-0030) of the domain and of one's own account. Features are what iq.def
 * answers and what feature.def names; the form has the domain's addresses (XEP-0157). There are no
 * items yet, and one node: the domain's under its verification string (XEP-0115 6.2). */
#include "sm/module.h"

#include <stdlib.h>

#include "common/b64.h"
#include "common/crypt.h"
#include "common/xml.h"

#define FEATURES_MOST 200
#define SERVER_NAME "gatehouse"
#define FORM_TYPE "http://jabber.org/network/serverinfo"

struct features {
	struct str var[FEATURES_MOST];
	size_t n;
};

static void add_feature(void *ctx, struct str var)
{
	struct features *f = ctx;

	CHECK(f->n < FEATURES_MOST);
	f->var[f->n++] = var;
}

static int in_order(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* In the order of their bytes ("i;octet"), which the verification string wants. */
static void collect(enum iq_target target, struct features *f)
{
	f->n = 0;
	iq_features(target, add_feature, f);
	qsort(f->var, f->n, sizeof *f->var, in_order);
}

/* the form: each field of contact.def that the domain has an address for */

struct contact_field {
	const char *field;
	struct conf_list addresses;
};

#define CONTACTS_MOST 16

static size_t contacts_of(const struct conf_domain *d, struct contact_field *out)
{
	size_t n = 0;

#define CONTACT(role) \
	if (d->role##_addresses.n) \
		out[n++] = (struct contact_field){#role "-addresses", d->role##_addresses};
#include "common/contact.def"
#undef CONTACT
	return n;
}

static void emit_field(struct emit *e, const char *var, const char *type, struct conf_list values)
{
	emit_start(e, "field");
	emit_attr(e, "var", str_of(var));
	emit_attr(e, "type", str_of(type));
	for (size_t i = 0; i < values.n; i++)
		emit_leaf(e, "value", str_of(values.words[i]));
	emit_end(e);
}

static void emit_form(struct emit *e, const struct conf_domain *d)
{
	static const char *form_type[] = {FORM_TYPE};
	struct contact_field contacts[CONTACTS_MOST];
	size_t n = contacts_of(d, contacts);

	if (!n)
		return;
	emit_start_ns(e, "x", NS_data_form);
	emit_attr(e, "type", STR("result"));
	emit_field(e, "FORM_TYPE", "hidden", (struct conf_list){form_type, 1});
	for (size_t i = 0; i < n; i++)
		emit_field(e, contacts[i].field, "list-multi", contacts[i].addresses);
	emit_end(e);
}

/* the verification string (XEP-0115 5.1) */

static void put_part(struct buf *out, struct str part)
{
	buf_put(out, part);
	buf_putc(out, '<');
}

static void put_values(struct buf *out, struct conf_list values)
{
	struct str *sorted = mem_new((values.n + 1) * sizeof *sorted);

	for (size_t i = 0; i < values.n; i++)
		sorted[i] = str_of(values.words[i]);
	qsort(sorted, values.n, sizeof *sorted, in_order);
	for (size_t i = 0; i < values.n; i++)
		put_part(out, sorted[i]);
	mem_free(sorted);
}

static void put_contacts(struct buf *out, const struct conf_domain *d)
{
	struct contact_field contacts[CONTACTS_MOST];
	size_t n = contacts_of(d, contacts);

	if (n)
		put_part(out, STR(FORM_TYPE));
	for (size_t i = 0; i < n; i++) {
		put_part(out, str_of(contacts[i].field));
		put_values(out, contacts[i].addresses);
	}
}

void disco_version(const struct conf_domain *d, struct buf *out)
{
	struct buf all = {0};
	struct features f;
	uint8_t digest[HASH_MAX];

	put_part(&all, STR("server/im//" SERVER_NAME));
	collect(IQ_SERVER, &f);
	for (size_t i = 0; i < f.n; i++)
		put_part(&all, f.var[i]);
	put_contacts(&all, d);
	hash_bytes(HASH_SHA1, buf_str(&all), digest);
	b64_encode(out, str_at((const char *)digest, hash_size(HASH_SHA1)));
	buf_free(&all);
}

/* the answers */

static const struct conf_domain *domain_of(const struct iq *q)
{
	const struct traffic *t = q->traffic;

	return conf_domain(t->house->conf, jid_domain(t->addressed ? t->to : t->from->jid));
}

/* Is it the one node that there is, NODE#VERSION? */
static bool is_caps_node(const struct iq *q, struct str node)
{
	struct buf wanted = {0};
	bool is = q->target == IQ_SERVER;

	buf_puts(&wanted, CAPS_NODE "#");
	if (is)
		disco_version(domain_of(q), &wanted);
	is = is && str_eq(node, buf_str(&wanted));
	buf_free(&wanted);
	return is;
}

/* COND_none, or why there is no answer; and into `node` the node that is asked for, if one is. */
static enum cond read_node(const struct iq *q, bool caps, struct buf *node)
{
	struct xml *x = xml_parse(q->child->whole);
	enum cond why = COND_none;

	if (!x)
		return STANZA_internal_server_error;
	buf_put(node, xml_attr(xml_root(x), "node"));
	if (xml_has_attr(xml_root(x), "node") && !(caps && is_caps_node(q, buf_str(node))))
		why = STANZA_item_not_found;
	xml_free(&x);
	return why;
}

static void emit_identity(const struct iq *q, struct emit *e)
{
	bool server = q->target == IQ_SERVER;
	bool nobody = session_is_anonymous(q->traffic->from);

	emit_start(e, "identity");
	emit_attr(e, "category", server ? STR("server") : STR("account"));
	emit_attr(e, "type", server ? STR("im") : nobody ? STR("anonymous") : STR("registered"));
	if (server)
		emit_attr(e, "name", STR(SERVER_NAME));
	emit_end(e);
}

enum cond disco_info(const struct iq *q, struct emit *e)
{
	struct features f;
	struct buf node = {0};
	enum cond why = read_node(q, true, &node);

	if (why == COND_none) {
		emit_start_ns(e, "query", NS_disco_info);
		emit_attr_opt(e, "node", buf_str(&node));
		emit_identity(q, e);
		collect(q->target, &f);
		for (size_t i = 0; i < f.n; i++) {
			emit_start(e, "feature");
			emit_attr(e, "var", f.var[i]);
			emit_end(e);
		}
		if (q->target == IQ_SERVER)
			emit_form(e, domain_of(q));
		emit_end(e);
	}
	buf_free(&node);
	return why;
}

enum cond disco_items(const struct iq *q, struct emit *e)
{
	struct buf node = {0};
	enum cond why = read_node(q, false, &node);

	buf_free(&node);
	if (why != COND_none)
		return why;
	emit_start_ns(e, "query", NS_disco_items);
	emit_end(e);
	return COND_none;
}

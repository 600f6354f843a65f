/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See sasl2.h. What stands in <authenticate/> is a row of `parts`; what is no row is none of our
 * business, as XEP-0388 wants it. Trees are built of the parts, never of the whole: the initial
 * response may be a password, and a tree's copies would stay in freed memory. */
#include "c2s/sasl2.h"
#include "common/prep.h"
#include "common/xml.h"

struct reading {
	struct sasl2 *s;
	struct str initial;
	bool has_initial, malformed;
};

static void take_words(struct buf *to, const struct xml_node *n, size_t most)
{
	struct str text = n ? xml_text(n) : STR_NONE;
	if (text.n <= most)
		buf_put(to, text);
}

/* The form that the schema of XEP-0388 gives to a UUID. */
static bool is_uuid(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		char ch = s.p[i];
		bool digit = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f') ||
			(ch >= 'A' && ch <= 'F');
		if (dash ? ch != '-' : !digit)
			return false;
	}
	return s.n == SASL2_ID_BYTES;
}

/* An id that is no UUID is like none: the client is then a new one each time. */
static void user_agent(struct reading *r, const struct xml_node *n)
{
	struct str id = xml_attr(n, "id");
	for (size_t i = 0; is_uuid(id) && i < id.n; i++) {
		char ch = id.p[i];
		buf_putc(&r->s->client, ch >= 'A' && ch <= 'F' ? (char)(ch - 'A' + 'a') : ch);
	}
	/* the part is parsed apart from the element around it, whose namespace it has */
	take_words(&r->s->software, xml_child(n, NS_client, "software"), SASL2_WORDS_MOST);
	take_words(&r->s->device, xml_child(n, NS_client, "device"), SASL2_WORDS_MOST);
}

/* A tag that cannot be part of a resource is left out (XEP-0386 3.2.1). */
static void bind(struct reading *r, const struct xml_node *n)
{
	const struct xml_node *tag = xml_child(n, NS_bind2, "tag");
	struct str text = tag ? xml_text(tag) : STR_NONE;
	r->s->binds = true;
	r->s->carbons = xml_child(n, NS_carbons, "enable");
	r->s->inactive = xml_child(n, NS_csi, "inactive") && !xml_child(n, NS_csi, "active");
	if (!text.n || text.n > SASL2_TAG_MOST || !prep_resource(&r->s->tag, text) ||
		r->s->tag.n > SASL2_TAG_MOST)
		buf_clear(&r->s->tag);
}

static bool is_true(struct str s)
{
	return str_is(s, "true") || str_is(s, "1");
}

static void fast(struct reading *r, const struct xml_node *n)
{
	r->s->fast = true;
	r->s->invalidate = is_true(xml_attr(n, "invalidate"));
	/* 0 is no count either: it must be positive (XEP-0484 3.4) */
	if (xml_has_attr(n, "count"))
		r->malformed = !str_u64(xml_attr(n, "count"), &r->s->count) || !r->s->count ||
			r->s->count > INT64_MAX;
}

static void request_token(struct reading *r, const struct xml_node *n)
{
	buf_put(&r->s->token_for, str_head(xml_attr(n, "mechanism"), SASL2_WORDS_MOST));
}

static const char *const task_names[] = {[HASH_SHA1] = "UPGR-SCRAM-SHA-1",
	[HASH_SHA256] = "UPGR-SCRAM-SHA-256",
	[HASH_SHA512] = "UPGR-SCRAM-SHA-512"};

const char *sasl2_task_name(unsigned hash)
{
	return hash < COUNT(task_names) ? task_names[hash] : NULL;
}

static void upgrade(struct reading *r, const struct xml_node *n)
{
	for (unsigned hash = 1; hash < COUNT(task_names); hash++) {
		if (str_is(xml_text(n), task_names[hash]))
			r->s->upgrades |= UINT32_C(1) << hash;
	}
}

static void config_version(struct reading *r, const struct xml_node *n)
{
	r->s->pipelined = true;
	buf_put(&r->s->version, str_head(xml_attr(n, "value"), SASL2_WORDS_MOST));
}

static const struct {
	enum ns ns;
	const char *name;
	void (*read)(struct reading *r, const struct xml_node *n);
} parts[] = {
	{NS_sasl2, "initial-response", NULL},
	{NS_sasl2, "user-agent", user_agent},
	{NS_bind2, "bind", bind},
	{NS_fast, "fast", fast},
	{NS_fast, "request-token", request_token},
	{NS_iap, "config-version", config_version},
	{NS_upgrade, "upgrade", upgrade},
};

static size_t part_of(const struct stanza_child *child)
{
	size_t i = 0;
	while (i < COUNT(parts) &&
		(parts[i].ns != child->ns || !str_is(child->name, parts[i].name)))
		i++;
	return i;
}

static bool read_initial(struct reading *r, struct str whole)
{
	struct stanza view;
	if (!stanza_view(whole, &view) || view.child_count)
		return false;
	r->initial = view.inner;
	r->has_initial = true;
	return true;
}

static bool read_part(struct reading *r, size_t part, struct str whole)
{
	struct xml *tree;
	if (!parts[part].read)
		return read_initial(r, whole);
	tree = xml_parse(whole);
	if (!tree)
		return false;
	parts[part].read(r, xml_root(tree));
	xml_free(&tree);
	return !r->malformed;
}

struct sasl2 *sasl2_new(const struct stanza *authenticate, struct str *initial, bool *has_initial)
{
	struct reading r = {.s = mem_new(sizeof *r.s)};
	struct str rest = authenticate->inner;
	struct stanza_child child;
	unsigned seen = 0;
	bool good = true;
	while (good && stanza_take_child(authenticate, &rest, &child)) {
		size_t part = part_of(&child);
		if (part == COUNT(parts))
			continue;
		good = (!(seen & 1U << part) || parts[part].read == upgrade) &&
			read_part(&r, part, child.whole);
		seen |= 1U << part;
	}
	*initial = r.initial;
	*has_initial = r.has_initial;
	if (!good)
		sasl2_free(&r.s);
	return r.s;
}

void sasl2_free(struct sasl2 **s)
{
	struct sasl2 *gone = *s;
	if (!gone)
		return;
	buf_free(&gone->client);
	buf_free(&gone->software);
	buf_free(&gone->device);
	buf_free(&gone->tag);
	buf_free(&gone->version);
	buf_free(&gone->token_for);
	buf_wipe(&gone->token);
	buf_free(&gone->expiry);
	buf_wipe(&gone->data);
	mem_free(gone);
	*s = NULL;
}

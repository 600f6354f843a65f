/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate's namespaces (Namespaces in XML 1.0): a start tag that has come whole is resolved,
 * and put into canonical form. */
#include "common/scan_work.h"

static bool fault(struct scan *s, enum cond why, const char *text)
{
	scan_fault(s, why, text);
	return false;
}

static struct str part(const struct buf *b, uint32_t at, uint32_t n)
{
	return str_at(b->p + at, n);
}

static bool same(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

struct str scan_uri_text(const struct scan *s, unsigned uri)
{
	unsigned of_root = s->root ? s->root->uri_n : 0;
	const struct scan_uri *u;

	if (uri < NS_COUNT)
		return ns_uri((enum ns)uri);
	uri -= NS_COUNT;
	if (uri < of_root) {
		u = &s->root->uris[uri];
		return str_at(s->root->text + u->at, u->n);
	}
	u = &s->work->uris[uri - of_root];
	return part(&s->work->text, u->at, u->n);
}

/* The number of a URI that stands in out; an unknown one gets the next. */
static bool intern(struct scan *s, struct str uri, enum ns known, unsigned *number)
{
	struct scan_work *w = s->work;
	unsigned end = NS_COUNT + (s->root ? s->root->uri_n : 0) + w->uri_n;

	*number = known;
	if (known != NS_other || uri.n == 0)
		return true;
	for (*number = NS_COUNT; *number < end; (*number)++)
		if (same(scan_uri_text(s, *number), uri))
			return true;
	if (end - NS_COUNT >= SCAN_NAMESPACES)
		return fault(s, STREAM_policy_violation, "too many namespaces");
	w->uris[w->uri_n++] = (struct scan_uri){(uint32_t)w->text.n, (uint32_t)uri.n};
	return scan_push_text(s, uri.p, uri.n);
}

/* What the prefix stands for; false: nothing. */
static bool look_up(const struct scan *s, struct str prefix, unsigned *uri)
{
	const struct scan_work *w = s->work;
	const struct scan_root *root = s->root;

	for (unsigned i = w->binding_n; i-- > 0;) {
		const struct scan_binding *b = &w->bindings[i];

		*uri = b->uri;
		if (same(part(&w->text, b->prefix, b->prefix_n), prefix))
			return true;
	}
	for (unsigned i = root ? root->binding_n : 0; i-- > 0;) {
		const struct scan_binding *b = &root->bindings[i];

		*uri = b->uri;
		if (same(str_at(root->text + b->prefix, b->prefix_n), prefix))
			return true;
	}
	return false;
}

/* A prefix from here on. One that says what holds already does not count: canonical bytes, which
 * repeat the declaration on each element that uses it, must never be over a limit that the
 * client's bytes were under. */
static bool bind(struct scan *s, struct str prefix, unsigned uri)
{
	struct scan_work *w = s->work;
	unsigned before;

	if (look_up(s, prefix, &before) && before == uri)
		return true;
	if (w->binding_n + (s->root ? s->root->binding_n : 0) >= SCAN_NAMESPACES)
		return fault(s, STREAM_policy_violation, "too many namespaces");
	w->bindings[w->binding_n++] = (struct scan_binding){
		(uint32_t)w->text.n, (uint32_t)prefix.n, uri};
	return scan_push_text(s, prefix.p, prefix.n);
}

/* One xmlns or xmlns:prefix attribute. */
static bool declare(struct scan *s, const struct scan_attr *a, struct scan_open *o)
{
	struct scan_work *w = s->work;
	uint32_t skip = a->prefix_n ? a->prefix_n + 1 : a->name_n;
	struct str prefix = part(&w->out, a->name + skip, a->name_n - skip);
	struct str value = part(&w->out, a->value, a->value_n);
	enum ns known = ns_of(value);
	unsigned uri;

	if (value.n > s->limits->name_bytes)
		return fault(s, STREAM_policy_violation, "a namespace is too long");
	if (str_is(prefix, "xml") && known == NS_xml)
		return true;
	if (str_is(prefix, "xml") || str_is(prefix, "xmlns") || known == NS_xml ||
		known == NS_xmlns)
		return fault(s, STREAM_not_well_formed,
			"a declaration of a reserved prefix or namespace");
	if (prefix.n && value.n == 0)
		return fault(s, STREAM_not_well_formed, "a prefix declared as no namespace");
	if (!intern(s, value, known, &uri))
		return false;
	if (prefix.n)
		return bind(s, prefix, uri);
	o->default_uri = uri;
	return true;
}

/* The namespace that a prefix stands for; false (and a fault) when it is not declared. */
static bool resolve(struct scan *s, struct str prefix, unsigned *uri)
{
	if (str_is(prefix, "xml")) {
		*uri = NS_xml;
		return true;
	}
	return look_up(s, prefix, uri) ||
		fault(s, STREAM_bad_namespace_prefix, "a prefix that is not declared");
}

static struct str local_of(const struct scan_work *w, const struct scan_attr *a)
{
	uint32_t skip = a->prefix_n ? a->prefix_n + 1 : 0;

	return part(&w->out, a->name + skip, a->name_n - skip);
}

/* Namespaces 1.0 section 6.3: the same local part in the same namespace comes once. */
static bool resolve_attr(struct scan *s, unsigned i)
{
	struct scan_work *w = s->work;
	struct scan_attr *a = &w->attrs[i];

	if (!resolve(s, part(&w->out, a->name, a->prefix_n), &a->uri))
		return false;
	for (unsigned j = 0; j < i; j++) {
		const struct scan_attr *b = &w->attrs[j];

		if (b->uri == a->uri && !b->declares && b->prefix_n &&
			same(local_of(w, a), local_of(w, b)))
			return fault(s, STREAM_not_well_formed,
				"an attribute twice, under two prefixes");
	}
	return true;
}

/* Opens the element of the tag in out: keeps its raw name, takes its declarations, resolves its
 * prefixes. */
static bool resolve_tag(struct scan *s, unsigned default_uri)
{
	struct scan_work *w = s->work;
	struct scan_open *o;
	struct str prefix = part(&w->out, w->tag + 1, w->prefix_n);

	if (!scan_room_for_open(s))
		return false;
	o = &w->open[w->depth];
	*o = (struct scan_open){.text = (uint32_t)w->text.n,
		.name_n = w->name_n,
		.prefix_n = w->prefix_n,
		.default_uri = default_uri,
		.uri_n = w->uri_n,
		.binding_n = w->binding_n};
	w->depth++;
	if (!scan_push_text(s, w->out.p + w->tag + 1, w->name_n))
		return false;
	for (unsigned i = 0; w->declaring && i < w->attr_n; i++)
		if (w->attrs[i].declares && !declare(s, &w->attrs[i], o))
			return false;
	o->uri = o->default_uri;
	if (prefix.n && !resolve(s, prefix, &o->uri))
		return false;
	/* Legal by Namespaces 1.0, but it has no meaning, and it could not be written without
	 * its prefix. */
	if (o->uri == NS_xml)
		return fault(s, STREAM_bad_namespace_prefix, "an element with the prefix \"xml\"");
	for (unsigned i = 0; w->prefixed && i < w->attr_n; i++)
		if (w->attrs[i].prefix_n && !w->attrs[i].declares && !resolve_attr(s, i))
			return false;
	return true;
}

static bool put(struct scan *s, struct str bytes)
{
	return bytes.n == 0 || scan_put(s, bytes.p, bytes.n);
}

static bool put_declaration(struct scan *s, struct str prefix, unsigned uri)
{
	return put(s, STR(" xmlns")) && (prefix.n == 0 || (put(s, STR(":")) && put(s, prefix))) &&
		put(s, STR("=\"")) && put(s, scan_uri_text(s, uri)) && put(s, STR("\""));
}

/* Is attribute i the first one on this element that uses its prefix? `raw` is the tag. */
static bool needs_prefix(const struct scan_work *w, unsigned i)
{
	const struct scan_attr *a = &w->attrs[i];

	if (a->prefix_n == 0 || a->declares || a->uri == NS_xml)
		return false;
	for (unsigned j = 0; j < i; j++) {
		const struct scan_attr *b = &w->attrs[j];

		if (!b->declares && b->prefix_n == a->prefix_n &&
			memcmp(w->raw.p + b->name - w->tag, w->raw.p + a->name - w->tag,
				a->prefix_n) == 0)
			return false;
	}
	return true;
}

/* Writes the tag anew: local name, its namespace where it is not `around`, the prefixes in use,
 * the attributes. */
static bool rewrite(struct scan *s, const struct scan_open *o, unsigned around)
{
	struct scan_work *w = s->work;
	struct buf *raw = &w->raw;
	size_t n = w->out.n - w->tag;
	uint32_t skip = o->prefix_n ? o->prefix_n + 1 : 0;

	w->written = o->uri != around;
	raw->n = 0;
	if (raw->cap < n && !scan_grow(s, raw, n, s->limits->bytes))
		return false;
	memcpy(raw->p, w->out.p + w->tag, n);
	raw->n = n;
	w->out.n = w->tag + 1;
	if (!put(s, part(raw, 1 + skip, o->name_n - skip)) ||
		(o->uri != around && !put_declaration(s, STR_NONE, o->uri)))
		return false;
	for (unsigned i = 0; w->prefixed && i < w->attr_n; i++) {
		const struct scan_attr *a = &w->attrs[i];

		if (!needs_prefix(w, i))
			continue;
		w->written++;
		if (!put_declaration(s, part(raw, a->name - w->tag, a->prefix_n), a->uri))
			return false;
	}
	for (unsigned i = 0; i < w->attr_n; i++) {
		const struct scan_attr *a = &w->attrs[i];

		w->written += !a->declares;
		/* with the blank before it and the quote behind it */
		if (!a->declares &&
			!put(s,
				part(raw, a->name - 1 - w->tag,
					a->value + a->value_n - a->name + 2)))
			return false;
	}
	return true;
}

/* Is the tag in out canonical as it came? */
static bool is_settled(const struct scan_work *w, const struct scan_open *o, unsigned around)
{
	if (o->prefix_n || w->prefixed)
		return false;
	if (!w->declaring)
		return o->uri == around;
	if (!w->attrs[0].declares || w->attrs[0].prefix_n || o->uri == around)
		return false;
	for (unsigned i = 1; i < w->attr_n; i++)
		if (w->attrs[i].declares)
			return false;
	return true;
}

/* The stream's xml:lang holds for a top element that has none (RFC 6120 4.7.4). */
static bool wants_lang(const struct scan *s)
{
	const struct scan_work *w = s->work;

	if (w->depth > 1 || !s->root || s->root->lang_n == 0)
		return false;
	for (unsigned i = 0; i < w->attr_n; i++)
		if (w->attrs[i].name_n == 8 &&
			memcmp(w->out.p + w->attrs[i].name, "xml:lang", 8) == 0)
			return false;
	return true;
}

static bool put_lang(struct scan *s)
{
	return put(s, STR(" xml:lang=\"")) &&
		put(s, str_at(s->root->text + s->root->lang, s->root->lang_n)) && put(s, STR("\""));
}

bool scan_open_element(struct scan *s)
{
	struct scan_work *w = s->work;
	unsigned around = NS_client;
	unsigned default_uri = s->root ? s->root->default_uri : NS_client;
	const struct scan_open *o;
	bool lang;

	if (w->depth) {
		around = w->open[w->depth - 1].uri;
		default_uri = w->open[w->depth - 1].default_uri;
	}
	if (!resolve_tag(s, default_uri))
		return false;
	o = &w->open[w->depth - 1];
	lang = wants_lang(s); /* looks into the tag, so before it is rewritten */
	w->written = w->attr_n;
	if (!is_settled(w, o, around) && !rewrite(s, o, around))
		return false;
	if (w->written + lang > s->limits->attributes)
		return fault(s, STREAM_policy_violation, "too many attributes");
	return !lang || put_lang(s);
}

void scan_close_element(struct scan_work *w)
{
	const struct scan_open *o = &w->open[--w->depth];

	if (w->depth == 0)
		return; /* what it declared is still needed to tell what it was */
	w->text.n = o->text;
	w->uri_n = o->uri_n;
	w->binding_n = o->binding_n;
}

/* Appends the value with its references undone; there is room. Canonical values have no other
 * references than these. */
static struct str unescape(struct buf *to, struct str value)
{
	static const struct {
		struct str ref;
		char c;
	} refs[] = {
		{{"&amp;", 5}, '&'},
		{{"&lt;", 4}, '<'},
		{{"&gt;", 4}, '>'},
		{{"&quot;", 6}, '"'},
		{{"&#9;", 4}, '\t'},
		{{"&#10;", 5}, '\n'},
		{{"&#13;", 5}, '\r'},
	};
	char *from = to->p + to->n;

	while (value.n) {
		size_t i = 0;

		while (i < COUNT(refs) && !str_starts(value, refs[i].ref))
			i++;
		to->p[to->n++] = i < COUNT(refs) ? refs[i].c : *value.p;
		value = str_skip(value, i < COUNT(refs) ? refs[i].ref.n : 1);
	}
	return str_at(from, (size_t)(to->p + to->n - from));
}

static void fill_header_attr(struct scan_work *w, const struct scan_attr *a)
{
	struct scan_header *h = &w->header;
	struct str name = part(&w->out, a->name, a->name_n);
	struct str *field = str_is(name, "to") ? &h->to
		: str_is(name, "from")         ? &h->from
		: str_is(name, "version")      ? &h->version
		: str_is(name, "xml:lang")     ? &h->lang
					       : NULL;

	if (!field)
		return;
	*field = unescape(&w->raw, part(&w->out, a->value, a->value_n));
	h->has_to |= field == &h->to;
	h->has_version |= field == &h->version;
}

static bool fill_header(struct scan *s)
{
	struct scan_work *w = s->work;
	const struct scan_open *o = &w->open[0];
	uint32_t skip = o->prefix_n ? o->prefix_n + 1 : 0;

	w->raw.n = 0;
	if (w->raw.cap < w->out.n && !scan_grow(s, &w->raw, w->out.n, s->limits->bytes))
		return false;
	w->header = (struct scan_header){
		.ns = o->uri < NS_COUNT ? (enum ns)o->uri : NS_other,
		.content_ns = o->default_uri < NS_COUNT ? (enum ns)o->default_uri : NS_other,
		.name = part(&w->out, 1 + skip, o->name_n - skip),
	};
	for (unsigned i = 0; i < w->attr_n; i++)
		fill_header_attr(w, &w->attrs[i]);
	return true;
}

/* Moves what the header declared into one block of exactly its size. */
static bool keep_root(struct scan *s, struct str lang)
{
	const struct scan_work *w = s->work;
	size_t uri_bytes = w->uri_n * sizeof *w->uris;
	size_t binding_bytes = w->binding_n * sizeof *w->bindings;
	struct scan_root *root = mem_try(sizeof *root + uri_bytes + binding_bytes + w->text.n +
		lang.n);
	struct scan_binding *bindings;
	struct scan_uri *uris;
	char *text;

	if (!root)
		return fault(s, STREAM_resource_constraint, "there is no memory for the stream");
	bindings = (struct scan_binding *)(root + 1);
	uris = (struct scan_uri *)(bindings + w->binding_n);
	text = (char *)(uris + w->uri_n);
	memcpy(bindings, w->bindings, binding_bytes);
	memcpy(uris, w->uris, uri_bytes);
	memcpy(text, w->text.p, w->text.n);
	if (lang.n)
		memcpy(text + w->text.n, lang.p, lang.n);
	*root = (struct scan_root){.uri_n = w->uri_n,
		.binding_n = w->binding_n,
		.default_uri = w->open[0].default_uri,
		.name_n = w->open[0].name_n,
		.lang = (uint32_t)w->text.n,
		.lang_n = (uint32_t)lang.n,
		.uris = uris,
		.bindings = bindings,
		.text = text};
	s->root = root;
	return true;
}

bool scan_open_stream(struct scan *s)
{
	struct scan_work *w = s->work;
	struct str lang = STR_NONE;

	if (!resolve_tag(s, 0) || !fill_header(s))
		return false;
	for (unsigned i = 0; i < w->attr_n; i++)
		if (str_is(part(&w->out, w->attrs[i].name, w->attrs[i].name_n), "xml:lang"))
			lang = part(&w->out, w->attrs[i].value, w->attrs[i].value_n);
	return keep_root(s, lang);
}

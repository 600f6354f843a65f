/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The fence around mxml. It is given canonical bytes only, and is not believed: what it built
 * must have the same fingerprint as a plain walk over the bytes. Then the tree is copied into
 * one block, with its namespaces resolved, and mxml's goes away. */
#include "common/xml.h"

#include <mxml.h>
#include <string.h>

#include "common/log.h"
#include "common/stanza.h"

struct xml_attr {
	struct str name, value;
};

struct xml_node {
	struct str name, ns_uri, text;
	const struct xml_attr *attrs;
	size_t attr_n;
	enum ns ns;
	struct xml_node *child, *next;
};

/* The head of the block; behind it the nodes, the attributes and the bytes of all strings. */
struct xml {
	struct xml_node *nodes;
	struct xml_attr *attrs;
	char *bytes;
	size_t node_n, attr_n, byte_n; /* in use */
};

/* What two readers of one stanza must agree on, and how much room its copy takes. */
struct print {
	size_t elements, attrs, bytes, depth, deepest;
	uint64_t hash;
};

/* FNV-1a: this is a check on ourselves; bytes that collide would have to be canonical and
 * misread by mxml just so. */
static void stir(struct print *f, char kind, struct str s)
{
	uint64_t h = (f->hash ^ (uint8_t)kind) * 0x100000001B3;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001B3;
	f->hash = (h ^ 0xFF) * 0x100000001B3; /* no byte of UTF-8: ends the string */
	f->bytes += s.n;
}

static void stir_element(struct print *f, struct str name)
{
	f->elements++;
	f->depth++;
	if (f->deepest < f->depth)
		f->deepest = f->depth;
	stir(f, '<', name);
}

static void stir_attr(struct print *f, struct str name, struct str value)
{
	f->attrs++;
	stir(f, ' ', name);
	stir(f, '=', value);
}

static void stir_end(struct print *f)
{
	f->depth--;
	stir(f, '/', STR_NONE);
}

static bool same_print(const struct print *a, const struct print *b)
{
	return a->elements == b->elements && a->attrs == b->attrs && a->bytes == b->bytes &&
		a->depth == b->depth && a->deepest == b->deepest && a->hash == b->hash;
}

/* Takes what comes before the byte off the front, and the byte; false when there is none. */
static bool take_to(struct str *s, char byte, struct str *head)
{
	size_t n = str_find(*s, byte);

	if (n == s->n)
		return false;
	*head = str_head(*s, n);
	*s = str_skip(*s, n + 1);
	return true;
}

static struct str unescaped(struct buf *to, struct str s)
{
	if (str_find(s, '&') == s.n)
		return s;
	buf_clear(to);
	stanza_value(to, s);
	return buf_str(to);
}

/* The inside of a start tag. */
static bool walk_tag(struct print *f, struct str tag, struct buf *scratch)
{
	bool empty = str_ends(tag, STR("/"));
	struct str name, value, before, gap;

	tag.n -= empty;
	stir_element(f, str_head(tag, str_find(tag, ' ')));
	tag = str_skip(tag, str_find(tag, ' '));
	while (tag.n) {
		if (!take_to(&tag, ' ', &before) || !take_to(&tag, '=', &name) ||
			!take_to(&tag, '"', &gap) || !take_to(&tag, '"', &value) || before.n ||
			gap.n)
			return false;
		stir_attr(f, name, unescaped(scratch, value));
	}
	if (empty)
		stir_end(f);
	return true;
}

/* Takes a run of text, and the tag that ends it, off the front. */
static bool walk_piece(struct print *f, struct str *s, struct buf *scratch)
{
	struct str text, tag;

	if (!take_to(s, '<', &text) || !take_to(s, '>', &tag))
		return false;
	if (f->depth == 0 && (f->elements || text.n)) /* before or behind the one top element */
		return false;
	if (text.n)
		stir(f, 'T', unescaped(scratch, text));
	if (!str_starts(tag, STR("/")))
		return walk_tag(f, tag, scratch);
	stir_end(f);
	return str_find(tag, ' ') == tag.n;
}

/* Fingerprints canonical bytes without mxml. False: they are not canonical. */
static bool walk_bytes(struct print *f, struct str s)
{
	struct buf scratch = {0};
	bool fine = true;

	while (fine && s.n)
		fine = walk_piece(f, &s, &scratch);
	buf_free(&scratch);
	return fine && f->elements && f->depth == 0;
}

/* The next node in document order. Calls stir_end for each element that it leaves behind. */
static mxml_node_t *walk_next(struct print *f, mxml_node_t *n, mxml_node_t *top)
{
	mxml_node_t *next = mxmlGetType(n) == MXML_ELEMENT ? mxmlGetFirstChild(n) : NULL;

	while (!next) {
		if (mxmlGetType(n) == MXML_ELEMENT)
			stir_end(f);
		if (n == top)
			return NULL;
		next = mxmlGetNextSibling(n);
		n = mxmlGetParent(n);
		if (!next && !n)
			return NULL;
	}
	return next;
}

/* Fingerprints what mxml has built. False: there are nodes that canonical bytes do not make. */
static bool walk_tree(struct print *f, mxml_node_t *top)
{
	if (mxmlGetParent(top) || mxmlGetNextSibling(top) || mxmlGetPrevSibling(top) ||
		mxmlGetType(top) != MXML_ELEMENT)
		return false;
	for (mxml_node_t *n = top; n; n = walk_next(f, n, top)) {
		if (mxmlGetType(n) == MXML_OPAQUE) {
			stir(f, 'T', str_of(mxmlGetOpaque(n)));
			continue;
		}
		if (mxmlGetType(n) != MXML_ELEMENT)
			return false;
		stir_element(f, str_of(mxmlGetElement(n)));
		for (int i = 0; i < mxmlElementGetAttrCount(n); i++) {
			const char *name = NULL;
			const char *value = mxmlElementGetAttrByIndex(n, i, &name);

			stir_attr(f, str_of(name), str_of(value));
		}
	}
	return true;
}

/* The bytes as mxml needs them: with a NUL, and U+FEFF in disguise, since it would drop that
 * character. NULL: no memory. */
static char *disguised(struct str s)
{
	static const char mark[] = "\xEF\xBB\xBF", reference[] = "&#65279;";
	size_t marks = 0;
	char *copy, *to;

	for (size_t i = 0; i + 3 <= s.n; i++)
		marks += memcmp(s.p + i, mark, 3) == 0;
	copy = to = mem_try(s.n + marks * (sizeof reference - 1) + 1);
	for (size_t i = 0; copy && i < s.n;) {
		if (i + 3 <= s.n && memcmp(s.p + i, mark, 3) == 0) {
			memcpy(to, reference, sizeof reference - 1);
			to += sizeof reference - 1;
			i += 3;
		} else {
			*to++ = s.p[i++];
		}
	}
	if (to)
		*to = '\0';
	return copy;
}

static struct str keep(struct xml *x, const char *s)
{
	size_t n = s ? strlen(s) : 0;
	char *copy = x->bytes + x->byte_n;

	if (n)
		memcpy(copy, s, n);
	x->byte_n += n;
	return str_at(copy, n);
}

static struct str attr_of(const struct xml_node *n, const char *name)
{
	for (size_t i = 0; i < n->attr_n; i++)
		if (str_is(n->attrs[i].name, name))
			return n->attrs[i].value;
	return STR_NONE;
}

bool xml_has_attr(const struct xml_node *n, const char *name)
{
	for (size_t i = 0; i < n->attr_n; i++)
		if (str_is(n->attrs[i].name, name))
			return true;
	return false;
}

/* All text directly in the element lies in one piece, though children stand between its parts. */
static struct str keep_text(struct xml *x, mxml_node_t *from)
{
	struct str text = {x->bytes + x->byte_n, 0};

	for (mxml_node_t *c = mxmlGetFirstChild(from); c; c = mxmlGetNextSibling(c))
		if (mxmlGetType(c) == MXML_OPAQUE)
			text.n += keep(x, mxmlGetOpaque(c)).n;
	return text;
}

static struct xml_node *keep_element(struct xml *x, mxml_node_t *from,
	const struct xml_node *parent)
{
	struct xml_node *n = &x->nodes[x->node_n++];
	struct xml_attr *attrs = x->attrs + x->attr_n;

	n->name = keep(x, mxmlGetElement(from));
	n->attrs = attrs;
	n->attr_n = (size_t)mxmlElementGetAttrCount(from);
	x->attr_n += n->attr_n;
	for (size_t i = 0; i < n->attr_n; i++) {
		const char *name = NULL;
		const char *value = mxmlElementGetAttrByIndex(from, (int)i, &name);

		attrs[i].name = keep(x, name);
		attrs[i].value = keep(x, value);
	}
	n->text = keep_text(x, from);
	if (xml_has_attr(n, "xmlns")) {
		n->ns_uri = attr_of(n, "xmlns");
		n->ns = ns_of(n->ns_uri);
	} else {
		n->ns_uri = parent ? parent->ns_uri : ns_uri(NS_client);
		n->ns = parent ? parent->ns : NS_client;
	}
	return n;
}

/* Copies the elements in document order. mxml's nodes remember their copies, to find the
 * parent's and the sibling's. */
static void keep_tree(struct xml *x, mxml_node_t *top)
{
	for (mxml_node_t *n = top; n; n = mxmlWalkNext(n, top, MXML_DESCEND)) {
		mxml_node_t *parent = n == top ? NULL : mxmlGetParent(n);
		mxml_node_t *before = n == top ? NULL : mxmlGetPrevSibling(n);
		struct xml_node *copy, *around = parent ? mxmlGetUserData(parent) : NULL;

		if (mxmlGetType(n) != MXML_ELEMENT)
			continue;
		while (before && mxmlGetType(before) != MXML_ELEMENT)
			before = mxmlGetPrevSibling(before);
		copy = keep_element(x, n, around);
		mxmlSetUserData(n, copy);
		if (before)
			((struct xml_node *)mxmlGetUserData(before))->next = copy;
		else if (around)
			around->child = copy;
	}
}

/* One block for everything; the fingerprint says how much. */
static struct xml *tree_room(const struct print *f)
{
	size_t nodes = f->elements * sizeof(struct xml_node),
	       attrs = f->attrs * sizeof(struct xml_attr);
	struct xml *x = mem_try(sizeof *x + nodes + attrs + f->bytes);

	if (!x)
		return NULL;
	x->nodes = (struct xml_node *)(x + 1);
	x->attrs = (struct xml_attr *)(x->nodes + f->elements);
	x->bytes = (char *)(x->attrs + f->attrs);
	return x;
}

static struct xml *copy_checked(mxml_node_t *top, const struct print *wanted)
{
	struct print built = {0};
	struct xml *x;

	if (!walk_tree(&built, top) || !same_print(&built, wanted)) {
		log_event(parser_mismatch, LOG_U64("elements", wanted->elements),
			LOG_U64("built", built.elements), LOG_HEX("hash", wanted->hash),
			LOG_HEX("built_hash", built.hash));
		return NULL;
	}
	x = tree_room(wanted);
	if (x)
		keep_tree(x, top);
	return x;
}

struct xml *xml_parse(struct str canonical)
{
	struct print wanted = {0};
	struct xml *x = NULL;
	mxml_node_t *top;
	char *copy;

	/* What mxml must never see, whoever calls: other bytes than UTF-8 (FE FF makes it read
	 * UTF-16, and beyond the end). */
	if (!str_utf8(canonical) || str_find(canonical, '\0') < canonical.n ||
		!walk_bytes(&wanted, canonical))
		return NULL;
	copy = disguised(canonical);
	if (!copy)
		return NULL;
	top = mxmlLoadString(NULL, copy, MXML_OPAQUE_CALLBACK);
	mem_free(copy);
	if (!top) {
		log_event(parser_mismatch, LOG_U64("elements", wanted.elements),
			LOG_U64("built", 0));
		return NULL;
	}
	x = copy_checked(top, &wanted);
	mxmlDelete(top);
	return x;
}

void xml_free(struct xml **x)
{
	mem_free(*x);
	*x = NULL;
}

const struct xml_node *xml_root(const struct xml *x)
{
	return x->nodes;
}

struct str xml_name(const struct xml_node *n)
{
	return n->name;
}

struct str xml_ns_uri(const struct xml_node *n)
{
	return n->ns_uri;
}

enum ns xml_ns(const struct xml_node *n)
{
	return n->ns;
}

struct str xml_attr(const struct xml_node *n, const char *name)
{
	return attr_of(n, name);
}

struct str xml_text(const struct xml_node *n)
{
	return n->text;
}

static const struct xml_node *first_match(const struct xml_node *n, enum ns ns, const char *name)
{
	while (n && ((name && !str_is(n->name, name)) || (ns != NS_other && n->ns != ns)))
		n = n->next;
	return n;
}

const struct xml_node *xml_child(const struct xml_node *n, enum ns ns, const char *name)
{
	return first_match(n->child, ns, name);
}

const struct xml_node *xml_next(const struct xml_node *n, enum ns ns, const char *name)
{
	return first_match(n->next, ns, name);
}

static void say_nothing(const char *message)
{
	(void)message; /* what counts is whether there is a tree, and whether it is the right one */
}

void xml_thread_start(void)
{
	mxmlSetErrorCallback(say_nothing);
	mxmlSetWrapMargin(0);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Fuzzes the gate with expat as oracle. The input is what a client sends: a stream header and
 * elements. What the gate accepts expat must accept too, and understand alike: the client's
 * bytes and the canonical bytes are the same elements to it, attributes and text to the last
 * byte. How the bytes were cut must not matter, canonical bytes must scan to themselves, and
 * mxml and the stanza view must be able to read them. */
/* LINK: -lexpat */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/scan_work.h"
#include "common/stanza.h"
#include "common/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct scan_limits limits = {
	.bytes = 3000, .elements = 40, .depth = 12, .attributes = 10, .name_bytes = 100};

/* As abort, but says why. */
static void must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "scan: %s\n", what);
	abort();
}

/* What expat understood of an element, as text: names as namespace and local part, attributes
 * sorted. */
struct tale {
	struct buf text;
	unsigned depth;
	struct str lang; /* that a top element inherits */
};

static int by_name(const void *a, const void *b)
{
	return strcmp(**(const char *const *const *)a, **(const char *const *const *)b);
}

static void tell(struct tale *t, const char *mark, const char *word)
{
	buf_puts(&t->text, mark);
	buf_puts(&t->text, word);
}

/* xml:lang comes last, since a top element may have it by inheritance. */
static void tell_attrs(struct tale *t, const char **attrs, struct str inherited)
{
	const char **sorted[64];
	const char *lang = NULL;
	size_t count = 0;

	for (; attrs[0] && count < COUNT(sorted); attrs += 2)
		sorted[count++] = attrs;
	qsort(sorted, count, sizeof *sorted, by_name);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(sorted[i][0], "http://www.w3.org/XML/1998/namespace\x01lang") == 0) {
			lang = sorted[i][1];
			continue;
		}
		tell(t, "\x02 ", sorted[i][0]);
		tell(t, "\x02=", sorted[i][1]);
	}
	buf_puts(&t->text, "\x02 lang=");
	buf_put(&t->text, lang ? str_of(lang) : inherited);
	buf_puts(&t->text, lang || inherited.n ? "" : "\x02none");
}

static void XMLCALL on_start(void *user, const char *name, const char **attrs)
{
	struct tale *t = user;

	if (t->depth++ == 0)
		return;
	tell(t, "\x02<", name);
	tell_attrs(t, attrs, t->depth == 2 ? t->lang : STR_NONE);
}

static void XMLCALL on_end(void *user, const char *name)
{
	struct tale *t = user;

	if (t->depth-- > 1)
		tell(t, "\x02/", name);
}

static void XMLCALL on_text(void *user, const char *text, int n)
{
	struct tale *t = user;

	if (t->depth > 1)
		buf_add(&t->text, text, (size_t)n);
}

static XML_Parser oracle(struct tale *t)
{
	XML_Parser p = XML_ParserCreateNS("UTF-8", '\x01');

	must(p != NULL, "no memory for expat");
	XML_SetUserData(p, t);
	XML_SetElementHandler(p, on_start, on_end);
	XML_SetCharacterDataHandler(p, on_text);
	return p;
}

/* expat knows the name characters of XML 1.0's 4th edition only. */
static bool excused(XML_Parser p, struct str bytes)
{
	enum XML_Error e = XML_GetErrorCode(p);

	return e == XML_ERROR_INVALID_TOKEN && !str_ascii(bytes);
}

static void tell_canonical(struct tale *t, struct str canonical)
{
	XML_Parser p = oracle(t);

	must(XML_Parse(p, "<r xmlns='jabber:client'>", 25, 0) == XML_STATUS_OK,
		"expat refuses the frame");
	if (XML_Parse(p, canonical.p, (int)canonical.n, 0) != XML_STATUS_OK)
		must(excused(p, canonical), "expat refuses canonical bytes");
	else
		must(XML_Parse(p, "</r>", 4, 1) == XML_STATUS_OK,
			"canonical bytes are no whole element to expat");
	XML_ParserFree(p);
}

static void check_readers(struct str canonical)
{
	struct buf stamped = {0};
	struct stanza view;
	struct xml *tree;
	const struct scan_limits wide = {
		.bytes = 1 << 20, .elements = 40, .depth = 12, .attributes = 20, .name_bytes = 100};

	must(scan_canonical_full(canonical, &limits), "canonical bytes are not canonical");
	must(stanza_view(canonical, &view), "canonical bytes have no view");
	stanza_stamp(&stamped, &view, STR("a&b@c/<'\">"), STR("d"));
	must(scan_is_canonical(buf_str(&stamped), &wide), "a stamped stanza is not canonical");
	buf_clear(&stamped);
	stanza_error(&stamped, &view, STR("a"), STR("b"), STANZA_forbidden, STR("t"));
	must(stamped.n == 0 || scan_is_canonical(buf_str(&stamped), &wide),
		"an error answer is not canonical");
	buf_free(&stamped);
	tree = xml_parse(canonical);
	must(tree != NULL, "mxml does not read canonical bytes right");
	xml_free(&tree);
}

/* One run of the gate over the input, told as text, and compared with expat on the way when `p`
 * is there. */
struct run {
	struct buf tale; /* of the gate */
	struct tale client;
	struct buf lang;
};

static void on_header(struct run *r, const struct scan_header *h)
{
	buf_printf(&r->tale, "stream %d %d ", (int)h->ns, (int)h->content_ns);
	buf_put(&r->tale, h->name);
	buf_put(&r->tale, h->to);
	buf_put(&r->tale, h->from);
	buf_put(&r->tale, h->version);
	buf_put(&r->tale, h->lang);
	buf_clear(&r->lang);
	buf_put(&r->lang, h->lang);
	r->client.lang = buf_str(&r->lang);
}

static void on_element(struct run *r, const struct scan_element *e, bool compare)
{
	struct tale canonical = {0};

	buf_printf(&r->tale, "element %d ", (int)e->ns);
	buf_put(&r->tale, e->name);
	buf_put(&r->tale, e->ns_uri);
	buf_put(&r->tale, e->bytes);
	if (!compare)
		return;
	check_readers(e->bytes);
	tell_canonical(&canonical, e->bytes);
	must(str_eq(buf_str(&canonical.text), buf_str(&r->client.text)),
		"canonical bytes mean something else");
	buf_clear(&r->client.text);
	buf_free(&canonical.text);
}

static void scan_all(struct run *r, struct str bytes, size_t piece, XML_Parser *p)
{
	struct scan *s = scan_new(&limits);
	enum scan_event event = SCAN_MORE;
	size_t used;

	while (bytes.n && event != SCAN_ERROR) {
		struct str head = str_head(bytes, piece);

		event = scan_feed(s, head, &used);
		must(used <= head.n && (event != SCAN_MORE || used == head.n),
			"bytes are left over");
		if (event == SCAN_ERROR)
			break;
		if (*p && XML_Parse(*p, bytes.p, (int)used, 0) != XML_STATUS_OK) {
			must(event == SCAN_MORE || excused(*p, bytes),
				"expat refuses what the gate takes");
			XML_ParserFree(*p);
			*p = NULL;
		}
		if (event == SCAN_STREAM)
			on_header(r, scan_header(s));
		if (event == SCAN_ELEMENT)
			on_element(r, scan_element(s), *p != NULL);
		if (event == SCAN_CLOSE)
			buf_puts(&r->tale, "close");
		bytes = str_skip(bytes, used);
	}
	buf_printf(&r->tale, "end %d %s", event == SCAN_ERROR ? (int)scan_why(s) : scan_idle(s),
		scan_why_text(s));
	scan_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str input = str_at(bytes, n);
	struct run whole = {0}, single = {0}, pieces = {0};
	XML_Parser p = oracle(&whole.client), none = NULL;

	xml_thread_start();
	scan_all(&whole, input, SIZE_MAX, &p);
	scan_all(&single, input, 1, &none);
	scan_all(&pieces, input, n ? 2 + bytes[n / 2] : 1, &none); /* some elements come whole */
	must(str_eq(buf_str(&whole.tale), buf_str(&single.tale)) &&
			str_eq(buf_str(&whole.tale), buf_str(&pieces.tale)),
		"how the bytes were cut matters");
	if (p)
		XML_ParserFree(p);
	buf_free(&whole.tale);
	buf_free(&whole.client.text);
	buf_free(&whole.lang);
	buf_free(&single.tale);
	buf_free(&single.lang);
	buf_free(&pieces.tale);
	buf_free(&pieces.lang);
	return 0;
}

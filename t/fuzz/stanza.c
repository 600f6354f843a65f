/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Fuzzes the view of a stanza with bytes of any kind: it stays inside them, and what it makes of
 * canonical ones is canonical. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/scan_work.h"
#include "common/stanza.h"
#include "common/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct scan_limits limits = {
	.bytes = 1 << 20, .elements = 5000, .depth = 5000, .attributes = 100, .name_bytes = 1 << 16};

static void must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "stanza: %s\n", what);
	abort();
}

static void must_lie_in(struct str part, struct str whole)
{
	must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n), "a span outside of the bytes");
}

static void check_spans(const struct stanza *s)
{
	const struct stanza_attr *attrs[] = {&s->to, &s->from, &s->id, &s->type_attr, &s->lang};

	must_lie_in(s->name, s->bytes);
	must_lie_in(s->start, s->bytes);
	must_lie_in(s->inner, s->bytes);
	for (size_t i = 0; i < COUNT(attrs); i++) {
		must_lie_in(attrs[i]->whole, s->start);
		must_lie_in(attrs[i]->value, s->start);
	}
	for (size_t i = 0; i < s->child_count && i < STANZA_CHILDREN; i++) {
		must_lie_in(s->child[i].whole, s->inner);
		must_lie_in(s->child[i].name, s->child[i].whole);
		must_lie_in(s->child[i].ns_uri, s->bytes);
	}
}

static void check_writers(const struct stanza *s, bool canonical)
{
	struct buf out = {0};
	struct stanza again;

	stanza_stamp(&out, s, STR("romeo@example.net/\"<'>&"), STR("juliet@example.com"));
	if (canonical) {
		must(scan_is_canonical(buf_str(&out), &limits), "a stamped stanza is not canonical");
		must(stanza_view(buf_str(&out), &again), "a stamped stanza has no view");
		must(again.kind == s->kind && again.type == s->type && again.child_count == s->child_count,
			"a stamp changed the stanza");
		must(str_is(again.to.value, "juliet@example.com"), "a stamp did not stick");
	}
	buf_clear(&out);
	stanza_error(&out, s, s->to.value, s->from.value, STANZA_item_not_found, s->id.value);
	if (canonical && out.n) {
		must(scan_is_canonical(buf_str(&out), &limits), "an error answer is not canonical");
		must(stanza_view(buf_str(&out), &again) && again.type == TYPE_ERROR && again.kind == s->kind,
			"an error answer is none");
	}
	buf_clear(&out);
	stanza_value(&out, s->bytes);
	must(out.n <= s->bytes.n, "undoing references made bytes");
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char *copy = calloc(n + 1, 1);
	struct str input = str_at(copy, n);
	bool canonical;
	struct stanza view;
	struct xml *tree;

	if (!copy)
		abort();
	memcpy(copy, n ? bytes : (const uint8_t *)"", n);
	xml_thread_start();
	canonical = scan_canonical_full(input, &limits);
	must(canonical || !scan_canonical_quick(input, &limits), "the quick look takes what the gate does not");
	must(scan_is_canonical(input, &limits) == canonical, "canonical or not?");
	if (stanza_view(input, &view)) {
		check_spans(&view);
		check_writers(&view, canonical);
		stanza_child(&view, NS_client, "body");
	} else {
		must(!canonical, "canonical bytes have no view");
	}
	tree = canonical ? xml_parse(input) : NULL;
	must(!canonical || tree, "mxml does not read canonical bytes right");
	xml_free(&tree);
	free(copy);
	return 0;
}

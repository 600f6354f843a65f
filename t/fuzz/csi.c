/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Fuzzes what waits for an inactive client: lines of any bytes, as stanzas. What is kept is one of them, whole, and
 * counted as what it is. */
#include <stdio.h>
#include <stdlib.h>

#include "c2s/csi.h"
#include "common/mark.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "csi: %s\n", what);
	abort();
}

/* Is it one of the lines? */
static bool is_a_line(struct str all, struct str xml)
{
	struct str line;

	while (all.n) {
		str_cut(all, '\n', &line, &all);
		if (str_eq(line, xml))
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str all = str_at(bytes, n), rest = all, line, xml;
	struct csi *s = csi_new();
	size_t kept = 0, count, sum;

	while (rest.n) {
		struct stanza view;

		str_cut(rest, '\n', &line, &rest);
		if (stanza_view(line, &view))
			must((view.child_count > 0) == (mark_message(&view) != 0), "children without a mark");
		kept += csi_keep(s, line);
		must(csi_count(s) <= kept, "more waits than was kept");
	}
	count = csi_count(s);
	sum = csi_bytes(s);
	while (csi_take(s, &xml)) {
		must(count-- > 0 && sum >= xml.n && is_a_line(all, xml), "what waits is none of what came");
		sum -= xml.n;
	}
	must(count == 0 && sum == 0 && csi_count(s) == 0 && csi_bytes(s) == 0, "the count is wrong");
	csi_free(&s);
	return 0;
}

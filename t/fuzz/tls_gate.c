/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The record gate: cut anywhere, the same records pass and the same fault is found; and what passes
 * is sane. The first byte says how the rest is cut, and whether the handshake is over. */
#include "c2s/tls_gate.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void expect(bool truth)
{
	if (!truth)
		abort();
}

static void expect_sane(struct str record)
{
	const uint8_t *h = (const uint8_t *)record.p;

	expect(record.n > TLS_GATE_HEADER && record.n <= TLS_GATE_HEADER + TLS_GATE_PAYLOAD_MOST);
	expect(h[0] >= 20 && h[0] <= 23 && h[1] == 3);
	expect(record.n == TLS_GATE_HEADER + ((size_t)h[3] << 8 | h[4]));
	expect(h[0] != 23 || record.n >= TLS_GATE_HEADER + TLS_GATE_DATA_LEAST);
}

static const char *pass_through(struct str all, size_t step, bool finished, struct buf *passed)
{
	struct tls_gate g = {0};
	enum tls_gate_outcome o = TLS_GATE_MORE;
	const char *fault;

	if (finished)
		tls_gate_finish(&g);
	while (all.n && o != TLS_GATE_FAULT) {
		struct str piece = str_head(all, step), left, record;
		char *copy = malloc(piece.n);

		left = str_at(memcpy(copy, piece.p, piece.n), piece.n);
		while ((o = tls_gate_next(&g, &left, &record)) == TLS_GATE_RECORD) {
			expect_sane(record);
			buf_put(passed, record);
		}
		free(copy);
		all = str_skip(all, piece.n);
	}
	fault = g.fault;
	tls_gate_end(&g);
	return fault;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole = {0}, cut = {0};
	const char *whole_fault, *cut_fault;
	bool finished;
	size_t step;

	if (n < 2)
		return 0;
	finished = data[0] & 1;
	step = (size_t)(data[0] >> 1) + 1;
	whole_fault = pass_through(str_at(data + 1, n - 1), n, finished, &whole);
	cut_fault = pass_through(str_at(data + 1, n - 1), step, finished, &cut);
	expect(whole_fault == cut_fault);
	expect(str_eq(buf_str(&whole), buf_str(&cut)));
	expect(whole.n < n && (!whole.n || memcmp(whole.p, data + 1, whole.n) == 0));
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}

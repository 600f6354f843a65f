/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Compressed bytes into a pipe (XEP-0138). Input: the first byte chooses the size of the pieces, and whether the rest
 * is what the client sends, or what it packs. What was packed well is scanned as it would be in plain; whatever comes,
 * a turn inflates no more than its budget, and memory stays within the limits. */
#include "c2s/pipe.h"
#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct scan_limits limits = {8192, 32, 16, 32, 256};

static void packed(struct str plain, struct buf *out)
{
	uLongf n = compressBound((uLong)plain.n);
	CHECK(compress((Bytef *)buf_room(out, n), &n, (const Bytef *)plain.p, (uLong)plain.n) == Z_OK);
	buf_grew(out, n - 4); /* without its end */
}

/* False: the stream is over. */
static bool turn(struct pipe *p, unsigned *things)
{
	enum scan_event e = SCAN_MORE;
	unsigned steps = 0;
	while (e != SCAN_ERROR && e != SCAN_CLOSE && pipe_has_rest(p) && !pipe_is_spent(p)) {
		e = pipe_next(p);
		CHECK(p->in.n <= ZIP_WINDOW);
		CHECK(e == SCAN_ERROR || p->unzipped <= ZIP_MORE);
		*things += e == SCAN_ELEMENT;
		steps++;
	}
	CHECK(steps <= (ZIP_BUDGET + ZIP_WINDOW) * 2);
	pipe_keep(p);
	pipe_renew(p);
	return e != SCAN_ERROR && e != SCAN_CLOSE;
}

static void listen(struct pipe *p, struct str in, size_t most, unsigned *things)
{
	bool on = true;
	while (on && in.n) {
		CHECK(pipe_take(p, str_head(in, most)) == TLS_MORE);
		in = str_skip(in, most);
		while (on && pipe_has_rest(p))
			on = turn(p, things);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	uint8_t mode = n ? bytes[0] : 0;
	struct str in = str_skip(str_at(bytes, n), 1);
	size_t most = mode & 2 ? 1 : mode & 4 ? 100 : 65536;
	unsigned plain = 0, unpacked = 0;
	struct buf all = {0};
	struct pipe p;
	pipe_start(&p, &limits);
	if (mode & 1) {
		listen(&p, in, most, &plain);
		pipe_end(&p);
		packed(in, &all);
		in = buf_str(&all);
		pipe_start(&p, &limits);
	}
	CHECK(pipe_compress(&p));
	listen(&p, in, most, &unpacked);
	CHECK(!(mode & 1) || plain == unpacked || p.unzipped == ZIP_BOMB);
	pipe_end(&p);
	buf_free(&all);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See zip.h. We pack with a window of 4 KiB: hardly worse than zlib's own 32, in a seventh of the
 * memory (libraries.md 5). A client packs as it likes. */
#include "c2s/zip.h"
#include <limits.h>
#include <zlib.h>

#define PACK_WINDOW_BITS 12
#define PACK_MEMORY 5
#define READ_WINDOW_BITS 15 /* the most there is; inflate takes what is used */
#define FLUSH_ROOM 64       /* bytes that a flush may add to what does not shrink */

struct zip {
	z_stream in, out;
	struct buf packed; /* from packed_at on, not inflated yet */
	size_t packed_at;
	char *window;         /* NULL: nothing was inflated since zip_keep */
	bool begun;           /* its first byte has come; white space before it is none */
	bool pending;         /* zlib may have more than the window took */
	bool ended;           /* the client ended its stream of zlib's: XMPP has no use for that */
	size_t spent;         /* inflated bytes of this turn */
	uint64_t taken, made; /* packed and inflated bytes, the older ones in part */
};

/* zlib's memory, with its size before it: what was said is in there, so it is wiped. */
union block {
	size_t size;
	max_align_t aligned;
};

static voidpf take(voidpf ctx, uInt items, uInt size)
{
	size_t n = sizeof(union block) + (size_t)items * size;
	union block *b = mem_try(n);
	(void)ctx;
	if (!b)
		return NULL;
	b->size = n;
	return b + 1;
}

static void give(voidpf ctx, voidpf memory)
{
	union block *b = (union block *)memory - 1;
	(void)ctx;
	mem_wipe(b, b->size);
	mem_free(b);
}

struct zip *zip_new(void)
{
	struct zip *z = mem_try(sizeof *z);
	if (!z)
		return NULL;
	z->in.zalloc = z->out.zalloc = take;
	z->in.zfree = z->out.zfree = give;
	if (inflateInit2(&z->in, READ_WINDOW_BITS) == Z_OK &&
		deflateInit2(&z->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, PACK_WINDOW_BITS,
			PACK_MEMORY, Z_DEFAULT_STRATEGY) == Z_OK)
		return z;
	zip_free(&z);
	return NULL;
}

static void drop_window(struct zip *z)
{
	if (z->window)
		mem_wipe(z->window, ZIP_WINDOW);
	mem_free(z->window);
	z->window = NULL;
}

void zip_free(struct zip **z)
{
	struct zip *gone = *z;
	if (!gone)
		return;
	inflateEnd(&gone->in);
	deflateEnd(&gone->out);
	drop_window(gone);
	buf_wipe(&gone->packed);
	mem_free(gone);
	*z = NULL;
}

struct buf *zip_packed(struct zip *z)
{
	return &z->packed;
}

bool zip_waiting(const struct zip *z)
{
	return z->packed_at < z->packed.n || z->pending || z->ended;
}

/* Counts, and judges. Half is forgotten now and then: a long calm talk buys no bomb. */
static bool grows_too_much(struct zip *z, size_t taken, size_t made)
{
	z->taken += taken;
	z->made += made;
	z->spent += made;
	if (z->made >= ZIP_JUDGED && z->made / ZIP_RATIO > z->taken)
		return true;
	if (z->made >= ZIP_MEMORY) {
		z->made /= 2;
		z->taken /= 2;
	}
	return false;
}

/* What was still typed for the stream before; zlib's first byte looks otherwise (RFC 1950 2.2). */
static void skip_space(struct zip *z)
{
	while (!z->begun && z->packed_at < z->packed.n) {
		char c = z->packed.p[z->packed_at];
		z->begun = c != ' ' && c != '\t' && c != '\r' && c != '\n';
		z->packed_at += !z->begun;
	}
}

static enum zip_result step(struct zip *z, size_t *made)
{
	skip_space(z);
	size_t n = z->packed.n - z->packed_at;
	z->in.next_in = n ? (Bytef *)z->packed.p + z->packed_at : NULL;
	z->in.avail_in = (uInt)(n < UINT_MAX ? n : UINT_MAX);
	n = z->in.avail_in;
	z->in.next_out = (Bytef *)z->window;
	z->in.avail_out = ZIP_WINDOW;
	int r = inflate(&z->in, Z_SYNC_FLUSH);
	n -= z->in.avail_in;
	*made = ZIP_WINDOW - z->in.avail_out;
	z->packed_at += n;
	z->pending = !z->in.avail_out;
	z->ended = r == Z_STREAM_END;
	if (r == Z_MEM_ERROR)
		return ZIP_NO_ROOM;
	if (r != Z_OK && r != Z_BUF_ERROR && !z->ended)
		return ZIP_BROKEN;
	return grows_too_much(z, n, *made) ? ZIP_BOMB : ZIP_SOME;
}

enum zip_result zip_inflate(struct zip *z, struct str *out)
{
	size_t made;
	if (!zip_waiting(z))
		return ZIP_MORE;
	if (z->ended)
		return ZIP_BROKEN;
	if (!z->window)
		z->window = mem_try(ZIP_WINDOW);
	if (!z->window)
		return ZIP_NO_ROOM;
	enum zip_result r = step(z, &made);
	if (r != ZIP_SOME)
		return r;
	*out = str_at(z->window, made);
	if (made)
		return ZIP_SOME;
	return z->ended ? ZIP_BROKEN : ZIP_MORE;
}

void zip_keep(struct zip *z, bool window)
{
	if (z->packed_at == z->packed.n)
		buf_wipe(&z->packed);
	else
		buf_drop(&z->packed, z->packed_at);
	z->packed_at = 0;
	if (!window)
		drop_window(z);
}

void zip_ignore(struct zip *z)
{
	buf_wipe(&z->packed);
	z->packed_at = 0;
	z->pending = z->ended = false;
	drop_window(z);
}

bool zip_spent(const struct zip *z)
{
	return z->spent >= ZIP_BUDGET;
}

void zip_turn(struct zip *z)
{
	z->spent = 0;
}

bool zip_deflate(struct zip *z, struct str plain, struct buf *out)
{
	size_t room = plain.n < ZIP_WINDOW ? plain.n + FLUSH_ROOM : ZIP_WINDOW;
	z->out.next_in = (Bytef *)plain.p;
	z->out.avail_in = (uInt)plain.n;
	do {
		if (!buf_try_room(out, room))
			return false;
		size_t n = out->cap - out->n;
		z->out.next_out = (Bytef *)out->p + out->n;
		z->out.avail_out = (uInt)n;
		if (deflate(&z->out, Z_SYNC_FLUSH) == Z_STREAM_ERROR)
			return false;
		buf_grew(out, n - z->out.avail_out);
	} while (!z->out.avail_out);
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See pipe.h. */
#include "c2s/pipe.h"

void pipe_start(struct pipe *p, const struct scan_limits *limits)
{
	*p = (struct pipe){.scan = scan_new(limits)};
}

void pipe_end(struct pipe *p)
{
	if (p->tls)
		tls_free(&p->tls);
	if (p->scan)
		scan_free(&p->scan);
	zip_free(&p->zip);
	buf_wipe(&p->rest);
	buf_wipe(&p->out);
	buf_free(&p->wire);
	*p = (struct pipe){0};
}

bool pipe_is_secure(const struct pipe *p)
{
	return p->tls && tls_ready(p->tls);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* White space of the old stream, until something else comes. */
static void skip_space(struct pipe *p, struct str *bytes)
{
	size_t n = 0;
	while (p->turning && n < bytes->n && is_space(bytes->p[n]))
		n++;
	*bytes = str_skip(*bytes, n);
	p->turning = p->turning && !bytes->n;
}

void pipe_turn(struct pipe *p)
{
	p->turning = true;
	skip_space(p, &p->in);
}

void pipe_restart(struct pipe *p, const struct scan_limits *limits)
{
	scan_reset(p->scan);
	scan_limit(p->scan, limits);
	pipe_turn(p);
}

void pipe_limit(struct pipe *p, const struct scan_limits *limits)
{
	scan_limit(p->scan, limits);
}

enum tls_result pipe_take(struct pipe *p, struct str bytes)
{
	if (p->tls) {
		struct buf *to = p->zip ? zip_packed(p->zip) : &p->rest;
		if (!tls_ready(p->tls))
			skip_space(p, &bytes);
		enum tls_result r = tls_read(p->tls, bytes, to);
		if (!p->zip)
			p->in = buf_str(&p->rest);
		if (tls_ready(p->tls))
			skip_space(p, &p->in);
		p->ended = r == TLS_CLOSED;
		return r;
	}
	if (p->zip) {
		buf_put(zip_packed(p->zip), bytes);
		return TLS_MORE;
	}
	if (p->rest.n) {
		buf_put(&p->rest, bytes);
		bytes = buf_str(&p->rest);
	}
	p->in = bytes;
	skip_space(p, &p->in);
	return TLS_MORE;
}

enum scan_event pipe_next(struct pipe *p)
{
	size_t used = 0;
	if (!p->in.n && p->zip) {
		p->unzipped = zip_inflate(p->zip, &p->in);
		if (p->unzipped > ZIP_MORE)
			return SCAN_ERROR;
	}
	if (!p->in.n)
		return SCAN_MORE;
	enum scan_event e = scan_feed(p->scan, p->in, &used);
	p->in = str_skip(p->in, used);
	return e;
}

void pipe_keep(struct pipe *p)
{
	scan_rest(p->scan);
	if (p->zip)
		zip_keep(p->zip, p->in.n);
	if (p->zip && p->in.n)
		return;
	if (!p->in.n) {
		buf_wipe(&p->rest); /* a password may have come this way */
		p->in = STR_NONE;
		return;
	}
	if (p->rest.n)
		buf_drop(&p->rest, p->rest.n - p->in.n);
	else
		buf_put(&p->rest, p->in);
	p->in = buf_str(&p->rest);
}

bool pipe_has_rest(const struct pipe *p)
{
	return p->in.n || (p->zip && zip_waiting(p->zip));
}

void pipe_ignore(struct pipe *p)
{
	p->in = STR_NONE;
	if (p->zip)
		zip_ignore(p->zip);
}

bool pipe_is_spent(const struct pipe *p)
{
	return p->zip && zip_spent(p->zip) && pipe_has_rest(p);
}

void pipe_renew(struct pipe *p)
{
	if (p->zip)
		zip_turn(p->zip);
}

void pipe_say(struct pipe *p, struct str words)
{
	buf_put(&p->out, words);
}

bool pipe_try_say(struct pipe *p, struct str words)
{
	if (!buf_try_room(&p->out, words.n))
		return false;
	buf_put(&p->out, words);
	return true;
}

/* A queue that never runs empty must not keep what has left it. */
static void said(struct pipe *p, size_t n)
{
	p->out_at += n;
	if (p->out_at == p->out.n) {
		buf_wipe(&p->out);
		p->out_at = 0;
	} else if (p->out_at > p->out.n / 2) {
		buf_drop(&p->out, p->out_at);
		p->out_at = 0;
	}
}

/* Below compression. */
static bool send(struct pipe *p, struct str bytes)
{
	if (p->tls)
		return tls_write(p->tls, bytes);
	buf_put(&p->wire, bytes);
	return true;
}

static bool send_packed(struct pipe *p, struct str plain)
{
	struct buf packed = {0};
	bool sent = zip_deflate(p->zip, plain, &packed) && send(p, buf_str(&packed));
	buf_wipe(&packed);
	return sent;
}

static bool flush_chunk(struct pipe *p)
{
	struct str next = str_head(str_skip(buf_str(&p->out), p->out_at), PIPE_CHUNK);
	if (!next.n)
		return true;
	if (!p->tls && !p->zip && !p->wire.n && next.n == p->out.n) {
		buf_take(&p->wire, &p->out);
		return true;
	}
	if (!(p->zip ? send_packed(p, next) : send(p, next)))
		return false;
	said(p, next.n);
	return true;
}

bool pipe_flush(struct pipe *p)
{
	if (!flush_chunk(p))
		return false;
	if (p->finished && !p->out.n && p->tls)
		tls_shutdown(p->tls);
	return true;
}

static bool flush_all(struct pipe *p)
{
	while (p->out.n) {
		if (!pipe_flush(p))
			return false;
	}
	return true;
}

bool pipe_secure(struct pipe *p, struct tls_ctx *ctx, bool direct)
{
	CHECK(!p->tls);
	if (p->in.n || !flush_all(p))
		return false;
	p->tls = tls_new(ctx, direct, &p->wire);
	scan_reset(p->scan);
	return p->tls;
}

bool pipe_compress(struct pipe *p)
{
	CHECK(!p->zip);
	p->turning = false; /* zip.c sees to that */
	if (p->in.n || !flush_all(p))
		return false;
	p->zip = zip_new();
	scan_reset(p->scan);
	return p->zip;
}

void pipe_finish(struct pipe *p)
{
	p->finished = true;
}

size_t pipe_queued(const struct pipe *p)
{
	return p->out.n - p->out_at + p->wire.n;
}

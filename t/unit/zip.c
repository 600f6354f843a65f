/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stream compression (XEP-0138) with zlib itself as the other side: the layer alone, in the pipe, and as one
 * client meets it. Bombs, what is no zlib, and what did not wait. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <zlib.h>

#include "t/lib/c2s_world.h"

#define COMPRESS "<compress xmlns='http://jabber.org/protocol/compress'><method>zlib</method></compress>"
#define STANZA_FAULT(cond) "<" cond " xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>"

static const struct scan_limits limits = {8192, 32, 16, 32, 256};

/* The client's side. */
static struct buf deflated(z_stream *z, struct str plain, int flush)
{
	struct buf out = {0};
	z->next_in = (Bytef *)plain.p;
	z->avail_in = (uInt)plain.n;
	do {
		z->next_out = (Bytef *)buf_room(&out, 65536);
		z->avail_out = 65536;
		deflate(z, flush);
		buf_grew(&out, 65536 - z->avail_out);
	} while (!z->avail_out);
	return out;
}

static void packer(z_stream *z)
{
	*z = (z_stream){0};
	assert_int_equal(deflateInit(z, 9), Z_OK);
}

/* Appends what can be unpacked. */
static void inflated(z_stream *z, struct str packed, struct buf *out)
{
	z->next_in = (Bytef *)packed.p;
	z->avail_in = (uInt)packed.n;
	while (z->avail_in) {
		z->next_out = (Bytef *)buf_room(out, 65536);
		z->avail_out = 65536;
		assert_int_equal(inflate(z, Z_SYNC_FLUSH), Z_OK);
		buf_grew(out, 65536 - z->avail_out);
	}
}

static void unpacker(z_stream *z)
{
	*z = (z_stream){0};
	assert_int_equal(inflateInit(z), Z_OK);
}

static enum zip_result feed(struct zip *z, struct str packed, struct buf *all)
{
	struct str some;
	enum zip_result r;
	buf_put(zip_packed(z), packed);
	while ((r = zip_inflate(z, &some)) == ZIP_SOME) {
		assert_in_range(some.n, 1, ZIP_WINDOW);
		buf_put(all, some);
	}
	zip_keep(z, false);
	return r;
}

static struct buf noise(size_t n)
{
	struct buf b = {0};
	uint32_t x = 1;
	while (b.n < n) {
		x = x * 1664525 + 1013904223;
		buf_putc(&b, (char)('a' + (x >> 24) % 26));
	}
	return b;
}

static void there_and_back(void **state)
{
	struct zip *z = zip_new();
	z_stream theirs, ours;
	packer(&theirs);
	unpacker(&ours);
	struct buf text = noise(300000), packed = {0}, all = {0};
	(void)state;
	assert_true(zip_deflate(z, buf_str(&text), &packed));
	inflated(&ours, buf_str(&packed), &all);
	assert_true(str_eq(buf_str(&all), buf_str(&text)));
	buf_free(&packed);
	buf_clear(&all);
	packed = deflated(&theirs, buf_str(&text), Z_SYNC_FLUSH);
	assert_int_equal(feed(z, buf_str(&packed), &all), ZIP_MORE);
	assert_true(str_eq(buf_str(&all), buf_str(&text)));
	assert_false(zip_waiting(z));
	assert_null(zip_packed(z)->p);
	buf_free(&packed);
	buf_free(&all);
	buf_free(&text);
	inflateEnd(&ours);
	deflateEnd(&theirs);
	zip_free(&z);
}

static void byte_by_byte(void **state)
{
	struct zip *z = zip_new();
	z_stream theirs;
	packer(&theirs);
	struct buf packed = deflated(&theirs, STR("<presence/><presence/>"), Z_SYNC_FLUSH), all = {0};
	(void)state;
	for (size_t i = 0; i < packed.n; i++)
		assert_int_equal(feed(z, str_at(packed.p + i, 1), &all), ZIP_MORE);
	assert_true(str_is(buf_str(&all), "<presence/><presence/>"));
	buf_free(&packed);
	buf_free(&all);
	deflateEnd(&theirs);
	zip_free(&z);
}

static enum zip_result alone(struct str packed)
{
	struct zip *z = zip_new();
	struct buf all = {0};
	enum zip_result r = feed(z, packed, &all);
	buf_free(&all);
	zip_free(&z);
	return r;
}

static void no_zlib(void **state)
{
	z_stream theirs;
	packer(&theirs);
	(void)state;
	assert_int_equal(alone(STR("<stream:stream>")), ZIP_BROKEN);
	assert_int_equal(alone(STR("\x1f\x8b\x08\0\0\0\0\0")), ZIP_BROKEN); /* gzip */
	assert_int_equal(deflateSetDictionary(&theirs, (const Bytef *)"<presence/>", 11), Z_OK);
	struct buf packed = deflated(&theirs, STR("<presence/>"), Z_SYNC_FLUSH);
	assert_int_equal(alone(buf_str(&packed)), ZIP_BROKEN);
	buf_free(&packed);
	deflateEnd(&theirs);
	packer(&theirs);
	packed = deflated(&theirs, STR("<presence/>"), Z_FINISH); /* an end, which XMPP has itself */
	assert_int_equal(alone(str_head(buf_str(&packed), packed.n - 1)), ZIP_MORE);
	assert_int_equal(alone(buf_str(&packed)), ZIP_BROKEN);
	packed.p[packed.n - 1] ^= 1; /* the checksum */
	assert_int_equal(alone(buf_str(&packed)), ZIP_BROKEN);
	buf_free(&packed);
	deflateEnd(&theirs);
}

static void a_bomb(void **state)
{
	struct zip *z = zip_new();
	z_stream theirs;
	packer(&theirs);
	struct buf blanks = {0}, all = {0};
	(void)state;
	for (size_t i = 0; i < 4 * ZIP_MEMORY; i++)
		buf_putc(&blanks, ' ');
	struct buf packed = deflated(&theirs, buf_str(&blanks), Z_SYNC_FLUSH);
	assert_true(packed.n < 8192);
	assert_int_equal(feed(z, buf_str(&packed), &all), ZIP_BOMB);
	assert_in_range(all.n, ZIP_JUDGED - ZIP_WINDOW, ZIP_JUDGED);
	buf_free(&packed);
	buf_free(&all);
	buf_free(&blanks);
	deflateEnd(&theirs);
	zip_free(&z);
}

/* What grows a lot is heard out up to the mark, and a long honest talk does not pay for a bomb. */
static void a_late_bomb(void **state)
{
	struct zip *z = zip_new();
	z_stream theirs;
	packer(&theirs);
	struct buf text = noise(8 * ZIP_MEMORY), blanks = {0}, all = {0};
	(void)state;
	for (size_t i = 0; i < 256 * ZIP_MEMORY; i++)
		buf_putc(&blanks, ' ');
	struct buf packed = deflated(&theirs, buf_str(&text), Z_SYNC_FLUSH);
	assert_int_equal(feed(z, buf_str(&packed), &all), ZIP_MORE);
	buf_free(&packed);
	buf_clear(&all);
	packed = deflated(&theirs, buf_str(&blanks), Z_SYNC_FLUSH);
	assert_int_equal(feed(z, buf_str(&packed), &all), ZIP_BOMB);
	assert_true(all.n < 16 * ZIP_MEMORY);
	buf_free(&packed);
	buf_free(&all);
	buf_free(&text);
	buf_free(&blanks);
	deflateEnd(&theirs);
	zip_free(&z);
}

static void a_share_of_a_turn(void **state)
{
	struct pipe p;
	z_stream theirs;
	packer(&theirs);
	struct buf talk = {0};
	size_t elements = 0, turns = 0;
	(void)state;
	buf_puts(&talk, WORLD_HEADER);
	for (int i = 0; i < 60000; i++) /* as far below the ratio as a flood can be and still grow */
		buf_printf(&talk, "<a>%x</a>", (unsigned)i * 2654435761u);
	struct buf packed = deflated(&theirs, buf_str(&talk), Z_SYNC_FLUSH);
	pipe_start(&p, &limits);
	assert_true(pipe_compress(&p));
	assert_int_equal(pipe_take(&p, buf_str(&packed)), TLS_MORE);
	while (pipe_has_rest(&p)) {
		size_t before = elements;
		while (pipe_has_rest(&p) && !pipe_is_spent(&p)) {
			enum scan_event e = pipe_next(&p);
			assert_int_not_equal(e, SCAN_ERROR);
			elements += e == SCAN_ELEMENT;
		}
		assert_true((elements - before) * 8 < ZIP_BUDGET + 2 * ZIP_WINDOW);
		pipe_keep(&p);
		pipe_renew(&p);
		turns++;
	}
	assert_int_equal(elements, 60000);
	assert_true(turns >= talk.n / (ZIP_BUDGET + ZIP_WINDOW));
	buf_free(&packed);
	buf_free(&talk);
	deflateEnd(&theirs);
	pipe_end(&p);
}

static void one_flush_a_turn(void **state)
{
	struct pipe p;
	z_stream ours;
	unpacker(&ours);
	struct buf all = {0};
	(void)state;
	pipe_start(&p, &limits);
	pipe_say(&p, STR("<compressed/>"));
	assert_true(pipe_compress(&p));
	assert_true(str_is(buf_str(&p.wire), "<compressed/>"));
	buf_clear(&p.wire);
	for (int i = 0; i < 100; i++)
		pipe_say(&p, STR("<message><body>hello</body></message>"));
	assert_true(pipe_flush(&p));
	assert_true(p.wire.n < 100); /* a flush for each would be 400 bytes at least */
	assert_null(p.out.p);
	inflated(&ours, buf_str(&p.wire), &all);
	assert_int_equal(all.n, 100 * 37);
	buf_clear(&p.wire);
	pipe_say(&p, STR("</stream:stream>"));
	pipe_finish(&p);
	assert_true(pipe_flush(&p));
	inflated(&ours, buf_str(&p.wire), &all);
	assert_true(str_ends(buf_str(&all), STR("</stream:stream>")));
	buf_free(&all);
	inflateEnd(&ours);
	pipe_end(&p);
}

static void sealed_too(void **state)
{
	struct pipe p;
	z_stream theirs;
	packer(&theirs);
	struct buf packed = deflated(&theirs, STR(WORLD_HEADER "<a/>"), Z_SYNC_FLUSH);
	(void)state;
	pipe_start(&p, &limits);
	assert_true(pipe_secure(&p, NULL, true));
	assert_int_equal(pipe_take(&p, STR("hello\n")), TLS_READY);
	assert_true(pipe_compress(&p));
	assert_int_equal(pipe_take(&p, buf_str(&packed)), TLS_MORE);
	assert_int_equal(pipe_next(&p), SCAN_STREAM);
	pipe_keep(&p); /* held: what is inflated stays */
	assert_int_equal(pipe_next(&p), SCAN_ELEMENT);
	assert_int_equal(pipe_next(&p), SCAN_MORE);
	pipe_say(&p, STR("<b/>"));
	assert_true(pipe_flush(&p));
	assert_int_equal(p.wire.p[0], 0x17);
	assert_int_equal(p.wire.p[1] & 0x0f, Z_DEFLATED);
	buf_free(&packed);
	deflateEnd(&theirs);
	pipe_end(&p);
}

static void not_before_it_is_read(void **state)
{
	struct pipe p;
	(void)state;
	pipe_start(&p, &limits);
	assert_int_equal(pipe_take(&p, STR(WORLD_HEADER " ")), TLS_MORE);
	assert_int_equal(pipe_next(&p), SCAN_STREAM);
	assert_false(pipe_compress(&p));
	assert_null(p.zip);
	pipe_end(&p);
}

/* One client, with TLS's sham. */

static struct world *proven(bool on)
{
	struct world *w = world_new(false);
	((struct conf_domain *)w->conf.domains)[0].compression = on ? COMPRESSION_AFTER_AUTH : COMPRESSION_OFF;
	world_log_in(w, LOGIN_wait_for_bind);
	return w;
}

static void world_packed(struct world *w, z_stream *z, const char *text)
{
	struct buf packed = deflated(z, str_of(text), Z_SYNC_FLUSH);
	client_bytes(&w->client, buf_str(&packed));
	buf_free(&packed);
}

/* What was said in packed form since the last world_forget: the wire as it is, without the sham's marks. */
static struct buf unpacked(struct world *w, z_stream *z)
{
	struct pipe *p = &w->client.pipe;
	struct buf all = {0};
	assert_true(pipe_flush(p));
	if (p->wire.n > 1) {
		size_t end = p->wire.p[p->wire.n - 1] == 0x15 ? 2 : 1;
		inflated(z, str_at(p->wire.p + 1, p->wire.n - end), &all);
	}
	buf_clear(&p->wire);
	return all;
}

static void expect_words(struct world *w, z_stream *z, const char *words)
{
	struct buf all = unpacked(w, z);
	if (!memmem(all.p, all.n, words, strlen(words)))
		fail_msg("no %s in %.*s", words, STR_ARG(buf_str(&all)));
	buf_free(&all);
}

static void a_login(void **state)
{
	struct world *w = proven(true);
	z_stream theirs, ours;
	packer(&theirs);
	unpacker(&ours);
	struct message m;
	(void)state;
	assert_true(world_said(w,
		"<compression xmlns=\"http://jabber.org/features/compress\"><method>zlib</method></compression><bind"));
	world_forget(w);
	world_bytes(w, COMPRESS);
	assert_true(world_said(w, "<compressed xmlns='http://jabber.org/protocol/compress'/>"));
	assert_int_equal(w->client.state, LOGIN_wait_for_stream);
	world_packed(w, &theirs, WORLD_HEADER);
	assert_int_equal(w->client.state, LOGIN_wait_for_bind);
	struct buf all = unpacked(w, &ours);
	assert_non_null(memmem(all.p, all.n, "<bind", 5));
	assert_null(memmem(all.p, all.n, "compress", 8));
	assert_null(memmem(all.p, all.n, "<mechanisms", 11));
	buf_free(&all);
	world_packed(w, &theirs, COMPRESS);
	expect_words(w, &ours, "<setup-failed/>");
	world_packed(w, &theirs, WORLD_BIND);
	m = world_question(w);
	assert_int_equal(m.code, MSG_open_session);
	assert_int_equal(m.as.open_session.flags, PROTO_FLAG_COMPRESSED);
	world_answer(w, world_opening(w));
	expect_words(w, &ours, "<jid>alice@localhost/here</jid>");
	world_packed(w, &theirs, WORLD_MESSAGE);
	assert_true(str_is(buf_str(&w->relayed), "<message to=\"bob@localhost\" id=\"m1\"><body>hi</body></message>"));
	world_packed(w, &theirs, "</stream:stream>");
	assert_int_equal(w->client.state, LOGIN_wait_for_end);
	inflateEnd(&ours);
	deflateEnd(&theirs);
	world_free(w);
}

static void refused(void **state)
{
	struct world *w = proven(false);
	(void)state;
	assert_false(world_said(w, "compress"));
	world_bytes(w, COMPRESS);
	assert_true(world_said(w, "<unsupported-method/>"));
	world_free(w);
	w = proven(true);
	world_bytes(w, "<compress xmlns='http://jabber.org/protocol/compress'><method>lzw</method></compress>");
	assert_true(world_said(w, "<unsupported-method/>"));
	world_forget(w);
	world_bytes(w, "<compress xmlns='http://jabber.org/protocol/compress'/>");
	assert_true(world_said(w, "<unsupported-method/>"));
	assert_int_equal(w->client.state, LOGIN_wait_for_bind);
	assert_null(w->client.pipe.zip);
	world_free(w);
}

static void who_does_not_wait(void **state)
{
	static const char *const behind[] = {WORLD_HEADER, "\n" WORLD_HEADER, "\x78\x9c"};
	(void)state;
	for (size_t i = 0; i < COUNT(behind); i++) {
		struct world *w = proven(true);
		struct buf all = {0};
		buf_puts(&all, COMPRESS);
		buf_puts(&all, behind[i]);
		client_bytes(&w->client, buf_str(&all));
		assert_int_equal(w->client.state, LOGIN_closing);
		assert_true(world_said(w, STANZA_FAULT("policy-violation")));
		assert_false(world_said(w, "<compressed"));
		buf_free(&all);
		world_free(w);
	}
}

/* Some clients end each element with a line feed. */
static void white_space_behind(void **state)
{
	struct world *w = proven(true);
	z_stream theirs;
	packer(&theirs);
	(void)state;
	world_bytes(w, COMPRESS "\n");
	assert_true(world_said(w, "<compressed"));
	world_bytes(w, " \r\n");
	world_packed(w, &theirs, WORLD_HEADER);
	assert_int_equal(w->client.state, LOGIN_wait_for_bind);
	deflateEnd(&theirs);
	world_free(w);
}

static void faults(void **state)
{
	static const struct {
		const char *says;
		bool packed;
		const char *cond;
	} rows[] = {
		{WORLD_HEADER, false, STANZA_FAULT("bad-format")},
		{"<!DOCTYPE a>", true, STANZA_FAULT("restricted-xml")},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world *w = proven(true);
		z_stream theirs, ours;
		packer(&theirs);
		unpacker(&ours);
		world_bytes(w, COMPRESS);
		world_forget(w);
		if (rows[i].packed)
			world_packed(w, &theirs, rows[i].says);
		else
			world_bytes(w, rows[i].says);
		assert_int_equal(w->client.state, LOGIN_closing);
		expect_words(w, &ours, rows[i].cond);
		inflateEnd(&ours);
		deflateEnd(&theirs);
		world_free(w);
	}
}

/* 250 MB would be said in a quarter of one: the limit of a stanza ends it, or the ratio does, and no memory grows. */
static void bombs(void **state)
{
	static const struct {
		const char *opening;
		char filling;
		const char *text;
	} rows[] = {
		{WORLD_HEADER, ' ', "compressed bytes grow too much"},
		{WORLD_HEADER "<message><body>", 'z', "compressed bytes grow too much"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world *w = proven(true);
		z_stream theirs, ours;
		packer(&theirs);
		unpacker(&ours);
		struct buf bomb = {0};
		world_bytes(w, COMPRESS);
		world_forget(w);
		buf_puts(&bomb, rows[i].opening);
		while (bomb.n < 2000000)
			buf_putc(&bomb, rows[i].filling);
		struct buf packed = deflated(&theirs, buf_str(&bomb), Z_SYNC_FLUSH);
		client_bytes(&w->client, buf_str(&packed));
		assert_int_equal(w->client.state, LOGIN_closing);
		expect_words(w, &ours, rows[i].text);
		buf_free(&bomb);
		buf_free(&packed);
		inflateEnd(&ours);
		deflateEnd(&theirs);
		world_free(w);
	}
}

static void a_stanza_too_long(void **state)
{
	struct world *w = proven(true);
	z_stream theirs, ours;
	packer(&theirs);
	unpacker(&ours);
	struct buf stanza = {0}, text = noise(400000);
	(void)state;
	world_bytes(w, COMPRESS);
	world_forget(w);
	buf_puts(&stanza, WORLD_HEADER "<message><body>");
	buf_put(&stanza, buf_str(&text));
	struct buf packed = deflated(&theirs, buf_str(&stanza), Z_SYNC_FLUSH);
	for (struct str rest = buf_str(&packed); rest.n; rest = str_skip(rest, 65536))
		client_bytes(&w->client, str_head(rest, 65536));
	assert_int_equal(w->client.state, LOGIN_closing);
	expect_words(w, &ours, STANZA_FAULT("policy-violation"));
	buf_free(&stanza);
	buf_free(&text);
	buf_free(&packed);
	inflateEnd(&ours);
	deflateEnd(&theirs);
	world_free(w);
}

int main(void)
{
	sham_takes_all = true;
	const struct CMUnitTest tests[] = {
		{"zip: what is packed unpacks, both ways, a window at a time", there_and_back, NULL, NULL, NULL},
		{"zip: a stream may come byte by byte", byte_by_byte, NULL, NULL, NULL},
		{"zip: what is no zlib, wants a dictionary, or has an end is broken", no_zlib, NULL, NULL, NULL},
		{"zip: a bomb is known by its ratio after 64 KiB", a_bomb, NULL, NULL, NULL},
		{"zip: a long talk before it does not buy a bomb", a_late_bomb, NULL, NULL, NULL},
		{"zip: a flood of small elements has its share of a turn, and loses none", a_share_of_a_turn, NULL,
			NULL, NULL},
		{"zip: a turn's words are flushed once", one_flush_a_turn, NULL, NULL, NULL},
		{"zip: it lies between TLS and the scanner", sealed_too, NULL, NULL, NULL},
		{"zip: bytes that wait forbid it", not_before_it_is_read, NULL, NULL, NULL},
		{"zip: a client compresses after authentication, once, and binds", a_login, NULL, NULL, NULL},
		{"zip: another method, none, or a domain without it is an unsupported method", refused, NULL, NULL,
			NULL},
		{"zip: bytes behind the request that did not wait end the stream", who_does_not_wait, NULL, NULL, NULL},
		{"zip: white space behind the request is of the old stream", white_space_behind, NULL, NULL, NULL},
		{"zip: plain bytes after it are bad-format, and packed ones are scanned as any", faults, NULL, NULL,
			NULL},
		{"zip: bombs of blanks and of one stanza end the stream", bombs, NULL, NULL, NULL},
		{"zip: a stanza over the limit ends the stream while it is inflated", a_stanza_too_long, NULL, NULL,
			NULL},
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

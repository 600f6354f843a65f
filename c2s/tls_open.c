/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The opening of a connection: the ClientHello is put together, over records if need be, before the
 * library sees any of it, since it says which context the library is to have (RFC 8446 5.1 lets a
 * message be cut anywhere). The gate bounds what may come. */
#include "c2s/tls_hello.h"
#include "c2s/tls_work.h"
#include "common/prep.h"

#define NAME_MOST 255

/* Only where the hello is in pieces. */
struct tls_opening {
	struct buf records; /* as they came, then for the library */
	struct buf message; /* what they hold */
};

/* A name that is not ours gets the certificate for everybody: a client that minds will say so. An
 * internationalised one comes in ASCII (RFC 6066 3: xn--), and is prepared as ours are. */
static void choose(struct tls *t, const struct tls_hello *hello)
{
	struct buf name = {0};
	struct tls_ctx *ctx;

	if (t->by_name && hello->name.n && hello->name.n <= NAME_MOST) {
		if (!prep_domain(&name, hello->name))
			buf_clear(&name);
		ctx = tls_ctx_hold(tls_ctx_for(t->ctx, buf_str(&name)));
		tls_ctx_drop(&t->ctx);
		t->ctx = ctx;
		buf_free(&name);
	}
	t->without_tickets = tls_ticket_is_strange(t, hello->ticket);
}

/* A bad hello is the library's to refuse. */
static enum tls_opened done(struct tls *t, struct str message)
{
	struct tls_hello hello;

	(void)!tls_hello_read(message, &hello);
	choose(t, &hello);
	return TLS_OPEN_DONE;
}

static bool is_whole(struct str message)
{
	size_t n = tls_hello_bytes(message);

	return n && message.n >= n;
}

/* The library gets the pieces in one record, as the client might have sent them: it does not take
 * a message whose header is in two. The bound of the gate is less than a record may hold. */
static enum tls_opened join(struct tls *t, struct tls_opening *o)
{
	struct str message = buf_str(&o->message);
	const uint8_t header[TLS_GATE_HEADER] = {(uint8_t)o->records.p[0], (uint8_t)o->records.p[1],
		(uint8_t)o->records.p[2], (uint8_t)(message.n >> 8), (uint8_t)message.n};

	buf_clear(&o->records);
	if (!buf_try_room(&o->records, sizeof header + message.n))
		return TLS_OPEN_NO_MEMORY;
	buf_add(&o->records, header, sizeof header);
	buf_put(&o->records, message);
	t->record = buf_str(&o->records);
	return done(t, str_head(message, tls_hello_bytes(message)));
}

enum tls_opened tls_open(struct tls *t)
{
	struct str payload = tls_hello_payload(t->record);
	struct tls_opening *o = t->opening;

	if (!o && is_whole(payload))
		return done(t, str_head(payload, tls_hello_bytes(payload)));
	if (!o)
		o = t->opening = mem_try(sizeof *o);
	if (!o || !buf_try_room(&o->records, t->record.n) || !buf_try_room(&o->message, payload.n))
		return TLS_OPEN_NO_MEMORY;
	buf_put(&o->records, t->record);
	buf_put(&o->message, payload);
	t->record = STR_NONE;
	if (!payload.n) { /* something else, in the middle of it: the library's to refuse */
		t->record = buf_str(&o->records);
		return done(t, STR_NONE);
	}
	return is_whole(buf_str(&o->message)) ? join(t, o) : TLS_OPEN_MORE;
}

void tls_open_end(struct tls *t)
{
	if (!t->opening)
		return;
	buf_free(&t->opening->records);
	buf_free(&t->opening->message);
	mem_free(t->opening);
	t->opening = NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Channel binding. The library knows the values while it has the handshake's secrets, so they are
 * taken at its end, and kept until the session is open. */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include "c2s/tls_work.h"

#define EXPORTER_LABEL "EXPORTER-Channel-Binding" /* RFC 9266 2 */
#define EXPORTER_BYTES 32
#define FINISHED_1_2 12  /* verify_data, RFC 5246 7.4.9 */
#define FINISHED_MOST 64 /* room, as the library's own hold those of TLS 1.3 too */

struct tls_bound {
	size_t exporter_n, unique_n; /* 0: there is none */
	uint8_t exporter[EXPORTER_BYTES], unique[FINISHED_MOST];
};

/* The first Finished message of the connection: the client's, or, where a session was resumed, the
 * server's (RFC 5929 3.1). */
static size_t first_finished(const WOLFSSL *wolf, uint8_t *out)
{
	size_t n = wolfSSL_session_reused((WOLFSSL *)wolf)
		? wolfSSL_get_finished(wolf, out, FINISHED_MOST)
		: wolfSSL_get_peer_finished(wolf, out, FINISHED_MOST);

	return n == FINISHED_1_2 ? n : 0;
}

void tls_bind(struct tls *t)
{
	struct tls_bound *b = mem_try(sizeof *b);
	bool newest = wolfSSL_GetVersion(t->wolf) == WOLFSSL_TLSV1_3;

	t->bound = b;
	/* without an extended master secret two connections can be made to have the same (RFC 7627,
	 * RFC 9266 3) */
	if (!b || !(newest || t->extended))
		return;
	if (wolfSSL_export_keying_material(t->wolf, b->exporter, EXPORTER_BYTES, EXPORTER_LABEL,
		    sizeof EXPORTER_LABEL - 1, NULL, 0, 1) == WOLFSSL_SUCCESS)
		b->exporter_n = EXPORTER_BYTES;
	if (!newest)
		b->unique_n = first_finished(t->wolf, b->unique);
}

static struct str value_of(const struct tls *t, enum tls_binding kind)
{
	const struct tls_bound *b = t->bound;

	switch (kind) {
	case TLS_exporter:
		return b ? str_at(b->exporter, b->exporter_n) : STR_NONE;
	case TLS_server_end_point:
		return str_at(t->ctx->end_point, t->ready ? t->ctx->end_point_n : 0);
	case TLS_unique:
		return b ? str_at(b->unique, b->unique_n) : STR_NONE;
	case TLS_BINDINGS:
		break;
	}
	return STR_NONE;
}

bool tls_binds(const struct tls *t, enum tls_binding kind)
{
	return value_of(t, kind).n;
}

bool tls_binding(const struct tls *t, enum tls_binding kind, struct buf *out)
{
	struct str value = value_of(t, kind);

	buf_put(out, value);
	return value.n;
}

void tls_settle(struct tls *t)
{
	tls_peer_end(t);
	if (t->bound)
		mem_wipe(t->bound, sizeof *t->bound);
	mem_free(t->bound);
	t->bound = NULL;
}

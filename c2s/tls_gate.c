/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Cuts a byte stream into TLS records and lets only sane ones pass. A record that lies whole in the
 * caller's bytes is not copied; only one that arrives in pieces is. */
#include "c2s/tls_gate.h"

#include <string.h>

enum { CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22, APPLICATION_DATA = 23 };

static enum tls_gate_outcome fault(struct tls_gate *g, const char *why)
{
	g->fault = why;
	buf_wipe(&g->held);
	return TLS_GATE_FAULT;
}

static size_t payload_of(const uint8_t *header)
{
	return (size_t)header[3] << 8 | header[4];
}

/* What is wrong with a record that starts like this? NULL: nothing so far. Looks at whatever is
 * there of the header, so that a peer who does not speak TLS is turned away at its first byte. */
static const char *header_fault(struct str start)
{
	const uint8_t *h = (const uint8_t *)start.p;

	if (start.n >= 1 && (h[0] < CHANGE_CIPHER_SPEC || h[0] > APPLICATION_DATA))
		return "not a TLS record";
	if (start.n >= 2 && h[1] != 3)
		return "not a TLS record version";
	if (start.n < TLS_GATE_HEADER)
		return NULL;
	if (payload_of(h) == 0)
		return "an empty TLS record";
	if (payload_of(h) > TLS_GATE_PAYLOAD_MOST)
		return "a TLS record is too long";
	if (h[0] == APPLICATION_DATA && payload_of(h) < TLS_GATE_DATA_LEAST)
		return "a TLS record without content";
	return NULL;
}

/* Moves bytes into `held` until it has n. False: there are not enough yet. There is room already.
 */
static bool hold_up_to(struct tls_gate *g, struct str *bytes, size_t n)
{
	size_t some = n - g->held.n < bytes->n ? n - g->held.n : bytes->n;

	if (some) {
		memcpy(buf_room(&g->held, some), bytes->p, some);
		buf_grew(&g->held, some);
		*bytes = str_skip(*bytes, some);
	}
	return g->held.n == n;
}

static enum tls_gate_outcome pass(struct tls_gate *g, struct str whole, struct str *record)
{
	if (!g->finished) {
		g->handshake += whole.n;
		if (g->handshake > TLS_GATE_HANDSHAKE_MOST)
			return fault(g, "a TLS handshake is too long");
	}
	*record = whole;
	return TLS_GATE_RECORD;
}

/* Goes on with the record that is kept inside. */
static enum tls_gate_outcome complete_held(struct tls_gate *g, struct str *bytes,
	struct str *record)
{
	const char *why;
	size_t need;

	if (g->held.n < TLS_GATE_HEADER) {
		bool whole = hold_up_to(g, bytes, TLS_GATE_HEADER);

		why = header_fault(buf_str(&g->held));
		if (why)
			return fault(g, why);
		if (!whole)
			return TLS_GATE_MORE;
	}
	need = TLS_GATE_HEADER + payload_of((const uint8_t *)g->held.p);
	if (!buf_try_room(&g->held, need - g->held.n))
		return fault(g, "no memory for a TLS record");
	if (!hold_up_to(g, bytes, need))
		return TLS_GATE_MORE;
	g->held_used = true;
	return pass(g, buf_str(&g->held), record);
}

/* Keeps what is left of the bytes: less than a record. */
static enum tls_gate_outcome keep(struct tls_gate *g, struct str *bytes)
{
	if (bytes->n && !buf_try_room(&g->held, bytes->n))
		return fault(g, "no memory for a TLS record");
	hold_up_to(g, bytes, bytes->n);
	return TLS_GATE_MORE;
}

enum tls_gate_outcome tls_gate_next(struct tls_gate *g, struct str *bytes, struct str *record)
{
	const char *why;
	size_t need;

	*record = STR_NONE;
	if (g->fault)
		return TLS_GATE_FAULT;
	if (g->held_used) {
		buf_free(&g->held);
		g->held_used = false;
	}
	if (g->held.n)
		return bytes->n ? complete_held(g, bytes, record) : TLS_GATE_MORE;
	why = header_fault(*bytes);
	if (why)
		return fault(g, why);
	if (bytes->n < TLS_GATE_HEADER)
		return keep(g, bytes);
	need = TLS_GATE_HEADER + payload_of((const uint8_t *)bytes->p);
	if (bytes->n < need)
		return keep(g, bytes);
	*record = str_head(*bytes, need);
	*bytes = str_skip(*bytes, need);
	return pass(g, *record, record);
}

void tls_gate_finish(struct tls_gate *g)
{
	g->finished = true;
}

bool tls_gate_progress(struct tls_gate *g, bool data)
{
	if (data || !g->finished) {
		g->idle = 0;
		return true;
	}
	if (++g->idle <= TLS_GATE_IDLE_MOST)
		return true;
	fault(g, "too many TLS records without data");
	return false;
}

void tls_gate_end(struct tls_gate *g)
{
	buf_free(&g->held);
	*g = (struct tls_gate){0};
}

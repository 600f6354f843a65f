/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The record gate in front of the TLS library: only whole records with a sane header pass
 * (libraries.md 1.3), so that the library is never half-fed, an empty TLS 1.3 record
 * (CVE-2024-0901) never reaches it, and what a peer may send before its handshake is finished, or
 * without ever saying anything, is bounded. Knows no library. */
#ifndef C2S_TLS_GATE_H
#define C2S_TLS_GATE_H

#include "common/buf.h"

#define TLS_GATE_HEADER 5
#define TLS_GATE_PAYLOAD_MOST 16640 /* RFC 8446 5.2: 2^14 + 256; TLS 1.2 AEAD records are shorter \
				     */
#define TLS_GATE_DATA_LEAST 17      /* a content type, or a byte, and the tag: less holds nothing */
#define TLS_GATE_HANDSHAKE_MOST 16384 /* bytes from the client before its handshake is finished */
#define TLS_GATE_IDLE_MOST 32         /* records in a row that bring no data, after the handshake */

struct tls_gate {
	struct buf held;  /* the record that is cut so far; no memory while there is none */
	bool held_used;   /* held was handed out: dropped at the next call */
	size_t handshake; /* bytes passed before the handshake was finished */
	unsigned idle;    /* records in a row that brought nothing */
	bool finished;
	const char *fault; /* why it was TLS_GATE_FAULT: plain words, static */
};

enum tls_gate_outcome {
	TLS_GATE_RECORD, /* `record` is whole */
	TLS_GATE_MORE,   /* all bytes are taken; a cut record is kept inside */
	TLS_GATE_FAULT   /* must not be fed to anybody; see `fault` */
};

void tls_gate_end(struct tls_gate *g);
/* Takes the next record off the front of *bytes. It borrows from *bytes or from the gate, until the
 * next call. */
enum tls_gate_outcome tls_gate_next(struct tls_gate *g, struct str *bytes, struct str *record);
void tls_gate_finish(struct tls_gate *g); /* the handshake is finished */
/* After each record: did it bring data? False: there were too many in a row that did not. */
MUST_CHECK bool tls_gate_progress(struct tls_gate *g, bool data);

#endif

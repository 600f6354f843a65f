/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an exchange may know of the connection below it: which channel bindings are offered on it
 * and their data (RFC 5056), what else was offered, who the client's certificate names. Filled by
 * features.c, which also says it to the client, so that both are the same. */
#ifndef C2S_SASL_CHANNEL_H
#define C2S_SASL_CHANNEL_H

#include "c2s/tls.h"
#include "common/jid.h"

const char *binding_name(enum tls_binding b); /* as SASL has it: "tls-exporter" */
MUST_CHECK bool binding_find(struct str name, enum tls_binding *out);

struct sasl_channel {
	unsigned bindings; /* bits, 1 << enum tls_binding: those that are offered */
	bool plus;         /* with a mechanism that uses them, on this stream */
	uint16_t tls; /* version on the wire, 0x0304 for TLS 1.3; 0: no TLS, or not to be said */
	struct buf offer; /* what XEP-0474 hashes (ssdp_write); empty: not to be said */
	/* Appends the data of one that is offered; false: the library gives none. */
	bool (*data)(const void *of, enum tls_binding b, struct buf *out);
	/* The i-th xmppAddr of the client's certificate, if TLS has verified that; empty: there is
	 * no further one. NULL: no certificate. Borrowed until the next call. */
	struct str (*address)(const void *of, size_t i);
	const void *of; /* borrowed, for these two */
};

void sasl_channel_end(struct sasl_channel *c);
/* Does the client's certificate name an account of this domain? */
MUST_CHECK bool sasl_channel_names(const struct sasl_channel *c, struct str domain);
/* The same of one address; prepared, in `store`. */
MUST_CHECK bool sasl_channel_address(struct str address, struct str domain, struct buf *store,
	struct jid *out);
MUST_CHECK bool sasl_channel_offers(const struct sasl_channel *c, enum tls_binding b);

/* XEP-0474 3.1, steps 1 to 4: all mechanisms of the profile (SASL or SASL2) that were offered, and,
 * when XEP-0440 told them, the types of channel binding. Sorts `mechanisms`. */
void ssdp_write(struct buf *out, struct str *mechanisms, size_t n, unsigned bindings);

#endif

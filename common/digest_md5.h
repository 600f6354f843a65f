/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What DIGEST-MD5 computes (RFC 2831 2.1.2.1), for algorithm md5-sess and qop auth. */
#ifndef COMMON_DIGEST_MD5_H
#define COMMON_DIGEST_MD5_H

#include "common/crypt.h"

#define DIGEST_MD5_BYTES 16

struct digest_md5 {
	struct str nonce, cnonce, uri;
	struct str authzid; /* empty: none was sent */
};

/* H({username, ":", realm, ":", passwd}): as good as the password for whoever has it. */
void digest_md5_secret(struct str user, struct str realm, struct str password,
	uint8_t out[DIGEST_MD5_BYTES]);
/* The digest that the client proves with, or, `ours`, that of rspauth (2.1.3), for nc 00000001;
 * not yet in hexadecimal. */
void digest_md5_answer(const uint8_t secret[DIGEST_MD5_BYTES], const struct digest_md5 *d,
	bool ours, uint8_t out[DIGEST_MD5_BYTES]);

#endif

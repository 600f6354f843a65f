/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The directives of a DIGEST-MD5 response (RFC 2831 7.1, 2.1.2): name=value pairs between commas, a
 * value being a token or a quoted string, whichever the client likes. */
#ifndef C2S_DIRECTIVE_H
#define C2S_DIRECTIVE_H

#include "common/buf.h"

#define DIRECTIVES(X) \
	X(username, "username") \
	X(realm, "realm") \
	X(nonce, "nonce") \
	X(cnonce, "cnonce") \
	X(nc, "nc") \
	X(qop, "qop") \
	X(digest_uri, "digest-uri") \
	X(response, "response") \
	X(maxbuf, "maxbuf") \
	X(charset, "charset") \
	X(cipher, "cipher") \
	X(authzid, "authzid")

enum directive {
#define ROW(name, word) DIRECTIVE_##name,
	DIRECTIVES(ROW)
#undef ROW
		DIRECTIVE_COUNT
};

struct directives {
	bool has[DIRECTIVE_COUNT];
	struct str value[DIRECTIVE_COUNT]; /* without quotes and backslashes */
	struct buf store;                  /* what they lie in */
};

/* Reads all of `text` into *d, which is {0} before. False: it is malformed, or has one of ours
 * twice. Others are read over (7.1: auth-param). No value has a control character in it. */
MUST_CHECK bool directives_read(struct directives *d, struct str text);
void directives_free(struct directives *d);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whose a client's certificate is: its XMPP addresses (id-on-xmppAddr, RFC 6120 13.7.1.4), and
 * nothing else. Common names are no addresses (protocol.md, attack case 30). Knows no library. */
#ifndef C2S_CERT_NAMES_H
#define C2S_CERT_NAMES_H

#include "common/str.h"

#define CERT_NAMES_MOST 8      /* addresses in one certificate */
#define CERT_ALT_NAMES_MOST 64 /* alternative names of all kinds */
#define CERT_NAME_BYTES 3071   /* a JID, RFC 7622 3.1 */

/* The addresses in a certificate (DER) that has been verified already, in its order; borrowed from
 * it. How many; 0 as well: it is no certificate, has more than the most, or one that is not UTF-8,
 * empty, too long, or has a NUL inside. They are as they stand there: no JID yet. */
size_t cert_names(struct str der, struct str names[CERT_NAMES_MOST]);

#endif

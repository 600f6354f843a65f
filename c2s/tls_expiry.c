/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A certificate's last day, read with wolfCrypt: both builds of the library have that part. */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>

#include "c2s/tls.h"

#include <limits.h>
#include <time.h>

static int64_t seconds_of(const DecodedCert *cert)
{
	const unsigned char *date;
	struct tm last = {0};
	unsigned char format;
	int n;

	if (!cert->afterDate ||
		wc_GetDateInfo(cert->afterDate, cert->afterDateLen, &date, &format, &n) != 0 ||
		wc_GetDateAsCalendarTime(date, n, format, &last) != 0)
		return 0;
	return (int64_t)timegm(&last);
}

int64_t tls_expiry(struct str pem)
{
	DerBuffer *der = NULL;
	DecodedCert cert;
	int64_t at = 0;
	int ecc = 0;

	if (pem.n > LONG_MAX ||
		wc_PemToDer((const unsigned char *)pem.p, (long)pem.n, CERT_TYPE, &der, NULL, NULL,
			&ecc) != 0)
		return 0;
	wc_InitDecodedCert(&cert, der->buffer, der->length, NULL);
	if (wc_ParseCert(&cert, CERT_TYPE, NO_VERIFY, NULL) == 0)
		at = seconds_of(&cert);
	wc_FreeDecodedCert(&cert);
	wc_FreeDer(&der);
	return at;
}

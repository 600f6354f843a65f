/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is read from our own certificate with wolfCrypt: both builds of the library have that
 * part. */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/hash.h>

#include "c2s/tls_work.h"

#include <limits.h>
#include <time.h>

/* RFC 5929 4.1: the hash of the signature, but SHA-256 for MD5 and SHA-1. A signature without a
 * hash of its own (Ed25519), or with more than one (PSS), leaves the binding undefined. */
static const struct {
	int signature;
	enum wc_HashType hash;
} end_point_hash[] = {
	{CTC_MD5wRSA, WC_HASH_TYPE_SHA256},
	{CTC_SHAwRSA, WC_HASH_TYPE_SHA256},
	{CTC_SHAwECDSA, WC_HASH_TYPE_SHA256},
	{CTC_SHA256wRSA, WC_HASH_TYPE_SHA256},
	{CTC_SHA256wECDSA, WC_HASH_TYPE_SHA256},
	{CTC_SHA384wRSA, WC_HASH_TYPE_SHA384},
	{CTC_SHA384wECDSA, WC_HASH_TYPE_SHA384},
	{CTC_SHA512wRSA, WC_HASH_TYPE_SHA512},
	{CTC_SHA512wECDSA, WC_HASH_TYPE_SHA512},
};

/* The first certificate of `pem`, parsed. False: it cannot be; nothing is to be freed. */
static bool first_certificate(struct str pem, DerBuffer **der, DecodedCert *cert)
{
	int ecc = 0;

	*der = NULL;
	if (pem.n > LONG_MAX ||
		wc_PemToDer((const unsigned char *)pem.p, (long)pem.n, CERT_TYPE, der, NULL, NULL,
			&ecc) != 0)
		return false;
	wc_InitDecodedCert(cert, (*der)->buffer, (*der)->length, NULL);
	if (wc_ParseCert(cert, CERT_TYPE, NO_VERIFY, NULL) == 0)
		return true;
	wc_FreeDecodedCert(cert);
	wc_FreeDer(der);
	return false;
}

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
	DerBuffer *der;
	DecodedCert cert;
	int64_t at;

	if (!first_certificate(pem, &der, &cert))
		return 0;
	at = seconds_of(&cert);
	wc_FreeDecodedCert(&cert);
	wc_FreeDer(&der);
	return at;
}

static size_t hash_for(int signature, const DerBuffer *der, uint8_t *out)
{
	for (size_t i = 0; i < COUNT(end_point_hash); i++) {
		enum wc_HashType hash = end_point_hash[i].hash;
		int n = wc_HashGetDigestSize(hash);

		if (end_point_hash[i].signature == signature && n > 0 && n <= TLS_END_POINT_MOST &&
			wc_Hash(hash, der->buffer, der->length, out, (word32)n) == 0)
			return (size_t)n;
	}
	return 0;
}

size_t tls_end_point(struct str pem, uint8_t *out)
{
	DerBuffer *der;
	DecodedCert cert;
	size_t n;

	if (!first_certificate(pem, &der, &cert))
		return 0;
	n = hash_for((int)cert.signatureOID, der, out);
	wc_FreeDecodedCert(&cert);
	wc_FreeDer(&der);
	return n;
}

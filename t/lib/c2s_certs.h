/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Certificates that somebody signs, made by OpenSSL: include it once in a test. */
#ifndef T_LIB_C2S_CERTS_H
#define T_LIB_C2S_CERTS_H

#include "common/buf.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

struct cert {
	X509 *x509;
	EVP_PKEY *key;
};

#define ADDRESS(jid) "otherName:1.3.6.1.5.5.7.8.5;UTF8:" jid

static inline void cert_extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *e;

	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	X509_add_ext(x509, e, -1);
	X509_EXTENSION_free(e);
}

/* `by` NULL: by itself. `names` NULL: no alternative names. `uses`: an extended key usage, or NULL. `hours`: until
 * its end. */
static inline struct cert cert_make(const struct cert *by, const char *cn, bool is_ca, const char *names,
	const char *uses, int hours)
{
	static long serial;
	struct cert c = {X509_new(), EVP_EC_gen("P-256")};

	X509_set_version(c.x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x509), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c.x509), -7200);
	X509_gmtime_adj(X509_getm_notAfter(c.x509), hours * 3600L);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(c.x509), "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1,
		-1, 0);
	X509_set_issuer_name(c.x509, X509_get_subject_name(by ? by->x509 : c.x509));
	X509_set_pubkey(c.x509, c.key);
	cert_extend(c.x509, by ? by->x509 : c.x509, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (is_ca)
		cert_extend(c.x509, c.x509, NID_key_usage, "critical,keyCertSign");
	if (names)
		cert_extend(c.x509, c.x509, NID_subject_alt_name, names);
	if (uses)
		cert_extend(c.x509, c.x509, NID_ext_key_usage, uses);
	X509_sign(c.x509, by ? by->key : c.key, EVP_sha256());
	return c;
}

static inline void cert_end(struct cert *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
}

static inline void cert_der(const struct cert *c, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(c->x509, &der);

	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
}

static inline void cert_pem(const struct cert *c, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long n;

	PEM_write_bio_X509(bio, c->x509);
	n = BIO_get_mem_data(bio, &p);
	buf_add(out, p, (size_t)n);
	BIO_free(bio);
}

#endif

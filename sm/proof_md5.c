/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Proofs of DIGEST-MD5 and CRAM-MD5, by what is kept for them alone (common/credential.def). The
 * nonce in them ends with sm's part, so that they prove nothing on another attempt. */
#include "common/digest_md5.h"
#include "common/jid.h"
#include "sm/verify_work.h"

#define MESSAGE_MOST 16384 /* bytes: more than any element before login may have */

/* Of both: no hash is named, and a digest proves. */
bool proof_is_md5(const struct msg_sasl_prove *m)
{
	return m->hash == 0 && m->proof.n == DIGEST_MD5_BYTES && m->message.n > 0 &&
		m->message.n <= MESSAGE_MOST;
}

static bool ends_with_nonce(const struct question *q, struct str nonce)
{
	struct buf ours = {0};
	bool ends;

	verify_nonce(q, &ours);
	ends = nonce.n > ours.n && str_ends(nonce, buf_str(&ours));
	buf_free(&ours);
	return ends;
}

/* RFC 2831 2.1.2: xmpp/DOMAIN or xmpp/HOST/DOMAIN, the domain as its client spells it. */
static bool is_ours(struct str uri, struct str domain)
{
	struct str kind, host, name;
	struct buf prepared = {0};
	bool same;

	if (!str_cut(uri, '/', &kind, &host) || !str_is(kind, "xmpp"))
		return false;
	if (!str_cut(host, '/', &kind, &name))
		name = host;
	else if (!kind.n)
		return false;
	same = prep_domain(&prepared, name) && str_eq(buf_str(&prepared), domain);
	buf_free(&prepared);
	return same;
}

enum db_result proof_find_digest_md5(struct question *q, struct db *d)
{
	return verify_find_credential(q, d, CREDENTIAL_DIGEST_MD5, DIGEST_MD5_BYTES);
}

/* The message: nonce, cnonce, uri and authzid, with NULs between them. */
void proof_judge_digest_md5(struct question *q)
{
	struct digest_md5 d;
	struct str rest;
	uint8_t wanted[DIGEST_MD5_BYTES];
	bool whole, fits = false;

	whole = str_cut(q->message, 0, &d.nonce, &rest) && str_cut(rest, 0, &d.cnonce, &rest) &&
		str_cut(rest, 0, &d.uri, &d.authzid);
	/* Always both character sets: that there is but one must not be seen by the time. */
	for (size_t i = 0; whole && i < 2 * DIGEST_MD5_BYTES; i += DIGEST_MD5_BYTES) {
		const uint8_t *secret = q->secret + (i < q->secret_n ? i : 0);

		digest_md5_answer(secret, &d, false, wanted);
		if (!same_bytes(wanted, q->proof.p, sizeof wanted))
			continue;
		fits = true;
		digest_md5_answer(secret, &d, true, q->signature);
		q->signature_n = DIGEST_MD5_BYTES;
	}
	proof_decide(q, fits && ends_with_nonce(q, d.nonce) && is_ours(d.uri, jid_domain(q->who)));
	mem_wipe(wanted, sizeof wanted);
}

enum db_result proof_find_cram_md5(struct question *q, struct db *d)
{
	return verify_find_credential(q, d, CREDENTIAL_CRAM_MD5, HMAC_MD5_STATE);
}

/* The message: our challenge, <NONCE.TIME@DOMAIN>. */
void proof_judge_cram_md5(struct question *q)
{
	struct str nonce, rest, time, domain;
	uint8_t wanted[DIGEST_MD5_BYTES];
	bool ours = str_cut(str_skip(q->message, 1), '.', &nonce, &rest) &&
		str_cut(rest, '@', &time, &domain) && ends_with_nonce(q, nonce) && domain.n &&
		str_eq(str_head(domain, domain.n - 1), jid_domain(q->who));

	hmac_md5_resume(q->secret, q->message, wanted);
	proof_decide(q, same_bytes(wanted, q->proof.p, sizeof wanted) && ours);
	mem_wipe(wanted, sizeof wanted);
}

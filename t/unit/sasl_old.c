/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The historic mechanisms, and those that name nobody, as exchanges of bytes; sm is played by the
 * test. */
#include "c2s/sasl.h"

#include "common/b64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct sasl *challenged(const struct sasl_mech *mech)
{
	struct sasl *x = sasl_new(mech, STR("localhost"));
	const struct msg_sasl_salt salt = {.nonce = STR("FROMSM")};

	assert_int_equal(sasl_begin(x, NULL), SASL_ASK);
	assert_int_equal(x->ask.code, MSG_sasl_start);
	assert_true(x->ask.form && !x->ask.hash && !x->who.text.n);
	assert_int_equal(sasl_salt(x, &salt), SASL_SAY);
	return x;
}

/* The nonce of a DIGEST-MD5 challenge. */
static struct str nonce_of(const struct sasl *x)
{
	struct str before, rest, nonce;

	str_cut(str_skip(buf_str(&x->say), strlen("realm=\"localhost\",nonce=\"")), '"', &nonce, &rest);
	str_cut(nonce, '=', &before, &rest);
	return nonce;
}

#define DIGEST "0123456789abcdef0123456789abcdef"

/* `text` with the nonce where it has a %. */
static enum sasl_step answer(struct sasl *x, const char *text)
{
	struct buf b = {0}, nonce = {0};
	struct str head, tail;
	enum sasl_step next;

	buf_put(&nonce, nonce_of(x));
	if (str_cut(str_of(text), '%', &head, &tail)) {
		buf_put(&b, head);
		buf_put(&b, buf_str(&nonce));
		buf_put(&b, tail);
	} else {
		buf_puts(&b, text);
	}
	next = sasl_answer(x, buf_str(&b));
	buf_free(&b);
	buf_free(&nonce);
	return next;
}

static void digest(const char *text, enum cond why)
{
	struct sasl *x = challenged(&sasl_digest_md5);
	enum sasl_step next = answer(x, text);

	if (next != (why ? SASL_REFUSE : SASL_ASK) || (why && x->why != why))
		fail_msg("%s: step %d, why %d, wanted %d", text, next, x->why, why);
	sasl_free(&x);
}

static void digest_challenge(void **state)
{
	struct sasl *x = challenged(&sasl_digest_md5), *y = challenged(&sasl_digest_md5);
	struct str nonce = nonce_of(x);

	(void)state;
	assert_true(str_starts(buf_str(&x->say), STR("realm=\"localhost\",nonce=\"")));
	assert_true(str_ends(buf_str(&x->say), STR("\",qop=\"auth\",charset=utf-8,algorithm=md5-sess")));
	assert_true(nonce.n == 24 + 6 && str_ends(nonce, STR("FROMSM")));
	assert_false(str_eq(nonce, nonce_of(y)));
	sasl_free(&x);
	sasl_free(&y);
}

#define REST "nc=00000001,cnonce=\"c\",digest-uri=\"xmpp/localhost\",response=" DIGEST
#define ALL "username=\"alice\",realm=\"localhost\",nonce=\"%\"," REST

static void digest_responses(void **state)
{
	(void)state;
	digest("charset=utf-8," ALL ",qop=auth", COND_none);
	digest(ALL, COND_none); /* qop's default */
	digest(ALL ",maxbuf=65536,qop=auth,authzid=\"alice\"", COND_none);
	digest(ALL ",qop=auth,authzid=\"alice@localhost\"", COND_none);
	digest(ALL ",qop=auth,authzid=\"bob\"", SASL_invalid_authzid);
	digest(ALL ",qop=auth,authzid=\"alice@localhost/x\"", SASL_invalid_authzid);
	digest(ALL ",qop=auth,authzid=\"\"", SASL_malformed_request);
	digest(ALL ",qop=auth,authzid=\"\xff\"", SASL_malformed_request);
	digest(ALL ",qop=auth-int", SASL_not_authorized);
	digest(ALL ",maxbuf=many", SASL_malformed_request);
	digest(ALL ",charset=latin-1", SASL_malformed_request);
	digest(ALL ",nonce=\"x\"", SASL_malformed_request);
	digest(ALL ",realm=\"localhost\"", SASL_malformed_request);
	digest("username=\"alice\",nonce=\"%\"," REST, SASL_not_authorized); /* the empty realm is not ours */
	digest("username=\"alice\",realm=\"elsewhere\",nonce=\"%\"," REST, SASL_not_authorized);
	digest("username=\"alice\",realm=\"localhost\",nonce=\"x%\"," REST, SASL_not_authorized);
	digest("realm=\"localhost\",nonce=\"%\"," REST, SASL_malformed_request);
	digest("username=\"\",realm=\"localhost\",nonce=\"%\"," REST, SASL_malformed_request);
	digest("username=\"al ice\",realm=\"localhost\",nonce=\"%\"," REST, SASL_not_authorized);
	digest("username=alice,realm=localhost,nonce=\"%\",nc=00000002,cnonce=c,digest-uri=xmpp/localhost,response=" DIGEST,
		SASL_not_authorized);
	digest("username=alice,realm=localhost,nonce=\"%\",nc=1,cnonce=c,digest-uri=xmpp/localhost,response=" DIGEST,
		SASL_malformed_request);
	digest("username=alice,realm=localhost,nonce=\"%\",nc=00000001,digest-uri=xmpp/localhost,response=" DIGEST,
		SASL_malformed_request);
	digest("username=alice,realm=localhost,nonce=\"%\",nc=00000001,cnonce=c,response=" DIGEST,
		SASL_malformed_request);
	digest("username=alice,realm=localhost,nonce=\"%\",nc=00000001,cnonce=c,digest-uri=xmpp/localhost,response=ABC",
		SASL_malformed_request);
	digest("", SASL_malformed_request);
	digest("rubbish", SASL_malformed_request);
}

static void digest_asks(void **state)
{
	struct sasl *x = challenged(&sasl_digest_md5);
	struct msg_sasl_verdict yes = {.signature = STR("sixteen bytes..!")};
	struct buf wanted = {0};

	(void)state;
	buf_put(&wanted, nonce_of(x));
	buf_add(&wanted, "\0c\0xmpp/localhost\0Alice", sizeof("\0c\0xmpp/localhost\0Alice") - 1);
	assert_int_equal(answer(x,
				 "charset=utf-8,username=\"Alice\",realm=\"localhost\",nonce=\"%\"," REST
				 ",authzid=\"Alice\""),
		SASL_ASK);
	assert_true(x->ask.code == MSG_sasl_prove && x->ask.form == PROTO_FORM_DIGEST_MD5 && x->ask.hash == 0);
	assert_true(str_is(x->who.text, "alice@localhost"));
	assert_true(str_eq(x->ask.message, buf_str(&wanted)));
	assert_true(x->ask.proof.n == 16 && (uint8_t)x->ask.proof.p[15] == 0xef);
	assert_int_equal(sasl_verdict(x, &yes), SASL_ACCEPT);
	assert_true(str_is(buf_str(&x->say), "rspauth=7369787465656e2062797465732e2e21"));
	buf_free(&wanted);
	sasl_free(&x);
}

/* Without a charset the name is in ISO 8859-1. */
/* Where the operator says so, rspauth is a challenge (RFC 2831 2.1.3), which is answered with nothing, once. */
static void digest_in_more_rounds(void **state)
{
	struct msg_sasl_verdict yes = {.signature = STR("sixteen bytes..!")}, no = {.cond = SASL_not_authorized};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct sasl *x = challenged(&sasl_digest_md5);

		x->more_rounds = true;
		if (i == 3) { /* nothing, before there was anything to answer */
			assert_int_equal(sasl_answer(x, STR_NONE), SASL_REFUSE);
			assert_int_equal(x->why, SASL_malformed_request);
			sasl_free(&x);
			continue;
		}
		assert_int_equal(answer(x, ALL), SASL_ASK);
		assert_int_equal(sasl_verdict(x, i == 2 ? &no : &yes), i == 2 ? SASL_REFUSE : SASL_SAY);
		if (i < 2)
			assert_true(str_is(buf_str(&x->say), "rspauth=7369787465656e2062797465732e2e21"));
		if (i == 0)
			assert_true(sasl_answer(x, STR_NONE) == SASL_ACCEPT && x->say.n == 0);
		if (i == 1) {
			assert_int_equal(sasl_answer(x, STR("more")), SASL_REFUSE);
			assert_int_equal(x->why, SASL_malformed_request);
		}
		sasl_free(&x);
	}
}

static void digest_latin1(void **state)
{
	struct sasl *x = challenged(&sasl_digest_md5);

	(void)state;
	assert_int_equal(answer(x, "username=\"j\xfcrgen\",realm=\"localhost\",nonce=\"%\"," REST), SASL_ASK);
	assert_true(str_is(x->who.text, "j\xc3\xbcrgen@localhost"));
	sasl_free(&x);
	x = challenged(&sasl_digest_md5);
	assert_int_equal(answer(x, "charset=utf-8,username=\"j\xfcrgen\",realm=\"localhost\",nonce=\"%\"," REST),
		SASL_REFUSE);
	assert_int_equal(x->why, SASL_malformed_request);
	sasl_free(&x);
}

static void answered_once(void **state)
{
	struct sasl *x = challenged(&sasl_digest_md5);

	(void)state;
	assert_int_equal(answer(x, ALL), SASL_ASK);
	assert_int_equal(answer(x, ALL), SASL_REFUSE);
	sasl_free(&x);
	x = challenged(&sasl_cram_md5);
	assert_int_equal(sasl_answer(x, STR("alice " DIGEST)), SASL_ASK);
	assert_int_equal(sasl_answer(x, STR("alice " DIGEST)), SASL_REFUSE);
	sasl_free(&x);
}

static void server_first(void **state)
{
	static const struct sasl_mech *const mechs[] = {&sasl_digest_md5, &sasl_cram_md5};
	const struct str nothing = STR_NONE, some = STR("x");
	const struct msg_sasl_salt none = {0}, odd = {.nonce = STR("a\"b")};

	(void)state;
	for (size_t i = 0; i < COUNT(mechs); i++) {
		struct sasl *x = sasl_new(mechs[i], STR("localhost"));

		assert_int_equal(sasl_begin(x, &some), SASL_REFUSE);
		assert_int_equal(x->why, SASL_malformed_request);
		sasl_free(&x);
		x = sasl_new(mechs[i], STR("localhost"));
		assert_int_equal(sasl_begin(x, &nothing), SASL_ASK); /* "=" */
		assert_int_equal(sasl_salt(x, &none), SASL_REFUSE);
		assert_int_equal(x->why, SASL_temporary_auth_failure);
		assert_int_equal(sasl_salt(x, &odd), mechs[i] == &sasl_digest_md5 ? SASL_REFUSE : SASL_SAY);
		sasl_free(&x);
	}
}

static void cram(const char *text, size_t n, enum cond why)
{
	struct sasl *x = challenged(&sasl_cram_md5);
	enum sasl_step next = sasl_answer(x, str_at(text, n));

	if (next != (why ? SASL_REFUSE : SASL_ASK) || (why && x->why != why))
		fail_msg("%s: why %d, wanted %d", text, x->why, why);
	sasl_free(&x);
}

#define CRAM(text, why) cram(text, sizeof(text) - 1, why)

static void cram_responses(void **state)
{
	(void)state;
	CRAM("alice " DIGEST, COND_none);
	CRAM("al ice " DIGEST, SASL_not_authorized);
	CRAM("alice", SASL_malformed_request);
	CRAM(" " DIGEST, SASL_malformed_request);
	CRAM(DIGEST, SASL_malformed_request);
	CRAM("alice " DIGEST "0", SASL_malformed_request);
	CRAM("alice 0123456789ABCDEF0123456789ABCDEF", SASL_malformed_request);
	CRAM("al\0ice " DIGEST, SASL_malformed_request);
	CRAM("al\xffice " DIGEST, SASL_malformed_request);
	CRAM("", SASL_malformed_request);
}

static void cram_asks(void **state)
{
	struct sasl *x = challenged(&sasl_cram_md5);
	struct buf challenge = {0};
	struct msg_sasl_verdict yes = {0};

	(void)state;
	buf_put(&challenge, buf_str(&x->say));
	assert_true(str_starts(buf_str(&challenge), STR("<")) && str_ends(buf_str(&challenge), STR("@localhost>")));
	assert_non_null(strstr(buf_cstr(&challenge), "FROMSM."));
	assert_int_equal(sasl_answer(x, STR("Alice " DIGEST)), SASL_ASK);
	assert_true(x->ask.form == PROTO_FORM_CRAM_MD5 && str_eq(x->ask.message, buf_str(&challenge)));
	assert_true(x->ask.proof.n == 16 && str_is(x->who.text, "alice@localhost"));
	assert_int_equal(sasl_verdict(x, &yes), SASL_ACCEPT);
	assert_int_equal(x->say.n, 0);
	buf_free(&challenge);
	sasl_free(&x);
}

static void shared(const char *text, size_t n, enum cond why)
{
	struct sasl *x = sasl_new(&sasl_shared_secret, STR("localhost"));
	struct str s = str_at(text, n);
	enum sasl_step next = sasl_begin(x, &s);

	if (next != (why ? SASL_REFUSE : SASL_ASK) || (why && x->why != why))
		fail_msg("%s: why %d, wanted %d", text, x->why, why);
	if (!why)
		assert_true(str_is(x->ask.proof, "121fc022a2397f857211e16e3846838a"));
	sasl_free(&x);
}

#define SHARED(text, why) shared(text, sizeof(text) - 1, why)
#define SECRET "121fc022a2397f857211e16e3846838a"

static void shared_secrets(void **state)
{
	struct buf known = {0};

	(void)state;
	assert_true(b64_decode(&known, STR("c3BhcmsAMTIxZmMwMjJhMjM5N2Y4NTcyMTFlMTZlMzg0NjgzOGE=")));
	shared(known.p, known.n, COND_none);
	buf_free(&known);
	SHARED("\0x\0" SECRET, COND_none);
	SHARED("x\0\0" SECRET, COND_none);
	SHARED("x\0" SECRET "\0more\0", COND_none);
	SHARED("\0" SECRET, SASL_malformed_request);
	SHARED(SECRET, SASL_malformed_request);
	SHARED("x\0", SASL_malformed_request);
	SHARED("\0\0\0", SASL_malformed_request);
	SHARED("x\0short", SASL_not_authorized);
	SHARED("x\0" SECRET "0", SASL_not_authorized);
}

static void shared_secret_is_asked_for(void **state)
{
	const struct str nothing = STR_NONE;
	struct sasl *x = sasl_new(&sasl_shared_secret, STR("localhost"));

	(void)state;
	assert_int_equal(sasl_begin(x, NULL), SASL_SAY);
	assert_true(!x->say.n && strcmp(x->mech->empty, "=") == 0);
	assert_int_equal(sasl_answer(x, STR_NONE), SASL_REFUSE);
	sasl_free(&x);
	x = sasl_new(&sasl_shared_secret, STR("localhost"));
	assert_int_equal(sasl_begin(x, &nothing), SASL_SAY);
	assert_int_equal(sasl_answer(x, str_at("x\0" SECRET, 34)), SASL_ASK);
	assert_int_equal(x->ask.form, PROTO_FORM_SHARED_SECRET);
	sasl_free(&x);
}

static void anonymous(void **state)
{
	const struct str trace = STR("sirhc"), nothing = STR_NONE;
	const struct str *const first[] = {NULL, &nothing, &trace};

	(void)state;
	for (size_t i = 0; i < COUNT(first); i++) {
		struct sasl *x = sasl_new(&sasl_anonymous, STR("localhost"));
		struct jid who;

		assert_int_equal(sasl_begin(x, first[i]), SASL_ASK);
		assert_true(x->ask.code == MSG_sasl_prove && x->ask.form == PROTO_FORM_ANONYMOUS);
		assert_true(str_is(x->who.text, "localhost") && !x->who.local_n);
		assert_true(jid_split(STR("x@elsewhere"), &who) && !sasl_is_claimed(x, who));
		assert_true(jid_split(STR("localhost"), &who) && !sasl_is_claimed(x, who));
		assert_true(jid_split(STR("x@localhost/x"), &who) && !sasl_is_claimed(x, who));
		assert_true(jid_split(STR("x@localhost"), &who) && sasl_is_claimed(x, who));
		assert_true(str_is(x->who.text, "x@localhost"));
		assert_true(jid_split(STR("y@localhost"), &who) && !sasl_is_claimed(x, who));
		sasl_free(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"sasl: DIGEST-MD5 and CRAM-MD5 begin with the server, after nothing or \"=\"", server_first, NULL,
			NULL, NULL},
		{"sasl: DIGEST-MD5's challenge has realm, a fresh nonce with sm's part, qop, charset, algorithm",
			digest_challenge, NULL, NULL, NULL},
		{"sasl: DIGEST-MD5's response is read strictly", digest_responses, NULL, NULL, NULL},
		{"sasl: DIGEST-MD5 asks with the fields that are hashed, and answers with rspauth", digest_asks, NULL,
			NULL, NULL},
		{"sasl: DIGEST-MD5's rspauth is a challenge where the operator says so, and its answer is nothing",
			digest_in_more_rounds, NULL, NULL, NULL},
		{"sasl: DIGEST-MD5 without charset names people in ISO 8859-1", digest_latin1, NULL, NULL, NULL},
		{"sasl: a challenge is answered once", answered_once, NULL, NULL, NULL},
		{"sasl: CRAM-MD5's response is a name and a digest", cram_responses, NULL, NULL, NULL},
		{"sasl: CRAM-MD5's challenge is a message id with sm's part of the nonce", cram_asks, NULL, NULL, NULL},
		{"sasl: JIVE-SHAREDSECRET takes the second part that is not empty", shared_secrets, NULL, NULL, NULL},
		{"sasl: JIVE-SHAREDSECRET is asked for with a single equals sign", shared_secret_is_asked_for, NULL,
			NULL, NULL},
		{"sasl: ANONYMOUS needs no word, and takes the name that sm gives", anonymous, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

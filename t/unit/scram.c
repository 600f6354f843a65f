/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The server's check of SCRAM by the examples of RFC 5802 and RFC 7677, and everything that is not one of their
 * messages. */
#include "sm/scram.h"

#include "common/b64.h"
#include "t/lib/sm_try.h"

struct example {
	enum hash hash;
	const char *password, *salt, *client_nonce, *nonce, *proof, *signature;
};

/* The nonces' second halves are taken for sm's part.
 * The salt of RFC 5802 5 has 12 bytes: its proof is checked, not its message. */
static const struct example sha1 = {HASH_SHA1, "pencil", "QSXCR+Q6sek8bf92", "fyko+d2lbbFgONRv9qkxdawL",
	"3rfcNHYJY1ZVvWVs7j", "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ="};
static const struct example sha256 = {HASH_SHA256, "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==", "rOprNGfwEbeRWgbNEkqO",
	"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="};

static struct verifier verifier_of(const struct example *x)
{
	struct verifier v = {.hash = x->hash, .iterations = 4096};
	uint8_t salted[HASH_MAX], key[HASH_MAX];
	struct buf salt = {0};
	size_t n = hash_size(x->hash);

	assert_true(b64_decode(&salt, str_of(x->salt)));
	memcpy(v.salt, salt.p, salt.n < sizeof v.salt ? salt.n : sizeof v.salt);
	pbkdf2(x->hash, str_of(x->password), buf_str(&salt), 4096, salted);
	hmac_bytes(x->hash, str_at(salted, n), STR("Client Key"), key);
	hash_bytes(x->hash, str_at(key, n), v.stored_key);
	hmac_bytes(x->hash, str_at(salted, n), STR("Server Key"), v.server_key);
	buf_free(&salt);
	return v;
}

static void message_of(struct buf *out, const struct example *x)
{
	buf_printf(out, "n=user,r=%s,r=%s%s,s=%s,i=4096,c=biws,r=%s%s", x->client_nonce, x->client_nonce, x->nonce,
		x->salt, x->client_nonce, x->nonce);
}

static void the_examples_fit(void **state)
{
	const struct example *examples[] = {&sha1, &sha256};

	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		const struct example *x = examples[i];
		struct verifier v = verifier_of(x);
		struct buf message = {0}, proof = {0}, signature = {0};
		uint8_t said[HASH_MAX];

		message_of(&message, x);
		assert_true(b64_decode(&proof, str_of(x->proof)));
		assert_true(scram_proof_fits(&v, buf_str(&message), (uint8_t *)proof.p, said));
		b64_encode(&signature, str_at(said, hash_size(x->hash)));
		assert_true(str_is(buf_str(&signature), x->signature));
		for (size_t k = 0; k < proof.n; k++) {
			proof.p[k] ^= 0x10;
			assert_false(scram_proof_fits(&v, buf_str(&message), (uint8_t *)proof.p, said));
			proof.p[k] ^= 0x10;
		}
		buf_puts(&message, ",x=y"); /* another message has another proof */
		assert_false(scram_proof_fits(&v, buf_str(&message), (uint8_t *)proof.p, said));
		buf_free(&message);
		buf_free(&proof);
		buf_free(&signature);
	}
}

static void a_client_key_fits(void **state)
{
	struct verifier v = verifier_of(&sha256);
	uint8_t salted[HASH_MAX], key[HASH_MAX];
	struct buf salt = {0};

	(void)state;
	assert_true(b64_decode(&salt, str_of(sha256.salt)));
	pbkdf2(HASH_SHA256, STR("pencil"), buf_str(&salt), 4096, salted);
	hmac_bytes(HASH_SHA256, str_at(salted, 32), STR("Client Key"), key);
	assert_true(scram_key_fits(&v, str_at(key, 32)));
	assert_false(scram_key_fits(&v, str_at(v.stored_key, 32))); /* what a stolen database holds is no key */
	assert_false(scram_key_fits(&v, str_at(key, 31)));
	assert_false(scram_key_fits(&v, STR_NONE));
	buf_free(&salt);
}

static bool fits(const char *message)
{
	struct verifier v = verifier_of(&sha256);

	return scram_message_fits(str_of(message), STR("OUR"), &v);
}

#define SALT ",s=W22ZaJ0SNY7soEsUEjb6gQ=="

static void messages_are_read_exactly(void **state)
{
	static const char *const good[] = {
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clOUR",
		"n=us=2Cer,r=cl,r=clworkerOUR" SALT ",i=4096,c=biws,r=clworkerOUR",
		"n=user,r=cl,x=ext,r=clOUR" SALT ",i=4096,c=biws,r=clOUR,y=ext,z=ext",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=,t=0304,c=biws,r=clOUR",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=cD10bHMtZXhwb3J0ZXIsLEU=,r=clOUR",
	};
	static const char *const bad[] = {
		"",
		",",
		"n=user",
		"n=user,r=cl",
		"r=cl,n=user,r=clOUR" SALT ",i=4096,c=biws,r=clOUR",
		"n=user,r=cl,r=clTHEIR" SALT ",i=4096,c=biws,r=clTHEIR", /* another connection's nonce */
		"n=user,r=cl,r=OURcl" SALT ",i=4096,c=biws,r=OURcl",
		"n=user,r=cl,r=OUR" SALT ",i=4096,c=biws,r=OUR",      /* without the client's part */
		"n=user,r=cl,r=clOUR" SALT ",i=4096,h=,c=biws,r=clOUR",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,m=x,c=biws,r=clOUR",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,h=x,i=4096,c=biws,r=clOUR",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,h=x,h=x,c=biws,r=clOUR",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,t=0304,h=x,c=biws,r=clOUR",
		"n=user,r=clO,r=clOUR" SALT ",i=4096,c=biws,r=clOUR", /* the two parts overlap */
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clxOUR", /* the client answered another nonce */
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=biws",
		"n=user,r=cl,r=clOUR" SALT ",i=4095,c=biws,r=clOUR", /* fewer rounds than the account has */
		"n=user,r=cl,r=clOUR" SALT ",i=04097,c=biws,r=clOUR",
		"n=user,r=cl,r=clOUR" SALT ",i=,c=biws,r=clOUR",
		"n=user,r=cl,r=clOUR,s=AAAA,i=4096,c=biws,r=clOUR", /* another salt */
		"n=user,r=cl,r=clOUR,i=4096" SALT ",c=biws,r=clOUR",
		"m=x,n=user,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clOUR", /* a mandatory extension */
		"n=user,r=cl,m=x,r=clOUR" SALT ",i=4096,c=biws,r=clOUR",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clOUR,m=x",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clOUR,p=x",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clOUR,r=clOUR",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clOUR,",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clOUR,1=x",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clOUR,xy",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,x=y,c=biws,r=clOUR", /* we say no extension */
		"n=,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clOUR",
		"n=user,r=,r=OUR" SALT ",i=4096,c=biws,r=OUR",
		"n=user,r=cl,r=clOUR" SALT ",i=4096,c=,r=clOUR",
		"n=user,,r=cl,r=clOUR" SALT ",i=4096,c=biws,r=clOUR",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (!fits(good[i]))
			fail_msg("refused: %s", good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (fits(bad[i]))
			fail_msg("taken: %s", bad[i]);
	}
}

static void no_part_of_a_message_is_one(void **state)
{
	struct verifier v = verifier_of(&sha256);
	struct buf message = {0};

	(void)state;
	message_of(&message, &sha256);
	assert_true(scram_message_fits(buf_str(&message), str_of(sha256.nonce), &v));
	for (size_t n = 0; n < message.n; n++)
		assert_false(scram_message_fits(str_head(buf_str(&message), n), str_of(sha256.nonce), &v));
	for (size_t n = 1; n < message.n; n++)
		assert_false(scram_message_fits(str_skip(buf_str(&message), n), str_of(sha256.nonce), &v));
	buf_free(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("scram: the examples of RFC 5802 and RFC 7677 fit, and no bit may differ", the_examples_fit),
		TITLED("scram: a ClientKey fits, a StoredKey is none", a_client_key_fits),
		TITLED("scram: only an answer to our own challenge is taken, with our nonce, salt and rounds",
			messages_are_read_exactly),
		TITLED("scram: no part of a message is a message", no_part_of_a_message_is_one),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("scram", tests, NULL, NULL);
}

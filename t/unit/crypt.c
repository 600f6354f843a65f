/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hashes against published vectors. */
#include "common/crypt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_hex(const uint8_t *bytes, size_t n, const char *hex)
{
	char text[2 * HASH_MAX + 1];

	for (size_t i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(text, hex);
}

static void hashes(void **state)
{
	static const struct {
		enum hash hash;
		const char *of_abc, *of_nothing;
	} vectors[] = {
		{HASH_MD5, "900150983cd24fb0d6963f7d28e17f72", "d41d8cd98f00b204e9800998ecf8427e"},
		{HASH_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		{HASH_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{HASH_SHA512,
			"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
			"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
			"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
	};
	uint8_t out[HASH_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		hash_bytes(vectors[i].hash, STR("abc"), out);
		assert_hex(out, hash_size(vectors[i].hash), vectors[i].of_abc);
		hash_bytes(vectors[i].hash, STR_NONE, out);
		assert_hex(out, hash_size(vectors[i].hash), vectors[i].of_nothing);
	}
}

/* RFC 2202 2 and 3, RFC 4231 4.3 and 4.7: a short key, and one longer than a block. */
static void hmacs(void **state)
{
	static const char long_test[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	const struct str question = STR("what do ya want for nothing?");
	uint8_t out[HASH_MAX];
	char key[131];

	(void)state;
	memset(key, 0xaa, sizeof key);
	hmac_bytes(HASH_MD5, STR("Jefe"), question, out);
	assert_hex(out, 16, "750c783e6ab0b503eaa86e310a5db738");
	hmac_bytes(HASH_SHA1, STR("Jefe"), question, out);
	assert_hex(out, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	hmac_bytes(HASH_SHA256, STR("Jefe"), question, out);
	assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hmac_bytes(HASH_SHA512, STR("Jefe"), question, out);
	assert_hex(out, 64,
		"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
	hmac_bytes(HASH_SHA1, str_at(key, 80), str_of(long_test), out);
	assert_hex(out, 20, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
	hmac_bytes(HASH_SHA256, str_at(key, 131), str_of(long_test), out);
	assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	hmac_bytes(HASH_SHA512, str_at(key, 131), str_of(long_test), out);
	assert_hex(out, 64,
		"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
		"6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
	hmac_bytes(HASH_SHA256, STR_NONE, STR_NONE, out);
	assert_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 6070, those of one block. */
static void pbkdf2_sha1(void **state)
{
	uint8_t out[HASH_MAX];

	(void)state;
	pbkdf2(HASH_SHA1, STR("password"), STR("salt"), 1, out);
	assert_hex(out, 20, "0c60c80f961f0e71f3a9b524af6012062fe037a6");
	pbkdf2(HASH_SHA1, STR("password"), STR("salt"), 2, out);
	assert_hex(out, 20, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957");
	pbkdf2(HASH_SHA1, STR("password"), STR("salt"), 4096, out);
	assert_hex(out, 20, "4b007901b765489abead49d926f721d065a429c1");
}

static void pbkdf2_more(void **state)
{
	uint8_t out[HASH_MAX];

	(void)state;
	pbkdf2(HASH_SHA256, STR("password"), STR("salt"), 1, out);
	assert_hex(out, 32, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b");
	pbkdf2(HASH_SHA256, STR("password"), STR("salt"), 4096, out);
	assert_hex(out, 32, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
	pbkdf2(HASH_SHA512, STR("password"), STR("salt"), 1, out);
	assert_hex(out, 64,
		"867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
		"c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce");
}

/* The exchange of RFC 7677 3: from the password to the client's proof and the server's signature.
 * */
static void scram_sha256(void **state)
{
	static const char auth_message[] =
		"n=user,r=rOprNGfwEbeRWgbNEkqO,"
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
	const struct str salt = STR("\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81");
	uint8_t salted[32], client_key[32], stored[32], proof[32], server_key[32], signature[32];

	(void)state;
	pbkdf2(HASH_SHA256, STR("pencil"), salt, 4096, salted);
	hmac_bytes(HASH_SHA256, str_at(salted, 32), STR("Client Key"), client_key);
	hash_bytes(HASH_SHA256, str_at(client_key, 32), stored);
	hmac_bytes(HASH_SHA256, str_at(stored, 32), str_of(auth_message), proof);
	for (size_t i = 0; i < sizeof proof; i++)
		proof[i] ^= client_key[i];
	assert_hex(proof, 32, "747cdb65aa56224e2352137e52d7bdcad6a0f738df30782caa69a2cfb0277554");
	hmac_bytes(HASH_SHA256, str_at(salted, 32), STR("Server Key"), server_key);
	hmac_bytes(HASH_SHA256, str_at(server_key, 32), str_of(auth_message), signature);
	assert_hex(signature, 32, "eabae24d1062db75a9451ff0b6ea7e98c8546549ff741e672d3251b2397de46e");
}

static void same(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	assert_true(same_bytes(a, b, 32));
	assert_true(same_bytes(a, b, 0));
	for (size_t i = 0; i < 32; i++) {
		for (int bit = 0; bit < 8; bit++) {
			b[i] = (uint8_t)(1 << bit);
			assert_false(same_bytes(a, b, 32));
			assert_true(same_bytes(a, b, i));
		}
		b[i] = 0;
	}
}

/* RFC 2195 2's example, and every length of key and text around a block of 64 bytes. */
static void resumed(void **state)
{
	const struct str challenge = STR("<1896.697170952@postoffice.reston.mci.net>");
	uint8_t kept[HMAC_MD5_STATE], out[HASH_MAX], wanted[HASH_MAX];
	char text[130];

	(void)state;
	hmac_md5_state(STR("tanstaaftanstaaf"), kept);
	hmac_md5_resume(kept, challenge, out);
	assert_hex(out, 16, "b913a602c7eda7a495b4e6e7334d3890");
	memset(text, 'x', sizeof text);
	for (size_t n = 0; n < sizeof text; n++) {
		hmac_md5_state(str_at(text, n), kept);
		hmac_md5_resume(kept, str_at(text, sizeof text - n), out);
		hmac_bytes(HASH_MD5, str_at(text, n), str_at(text, sizeof text - n), wanted);
		assert_memory_equal(out, wanted, 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"crypt: digests of \"abc\" and of nothing are the published ones", hashes, NULL, NULL, NULL},
		{"crypt: HMAC gives the vectors of RFC 2202 and RFC 4231", hmacs, NULL, NULL, NULL},
		{"crypt: HMAC-MD5 goes on from its keyed states, as in RFC 2195's example", resumed, NULL, NULL, NULL},
		{"crypt: PBKDF2 gives the vectors of RFC 6070", pbkdf2_sha1, NULL, NULL, NULL},
		{"crypt: PBKDF2 gives the known values for many rounds and the longer hashes", pbkdf2_more, NULL, NULL,
			NULL},
		{"crypt: the SCRAM-SHA-256 exchange of RFC 7677 comes out", scram_sha256, NULL, NULL, NULL},
		{"crypt: equality is of every bit", same, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

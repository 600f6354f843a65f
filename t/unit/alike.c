/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Known and unknown users cannot be told apart (protocol.md 4, case 21; OF-3257, CVE-2021-32921): for each mechanism,
 * an account that exists, one that does not, one that has no credentials for the mechanism and one that is disabled
 * are met with a wrong password. What the server says must have the same shape, and what is computed for it, in c2s
 * and in sm, must be the same: as time differs from run to run, the bytes that go through each hash are counted.
 * t/bench/alike.c measures the time itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/md5.h>
#include <wolfssl/wolfcrypt/sha.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <wolfssl/wolfcrypt/sha512.h>

#include <stdatomic.h>

/* common/crypt.c, compiled once more here, with its calls counted; the archive's own is then not linked. */
static _Atomic uint64_t hashed[4], finished[4];

#define COUNTED(name, context, slot) \
	static int counted_##name##Update(context *c, const byte *bytes, word32 n) \
	{ \
		hashed[slot] += n; \
		return wc_##name##Update(c, bytes, n); \
	} \
	static int counted_##name##Final(context *c, byte *out) \
	{ \
		finished[slot]++; \
		return wc_##name##Final(c, out); \
	}
COUNTED(Sha, wc_Sha, 0)
COUNTED(Sha256, wc_Sha256, 1)
COUNTED(Sha512, wc_Sha512, 2)
COUNTED(Md5, wc_Md5, 3)
#undef wc_ShaUpdate
#undef wc_ShaFinal
#define wc_ShaUpdate counted_ShaUpdate
#define wc_ShaFinal counted_ShaFinal
#define wc_Sha256Update counted_Sha256Update
#define wc_Sha256Final counted_Sha256Final
#define wc_Sha512Update counted_Sha512Update
#define wc_Sha512Final counted_Sha512Final
#define wc_Md5Update counted_Md5Update
#define wc_Md5Final counted_Md5Final
#include "common/crypt.c"

#include "c2s/client.h"
#include "sm/verify.h"
#include "t/lib/sasl_play.h"

/* Mechanisms in which somebody claims an account and proves it; a new one is a line here. */
static const struct {
	const char *mech;
	const struct player *player;
} kinds[] = {
	{"SCRAM-SHA-512-PLUS", &player_scram},
	{"SCRAM-SHA-512", &player_scram},
	{"SCRAM-SHA-256", &player_scram},
	{"SCRAM-SHA-1", &player_scram},
	{"DIGEST-MD5", &player_digest},
	{"CRAM-MD5", &player_cram},
	{"PLAIN", &player_plain},
};

struct effort {
	uint64_t hashed[4], finished[4];
};

static struct effort spent(void)
{
	struct effort e;

	for (unsigned i = 0; i < 4; i++) {
		e.hashed[i] = hashed[i];
		e.finished[i] = finished[i];
	}
	return e;
}

/* What the exchange took, and into `shape` what it looked like. user: NULL is whom the twist means. */
static struct effort effort_of(const char *mech, const struct player *player, enum twist twist, const char *user,
	struct buf *shape)
{
	struct play p = {0};
	struct effort before, after;

	salted_forget();
	before = spent();
	p.user = user;
	play_once(&p, mech, player, twist);
	after = spent();
	for (unsigned i = 0; i < 4; i++) {
		after.hashed[i] -= before.hashed[i];
		after.finished[i] -= before.finished[i];
	}
	buf_take(shape, &p.shape);
	world_free(p.attempt.world);
	play_free(&p);
	return after;
}

static void nobody_is_told_apart(void **state)
{
	static const enum twist others[] = {TWIST_unknown, TWIST_bare, TWIST_disabled_wrong};

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct buf known_shape = {0}, shape = {0};
		struct effort known = effort_of(kinds[i].mech, kinds[i].player, TWIST_wrong_password, NULL,
			&known_shape);

		assert_non_null(strstr(buf_cstr(&known_shape), "failure not-authorized 0\n"));
		for (size_t k = 0; k < COUNT(others); k++) {
			struct effort other = effort_of(kinds[i].mech, kinds[i].player, others[k], NULL, &shape);

			assert_string_equal(buf_cstr(&shape), buf_cstr(&known_shape));
			assert_memory_equal(&other, &known, sizeof known);
		}
		buf_free(&known_shape);
		buf_free(&shape);
	}
}

/* PLAIN brings an account what it lacks, which costs the worker PBKDF2: not before the password is proved. */
static void who_lacks_something_is_not_told_apart(void **state)
{
	static const char *const others[] = {"older", "nobo1", "nobo2", "nobo3", "nobo4", "nobo5", "nobo6", "nobo7"};
	struct buf shape = {0};
	struct effort known = effort_of("PLAIN", &player_plain, TWIST_wrong_password, NULL, &shape);

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		struct effort one = effort_of("PLAIN", &player_plain, TWIST_wrong_password, others[i], &shape);

		assert_memory_equal(&one, &known, sizeof one);
	}
	buf_free(&shape);
}

/* That the count sees a difference at all. */
static void work_is_counted(void **state)
{
	struct effort before = spent(), after;
	uint8_t out[HASH_MAX];

	(void)state;
	hash_bytes(HASH_SHA512, STR("abc"), out);
	after = spent();
	assert_int_equal(after.hashed[2] - before.hashed[2], 3);
	assert_int_equal(after.finished[2] - before.finished[2], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"alike: what is hashed is counted", work_is_counted, NULL, NULL, NULL},
		{"alike: with a wrong password, who exists, who does not, who lacks a verifier and who is disabled are told"
		 " the same and cost the same",
			nobody_is_told_apart, NULL, NULL, NULL},
		{"alike: nor is who lacks what PLAIN would bring", who_lacks_something_is_not_told_apart, NULL, NULL,
			NULL},
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	house_start();
	failed = cmocka_run_group_tests_name("alike", tests, NULL, NULL);
	house_end();
	return failed;
}

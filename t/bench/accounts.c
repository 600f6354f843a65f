/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * accounts FOLDER COUNT UNIQUE PASSWORD [old|friends]: a store.db in FOLDER with the accounts u00000 ... at localhost,
 * for sm to be started on. Verifiers take milliseconds to make, so only the first UNIQUE accounts have salts of
 * their own. old: with what DIGEST-MD5 and CRAM-MD5 need, too. friends: the first one and each of the others see each
 * other's presence. */
#include "common/log.h"
#include "sm/schema.h"
#include "sm/store_account.h"
#include "sm/store_roster.h"
#include "sm/subscription.h"

#include <stdio.h>
#include <stdlib.h>

#define SHA1_ROUNDS 4096 /* the defaults of settings.def */
#define SHA256_ROUNDS 10000
#define SHA512_ROUNDS 10000

static bool add(struct db *d, uint64_t number, struct str list, bool old, struct str password)
{
	static const struct credential_rules rules = {
		.kinds = CREDENTIAL_BIT(CREDENTIAL_DIGEST_MD5) | CREDENTIAL_BIT(CREDENTIAL_CRAM_MD5)};
	char jid[40];
	int n = snprintf(jid, sizeof jid, "u%05llu@localhost", (unsigned long long)number);
	struct str who = str_at(jid, (size_t)n);
	struct buf all = {0};
	bool done;

	buf_put(&all, list);
	if (old)
		credential_make(&all, &rules, who, password);
	done = store_account_add(d, who, buf_str(&all)) == DB_OK;
	buf_free(&all);
	return done;
}

static bool add_all(struct db *d, uint64_t count, uint64_t unique, struct str password, bool old)
{
	static const struct credential_rules rules = {
		.kinds = CREDENTIAL_BIT(HASH_SHA1) | CREDENTIAL_BIT(HASH_SHA256) | CREDENTIAL_BIT(HASH_SHA512),
		.rounds = {[HASH_SHA1] = SHA1_ROUNDS, [HASH_SHA256] = SHA256_ROUNDS, [HASH_SHA512] = SHA512_ROUNDS}};
	struct buf list = {0};

	if (db_exec(d, "BEGIN IMMEDIATE") != DB_OK)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		if (i <= unique) {
			buf_clear(&list);
			credential_make(&list, &rules, STR_NONE, password);
		}
		if (!add(d, i, buf_str(&list), old, password))
			return false;
	}
	buf_free(&list);
	return db_exec(d, "COMMIT") == DB_OK;
}

static bool befriend(struct db *d, uint64_t count)
{
	bool done = db_exec(d, "BEGIN IMMEDIATE") == DB_OK;

	for (uint64_t i = 1; done && i < count; i++) {
		struct roster_row row = {
			.contact = STR("u00000@localhost"), .state = SUB_LISTED | SUB_TO | SUB_FROM, .version = i};
		char jid[40];
		int n = snprintf(jid, sizeof jid, "u%05llu@localhost", (unsigned long long)i);
		struct str who = str_at(jid, (size_t)n);

		done = store_roster_put(d, who, &row) == DB_OK;
		row.contact = who;
		done = done && store_roster_put(d, STR("u00000@localhost"), &row) == DB_OK;
	}
	return done && db_exec(d, "COMMIT") == DB_OK;
}

int main(int n, char **arguments)
{
	struct buf path = {0}, why = {0};
	struct str more = n == 6 ? str_of(arguments[5]) : STR_NONE;
	uint64_t count, unique;
	struct db *d;
	bool done;

	if (n < 5 || n > 6 || (n == 6 && !str_is(more, "old") && !str_is(more, "friends")) ||
		!str_u64(str_of(arguments[2]), &count) || !str_u64(str_of(arguments[3]), &unique)) {
		fprintf(stderr, "accounts FOLDER COUNT UNIQUE PASSWORD [old|friends]\n");
		return 2;
	}
	log_start("accounts", LOG_WARN);
	buf_printf(&path, "%s/store.db", arguments[1]);
	d = db_open(buf_cstr(&path), DB_DURABLE, &why);
	done = d && store_migrate(d, buf_cstr(&path), &why) &&
		add_all(d, count, unique, str_of(arguments[4]), str_is(more, "old"));
	if (done && str_is(more, "friends"))
		done = befriend(d, count);
	if (!done)
		fprintf(stderr, "accounts: %s\n", why.n ? buf_cstr(&why) : d ? db_why(d) : "");
	db_close(&d);
	buf_free(&path);
	buf_free(&why);
	return done ? 0 : 1;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of accounts, what is kept of their passwords, and the server's secrets. */
#include "sm/store_account.h"

#include <string.h>
#include <time.h>

#include "common/rand.h"

#define SECRET_BYTES 32

static enum db_result put_verifier(struct db *d, struct str account, const struct verifier *v)
{
	struct stmt *s = db_stmt(d,
		"INSERT INTO verifier(jid, hash, salt, iterations, stored_key, server_key) "
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6)");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, v->hash);
	stmt_blob(s, 3, str_at(v->salt, sizeof v->salt));
	stmt_i64(s, 4, v->iterations);
	stmt_blob(s, 5, str_at(v->stored_key, hash_size(v->hash)));
	stmt_blob(s, 6, str_at(v->server_key, hash_size(v->hash)));
	return stmt_run(s);
}

static enum db_result put_value(struct db *d, struct str account, const struct credential *c)
{
	struct stmt *s = db_stmt(d, "INSERT INTO credential(jid, kind, value) VALUES(?1, ?2, ?3)");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, c->kind);
	stmt_blob(s, 3, c->value);
	return stmt_run(s);
}

/* But for the kinds in `have`. */
static enum db_result put_credentials(struct db *d, struct str account, struct str list,
	uint32_t have)
{
	enum db_result r = DB_OK;
	struct credential c;
	struct verifier v;

	while (r == DB_OK && credential_next(&list, &c)) {
		if (have & CREDENTIAL_BIT(c.kind))
			continue;
		if (credential_verifier(&c, &v))
			r = put_verifier(d, account, &v);
		else
			r = put_value(d, account, &c);
	}
	mem_wipe(&v, sizeof v);
	return r;
}

/* A statement whose one parameter is the account. */
static enum db_result run_on_account(struct db *d, const char *sql, struct str account)
{
	struct stmt *s = db_stmt(d, sql);

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	return stmt_run(s);
}

enum db_result store_account_add(struct db *d, struct str account, struct str credentials)
{
	struct stmt *s = db_stmt(d, "INSERT INTO account(jid, created) VALUES(?1, ?2)");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, (int64_t)time(NULL));
	r = stmt_run(s);
	return r == DB_OK ? put_credentials(d, account, credentials, 0) : r;
}

enum db_result store_account_passwd(struct db *d, struct str account, struct str credentials,
	bool *found)
{
	enum db_result r = store_account_exists(d, account, found);

	if (r != DB_OK || !*found)
		return r;
	r = run_on_account(d, "DELETE FROM verifier WHERE jid = ?1", account);
	if (r == DB_OK)
		r = run_on_account(d, "DELETE FROM credential WHERE jid = ?1", account);
	return r == DB_OK ? put_credentials(d, account, credentials, 0) : r;
}

enum db_result store_account_complete(struct db *d, struct str account,
	const struct verifier *proved, struct str credentials)
{
	struct verifier now;
	uint32_t have;
	bool found;
	enum db_result r = store_account_verifier(d, account, proved->hash, &now, &found);

	found = found && now.iterations &&
		same_bytes(now.stored_key, proved->stored_key, hash_size(proved->hash));
	mem_wipe(&now, sizeof now);
	if (r == DB_OK && found)
		r = store_account_kinds(d, account, &have);
	return r == DB_OK && found ? put_credentials(d, account, credentials, have) : r;
}

enum db_result store_account_mark(struct db *d, struct str account, struct password_mark *mark,
	bool *found)
{
	struct verifier v;
	enum db_result r = store_account_verifier(d, account, HASH_SHA1, &v, found);

	*found = r == DB_OK && *found && v.iterations;
	memcpy(mark->salt, v.salt, sizeof mark->salt);
	mem_wipe(&v, sizeof v);
	return r;
}

enum db_result store_account_add_missing(struct db *d, struct str account,
	const struct password_mark *mark, struct str credentials, bool *same)
{
	struct password_mark now;
	uint32_t have;
	enum db_result r = store_account_mark(d, account, &now, same);

	*same = *same && same_bytes(now.salt, mark->salt, sizeof now.salt);
	if (r == DB_OK && *same)
		r = store_account_kinds(d, account, &have);
	return r == DB_OK && *same ? put_credentials(d, account, credentials, have) : r;
}

enum db_result store_account_remove(struct db *d, struct str account, bool *found)
{
	enum db_result r = run_on_account(d, "DELETE FROM account WHERE jid = ?1", account);

	*found = r == DB_OK && db_changes(d) > 0;
	return r;
}

enum db_result store_account_disable(struct db *d, struct str account, bool disabled, bool *found)
{
	enum db_result r = run_on_account(d,
		disabled ? "UPDATE account SET disabled = 1 WHERE jid = ?1"
			 : "UPDATE account SET disabled = 0 WHERE jid = ?1",
		account);

	*found = r == DB_OK && db_changes(d) > 0;
	return r;
}

/* A row that is out of shape is damage, not an account without a password. */
static enum db_result read_verifier(struct stmt *s, struct verifier *v)
{
	struct str salt = stmt_col_blob(s, 2), stored = stmt_col_blob(s, 3),
		   server = stmt_col_blob(s, 4);
	int64_t iterations = stmt_col_i64(s, 1);
	size_t n = hash_size(v->hash);

	v->disabled = stmt_col_i64(s, 0) != 0;
	if (salt.n == 0)
		return DB_OK;
	if (salt.n != sizeof v->salt || stored.n != n || server.n != n || iterations < 1 ||
		iterations > UINT32_MAX)
		return DB_CORRUPT;
	v->iterations = (uint32_t)iterations;
	memcpy(v->salt, salt.p, salt.n);
	memcpy(v->stored_key, stored.p, n);
	memcpy(v->server_key, server.p, n);
	return DB_OK;
}

enum db_result store_account_verifier(struct db *d, struct str account, enum hash hash,
	struct verifier *v, bool *found)
{
	struct stmt *s = db_stmt(d,
		"SELECT a.disabled, v.iterations, v.salt, v.stored_key, v.server_key FROM account a "
		"LEFT JOIN verifier v ON v.jid = a.jid AND v.hash = ?2 WHERE a.jid = ?1");
	enum db_result r;

	*v = (struct verifier){.hash = hash};
	*found = false;
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, hash);
	r = stmt_step(s);
	*found = r == DB_ROW;
	if (r == DB_ROW)
		r = read_verifier(s, v);
	stmt_done(s);
	return r;
}

enum db_result store_account_kinds(struct db *d, struct str account, uint32_t *kinds)
{
	struct stmt *s = db_stmt(d,
		"SELECT hash FROM verifier WHERE jid = ?1 "
		"UNION ALL SELECT kind FROM credential WHERE jid = ?1");
	enum db_result r;

	*kinds = 0;
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	while ((r = stmt_step(s)) == DB_ROW) {
		int64_t kind = stmt_col_i64(s, 0);

		if (kind > 0 && kind < 32)
			*kinds |= CREDENTIAL_BIT(kind);
	}
	stmt_done(s);
	return r;
}

enum db_result store_account_credential(struct db *d, struct str account, enum credential_kind kind,
	uint8_t *out, size_t room, size_t *n, bool *disabled)
{
	struct stmt *s = db_stmt(d,
		"SELECT a.disabled, c.value FROM account a "
		"LEFT JOIN credential c ON c.jid = a.jid AND c.kind = ?2 WHERE a.jid = ?1");
	struct str value = STR_NONE;
	enum db_result r;

	*n = 0;
	*disabled = false;
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_i64(s, 2, kind);
	r = stmt_step(s);
	if (r == DB_ROW) {
		*disabled = stmt_col_i64(s, 0) != 0;
		value = stmt_col_blob(s, 1);
		r = value.n <= room ? DB_OK : DB_CORRUPT;
	}
	if (r == DB_OK && value.n)
		memcpy(out, value.p, *n = value.n);
	stmt_done(s);
	return r;
}

static bool is_same(const struct verifier *a, const struct verifier *b)
{
	size_t n = hash_size(a->hash);

	return a->iterations == b->iterations && same_bytes(a->salt, b->salt, sizeof a->salt) &&
		same_bytes(a->stored_key, b->stored_key, n) &&
		same_bytes(a->server_key, b->server_key, n);
}

enum db_result store_account_same(struct db *d, struct str account, struct str credentials,
	bool *same)
{
	enum db_result r = DB_OK;
	struct verifier given, kept;
	struct credential c;
	bool found = false;

	*same = true;
	while (r == DB_OK && credential_next(&credentials, &c)) {
		if (!credential_verifier(&c, &given))
			continue;
		r = store_account_verifier(d, account, given.hash, &kept, &found);
		*same = *same && r == DB_OK && found && is_same(&given, &kept);
		mem_wipe(&kept, sizeof kept);
		mem_wipe(&given, sizeof given);
	}
	return r;
}

enum db_result store_account_exists(struct db *d, struct str account, bool *found)
{
	struct stmt *s = db_stmt(d, "SELECT 1 FROM account WHERE jid = ?1");
	enum db_result r;

	*found = false;
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	r = stmt_step(s);
	*found = r == DB_ROW;
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

enum db_result store_account_standing(struct db *d, struct str account, int64_t since,
	enum standing *out)
{
	struct stmt *s = db_stmt(d, "SELECT disabled, created FROM account WHERE jid = ?1");
	enum db_result r;

	*out = STANDING_GONE;
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	r = stmt_step(s);
	if (r == DB_ROW && stmt_col_i64(s, 1) <= since)
		*out = stmt_col_i64(s, 0) ? STANDING_DISABLED : STANDING_GOOD;
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

enum db_result store_account_list(struct db *d, struct str after, unsigned most,
	void (*each)(void *ctx, struct str account, int64_t created, bool disabled), void *ctx)
{
	struct stmt *s = db_stmt(d,
		"SELECT jid, created, disabled FROM account WHERE jid > ?1 ORDER BY jid LIMIT ?2");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, after);
	stmt_i64(s, 2, most);
	while ((r = stmt_step(s)) == DB_ROW)
		each(ctx, stmt_col_text(s, 0), stmt_col_i64(s, 1), stmt_col_i64(s, 2) != 0);
	stmt_done(s);
	return r;
}

enum db_result store_account_rounds(struct db *d, enum hash hash, struct rounds *out, size_t room,
	size_t *n)
{
	struct stmt *s = db_stmt(d,
		"SELECT iterations, count(*) FROM (SELECT iterations FROM verifier WHERE hash = ?1 "
		"LIMIT 2000) GROUP BY iterations ORDER BY iterations");
	enum db_result r = DB_OK;
	uint32_t sum = 0;

	*n = 0;
	if (!s)
		return db_last(d);
	stmt_i64(s, 1, hash);
	while (*n < room && (r = stmt_step(s)) == DB_ROW) {
		sum += (uint32_t)stmt_col_i64(s, 1);
		out[(*n)++] = (struct rounds){(uint32_t)stmt_col_i64(s, 0), sum};
	}
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

static enum db_result make_secret(struct db *d, const char *name)
{
	struct stmt *s = db_stmt(d, "INSERT OR IGNORE INTO secret(name, value) VALUES(?1, ?2)");
	uint8_t value[SECRET_BYTES];
	enum db_result r;

	if (!s)
		return db_last(d);
	rand_bytes(value, sizeof value);
	stmt_text(s, 1, str_of(name));
	stmt_blob(s, 2, str_at(value, sizeof value));
	r = stmt_run(s);
	mem_wipe(value, sizeof value);
	return r;
}

enum db_result store_secret(struct db *d, const char *name, uint8_t out[32])
{
	enum db_result r = DB_OK;

	/* At most twice: what is absent is made, and then read, whoever made it. */
	for (int round = 0; round < 2 && r == DB_OK; round++) {
		struct stmt *s = db_stmt(d, "SELECT value FROM secret WHERE name = ?1");
		struct str value;

		if (!s)
			return db_last(d);
		stmt_text(s, 1, str_of(name));
		r = stmt_step(s);
		value = r == DB_ROW ? stmt_col_blob(s, 0) : STR_NONE;
		if (value.n == SECRET_BYTES)
			memcpy(out, value.p, SECRET_BYTES);
		stmt_done(s);
		if (r == DB_ROW)
			return value.n == SECRET_BYTES ? DB_OK : DB_CORRUPT;
		if (r == DB_OK)
			r = make_secret(d, name);
	}
	return r == DB_OK ? DB_FAILED : r;
}

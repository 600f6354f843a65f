/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of clients and their tokens. */
#include "sm/store_client.h"

#include <string.h>

/* Expired tokens are kept for so long, so that who comes back with one hears what is the matter. */
#define EXPIRED_SECONDS (30 * 86400)

/* --- reading ---------------------------------------------------------------------------------- */

/* A row that is out of shape is damage. */
static bool read_token(struct stmt *s, struct client_tokens *out)
{
	int64_t slot = stmt_col_i64(s, 2);
	struct str text = stmt_col_blob(s, 3), mechanism = stmt_col_text(s, 4);
	struct token *t;

	if (text.n == 0)
		return true; /* the account alone */
	if (slot < 0 || slot >= TOKEN_SLOTS || text.n != TOKEN_TEXT ||
		mechanism.n >= TOKEN_MECHANISM)
		return false;
	t = &out->token[slot];
	out->has[slot] = true;
	memcpy(t->text, text.p, text.n);
	memcpy(t->mechanism, mechanism.p, mechanism.n);
	t->made = stmt_col_i64(s, 5);
	t->expiry = stmt_col_i64(s, 6);
	t->count = stmt_col_i64(s, 7);
	return true;
}

enum db_result store_client_tokens(struct db *d, struct str account, struct str client,
	struct client_tokens *out)
{
	struct stmt *s = db_stmt(d,
		"SELECT a.disabled, c.last_seen, t.slot, t.token, t.mechanism, t.made, t.expiry, t.count "
		"FROM account a LEFT JOIN client c ON c.jid = a.jid AND c.id = ?2 "
		"LEFT JOIN token t ON t.jid = c.jid AND t.client = c.id WHERE a.jid = ?1");
	enum db_result r;

	*out = (struct client_tokens){0};
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_text(s, 2, client);
	while ((r = stmt_step(s)) == DB_ROW) {
		out->disabled = stmt_col_i64(s, 0) != 0;
		out->last_seen = stmt_col_i64(s, 1);
		if (!read_token(s, out)) {
			r = DB_CORRUPT;
			break;
		}
	}
	stmt_done(s);
	return r;
}

enum db_result store_client_each(struct db *d, struct str account,
	void (*each)(void *ctx, const struct client_row *c), void *ctx)
{
	struct stmt *s = db_stmt(d,
		"SELECT c.id, c.software, c.device, c.first_seen, c.last_seen, t.mechanism, max(t.expiry) "
		"FROM client c JOIN token t ON t.jid = c.jid AND t.client = c.id WHERE c.jid = ?1 "
		"GROUP BY c.id ORDER BY c.id");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	while ((r = stmt_step(s)) == DB_ROW) {
		struct client_row c = {.id = stmt_col_text(s, 0),
			.software = stmt_col_text(s, 1),
			.device = stmt_col_text(s, 2),
			.first_seen = stmt_col_i64(s, 3),
			.last_seen = stmt_col_i64(s, 4),
			.mechanism = stmt_col_text(s, 5),
			.expiry = stmt_col_i64(s, 6)};

		each(ctx, &c);
	}
	stmt_done(s);
	return r;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* A statement whose first two parameters are the client, and whose third is a number. */
static enum db_result run_on_client(struct db *d, const char *sql, struct str account,
	struct str client, int64_t number)
{
	struct stmt *s = db_stmt(d, sql);

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_text(s, 2, client);
	stmt_i64(s, 3, number);
	return stmt_run(s);
}

enum db_result store_client_remove(struct db *d, struct str account, struct str client, bool *found)
{
	struct stmt *s = db_stmt(d, "DELETE FROM client WHERE jid = ?1 AND id = ?2");
	enum db_result r;

	*found = false;
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_text(s, 2, client);
	r = stmt_run(s);
	*found = r == DB_OK && db_changes(d) > 0;
	return r;
}

/* Only the very token that was judged, and only a count that is higher than the last one. */
static enum db_result count_use(struct db *d, struct str account, struct str client,
	const struct token *t, const struct token_use *use, bool *fits)
{
	struct stmt *s = db_stmt(d,
		"UPDATE token SET count = max(count, ?5) WHERE jid = ?1 AND client = ?2 AND slot = ?3 "
		"AND token = ?4 AND (?5 = 0 OR count < ?5)");
	enum db_result r;

	*fits = false;
	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_text(s, 2, client);
	stmt_i64(s, 3, use->slot);
	stmt_blob(s, 4, str_at(t->text, TOKEN_TEXT));
	stmt_i64(s, 5, use->count);
	r = stmt_run(s);
	*fits = r == DB_OK && db_changes(d) > 0;
	return r;
}

static enum db_result promote(struct db *d, struct str account, struct str client)
{
	enum db_result r = run_on_client(d,
		"DELETE FROM token WHERE jid = ?1 AND client = ?2 AND slot = ?3", account, client,
		TOKEN_CURRENT);

	if (r != DB_OK)
		return r;
	return run_on_client(d, "UPDATE token SET slot = ?3 WHERE jid = ?1 AND client = ?2",
		account, client, TOKEN_CURRENT);
}

enum db_result store_client_use(struct db *d, struct str account, struct str client,
	const struct token *t, const struct token_use *use, bool *fits)
{
	enum db_result r = count_use(d, account, client, t, use, fits);
	bool found;

	if (r != DB_OK || !*fits)
		return r;
	if (use->invalidate)
		return store_client_remove(d, account, client, &found);
	if (use->slot == TOKEN_NEW)
		r = promote(d, account, client);
	if (r != DB_OK)
		return r;
	return run_on_client(d,
		"UPDATE client SET last_seen = max(last_seen, ?3) WHERE jid = ?1 AND id = ?2",
		account, client, use->now);
}

static enum db_result put_client(struct db *d, struct str account, const struct client_row *c)
{
	struct stmt *s = db_stmt(d,
		"INSERT INTO client(jid, id, software, device, first_seen, last_seen) "
		"VALUES(?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT(jid, id) DO UPDATE SET "
		"software = excluded.software, device = excluded.device, last_seen = excluded.last_seen");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_text(s, 2, c->id);
	stmt_text(s, 3, c->software);
	stmt_text(s, 4, c->device);
	stmt_i64(s, 5, c->last_seen);
	return stmt_run(s);
}

static enum db_result put_token(struct db *d, struct str account, struct str client,
	const struct token *t)
{
	struct stmt *s = db_stmt(d,
		"INSERT OR REPLACE INTO token(jid, client, slot, token, mechanism, made, expiry, count) "
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)");

	if (!s)
		return db_last(d);
	stmt_text(s, 1, account);
	stmt_text(s, 2, client);
	stmt_i64(s, 3, TOKEN_NEW);
	stmt_blob(s, 4, str_at(t->text, TOKEN_TEXT));
	stmt_text(s, 5, str_of(t->mechanism));
	stmt_i64(s, 6, t->made);
	stmt_i64(s, 7, t->expiry);
	return stmt_run(s);
}

/* Clients all of whose tokens have expired long ago. */
static enum db_result prune(struct db *d, int64_t before)
{
	struct stmt *s = db_stmt(d,
		"DELETE FROM client WHERE (jid, id) IN (SELECT jid, client FROM token WHERE expiry < ?1) "
		"AND NOT EXISTS (SELECT 1 FROM token t WHERE t.jid = client.jid AND "
		"t.client = client.id AND t.expiry >= ?1)");

	if (!s)
		return db_last(d);
	stmt_i64(s, 1, before);
	return stmt_run(s);
}

enum db_result store_client_issue(struct db *d, struct str account, const struct client_row *c,
	const struct token *t, unsigned most)
{
	enum db_result r = put_client(d, account, c);

	if (r == DB_OK)
		r = put_token(d, account, c->id, t);
	if (r == DB_OK)
		r = prune(d, t->made - EXPIRED_SECONDS);
	if (r != DB_OK)
		return r;
	return run_on_client(d,
		"DELETE FROM client WHERE jid = ?1 AND id IN (SELECT id FROM client WHERE jid = ?1 AND "
		"id <> ?2 ORDER BY last_seen DESC, id LIMIT -1 OFFSET ?3)",
		account, c->id, (int64_t)most - 1);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The steps of store.db, and how steps are taken. A step that was released is never changed: what
 * it did wrong is mended by the next one. */
#include "sm/schema.h"

#include "common/log.h"
#include "sm/store_account.h"

static const struct schema_step store_steps[] = {
	{"accounts and secrets",
		"CREATE TABLE account("
		" jid TEXT PRIMARY KEY,"     /* bare, prepared */
		" created INTEGER NOT NULL," /* seconds since 1970 */
		" disabled INTEGER NOT NULL DEFAULT 0"
		") STRICT, WITHOUT ROWID;"
		"CREATE TABLE verifier(" /* RFC 5802 3: one for each hash */
		" jid TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
		" hash INTEGER NOT NULL," /* enum hash */
		" salt BLOB NOT NULL,"
		" iterations INTEGER NOT NULL,"
		" stored_key BLOB NOT NULL,"
		" server_key BLOB NOT NULL,"
		" PRIMARY KEY(jid, hash)"
		") STRICT, WITHOUT ROWID;"
		"CREATE TABLE secret(" /* of the server, made at first use */
		" name TEXT PRIMARY KEY,"
		" value BLOB NOT NULL"
		") STRICT, WITHOUT ROWID;"},
	{"credentials of other mechanisms",
		"CREATE TABLE credential("
		" jid TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
		" kind INTEGER NOT NULL," /* common/credential.def */
		" value BLOB NOT NULL,"
		" PRIMARY KEY(jid, kind)"
		") STRICT, WITHOUT ROWID;"},
	{"clients and their tokens",
		"CREATE TABLE client(" /* an installation (XEP-0388 2.4) that has a token */
		" jid TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
		" id TEXT NOT NULL,"
		" software TEXT NOT NULL,"
		" device TEXT NOT NULL,"
		" first_seen INTEGER NOT NULL," /* seconds since 1970, as all times */
		" last_seen INTEGER NOT NULL,"  /* to the hour */
		" PRIMARY KEY(jid, id)"
		") STRICT, WITHOUT ROWID;"
		"CREATE TABLE token(" /* FAST (XEP-0484) */
		" jid TEXT NOT NULL,"
		" client TEXT NOT NULL,"
		" slot INTEGER NOT NULL," /* enum token_slot */
		" token BLOB NOT NULL,"
		" mechanism TEXT NOT NULL,"
		" made INTEGER NOT NULL,"
		" expiry INTEGER NOT NULL,"
		" count INTEGER NOT NULL,"
		" PRIMARY KEY(jid, client, slot),"
		" FOREIGN KEY(jid, client) REFERENCES client(jid, id) ON DELETE CASCADE"
		") STRICT, WITHOUT ROWID;"
		"CREATE INDEX token_by_expiry ON token(expiry);"
		/* Tokens go with the password that they were given for, whoever changes it. */
		"CREATE TRIGGER tokens_end_with_verifier AFTER DELETE ON verifier BEGIN"
		" DELETE FROM client WHERE jid = old.jid; END;"
		"CREATE TRIGGER tokens_end_with_account AFTER UPDATE OF disabled ON account"
		" WHEN new.disabled BEGIN DELETE FROM client WHERE jid = new.jid; END;"},
	{"offline messages",
		"ALTER TABLE account ADD COLUMN offline INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE account ADD COLUMN offline_bytes INTEGER NOT NULL DEFAULT 0;"
		"CREATE INDEX account_offline ON account(jid) WHERE offline > 0;"
		"CREATE TABLE offline(" /* account.offline and offline_bytes count and sum them */
		" jid TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
		" id INTEGER NOT NULL," /* grows with time: milliseconds since 2020 << 22, and more */
		" xml BLOB NOT NULL,"   /* canonical, with from, to and delay */
		" PRIMARY KEY(jid, id)"
		") STRICT, WITHOUT ROWID;"},
	{"rosters",
		"ALTER TABLE account ADD COLUMN roster_version INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE account ADD COLUMN roster_floor INTEGER NOT NULL DEFAULT 0;"
		"CREATE TABLE roster(" /* sm/store_roster.h */
		" jid TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
		" contact TEXT NOT NULL,"    /* bare, prepared */
		" state INTEGER NOT NULL,"   /* sm/subscription.h */
		" version INTEGER NOT NULL," /* of the roster, when this row changed last */
		" name TEXT NOT NULL,"
		" groups BLOB NOT NULL,"  /* each ended by a NUL */
		" request BLOB NOT NULL," /* the presence that waits for an answer; or empty */
		" PRIMARY KEY(jid, contact)"
		") STRICT, WITHOUT ROWID;"
		"CREATE INDEX roster_by_contact ON roster(contact);"
		"CREATE INDEX roster_gone ON roster(jid, version) WHERE state & 64;"
		"CREATE INDEX roster_requests ON roster(jid) WHERE state & 8;"},
	{"errands and private storage",
		"CREATE TABLE errand(" /* what was done for one that may be held yet (errand.h) */
		" id INTEGER PRIMARY KEY,"
		" result BLOB NOT NULL"
		") STRICT;"
		"CREATE TABLE private(" /* XEP-0049 */
		" jid TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
		" ns TEXT NOT NULL," /* of the element, escaped as in a value */
		" name TEXT NOT NULL,"
		" xml BLOB NOT NULL," /* canonical */
		" PRIMARY KEY(jid, ns, name)"
		") STRICT, WITHOUT ROWID;"},
	{"vCards",
		"CREATE TABLE vcard("
		" jid TEXT PRIMARY KEY REFERENCES account(jid) ON DELETE CASCADE,"
		" xml BLOB NOT NULL" /* the element, canonical */
		") STRICT, WITHOUT ROWID;"},
	{"block lists",
		"CREATE TABLE block(" /* XEP-0191 */
		" jid TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
		" contact TEXT NOT NULL," /* prepared: full, bare or a domain */
		" PRIMARY KEY(jid, contact)"
		") STRICT, WITHOUT ROWID;"},
	{"last activity, and the message of the day",
		"CREATE TABLE last(" /* XEP-0012 */
		" jid TEXT PRIMARY KEY REFERENCES account(jid) ON DELETE CASCADE,"
		" left_at INTEGER NOT NULL," /* seconds since 1970: no session was available any more */
		" status TEXT NOT NULL"
		") STRICT, WITHOUT ROWID;"
		"CREATE TABLE motd(" /* one row, from the first one on */
		" one INTEGER PRIMARY KEY CHECK(one = 1),"
		" number INTEGER NOT NULL," /* how many there have been */
		" body TEXT NOT NULL"       /* empty: there is none now */
		") STRICT;"
		"CREATE TABLE motd_had(" /* the newest one that an account was given */
		" jid TEXT PRIMARY KEY REFERENCES account(jid) ON DELETE CASCADE,"
		" number INTEGER NOT NULL"
		") STRICT, WITHOUT ROWID;"},
	{"shared roster groups",
		"CREATE TABLE shared_group(" /* sm/share.h */
		" name TEXT NOT NULL,"
		" jid TEXT NOT NULL REFERENCES account(jid) ON DELETE CASCADE,"
		" PRIMARY KEY(name, jid)"
		") STRICT, WITHOUT ROWID;"
		"CREATE INDEX shared_group_by_jid ON shared_group(jid);"
		"ALTER TABLE roster ADD COLUMN shared BLOB NOT NULL DEFAULT x'';"},
};

static bool failed(struct db *d, const char *path, struct buf *why)
{
	buf_printf(why, "%s: %s", path, db_why(d));
	return false;
}

static bool version_of(struct db *d, const char *path, int64_t *version, struct buf *why)
{
	return db_number(d, "PRAGMA user_version", version) == DB_OK || failed(d, path, why);
}

/* A database of somebody else must not be built upon. */
static bool is_ours(struct db *d, const char *path, struct buf *why)
{
	int64_t application, tables;

	if (db_number(d, "PRAGMA application_id", &application) != DB_OK ||
		db_number(d, "SELECT count(*) FROM sqlite_schema", &tables) != DB_OK)
		return failed(d, path, why);
	if (application == SCHEMA_APPLICATION || (application == 0 && tables == 0))
		return true;
	buf_printf(why, "%s: is a database of another program", path);
	return false;
}

static bool copy_before(struct db *d, const char *path, size_t step, struct buf *why)
{
	struct buf to = {0};
	bool done;

	buf_printf(&to, "%s.before-%zu", path, step);
	done = db_copy(d, buf_cstr(&to), why);
	buf_free(&to);
	return done;
}

/* Within a transaction, so that of two processes one takes the step and the other finds it
 * taken. */
static bool take_step(struct db *d, const char *path, const struct schema_step *step, size_t number,
	struct buf *why)
{
	struct buf mark = {0};
	int64_t version = 0;
	bool done = db_exec(d, "BEGIN IMMEDIATE") == DB_OK &&
		db_number(d, "PRAGMA user_version", &version) == DB_OK;

	buf_printf(&mark, "PRAGMA application_id=%d; PRAGMA user_version=%zu; COMMIT",
		SCHEMA_APPLICATION, number);
	if (done && version >= (int64_t)number)
		done = db_exec(d, "ROLLBACK") == DB_OK;
	else if (done)
		done = db_exec(d, step->sql) == DB_OK && db_exec(d, buf_cstr(&mark)) == DB_OK;
	buf_free(&mark);
	if (done) {
		log_event(migrate, LOG_TEXT("path", path), LOG_U64("schema", number),
			LOG_TEXT("what", step->what));
		return true;
	}
	failed(d, path, why);
	if (db_in_transaction(d) && db_exec(d, "ROLLBACK") != DB_OK)
		buf_puts(why, "; nor could it be undone");
	return false;
}

bool schema_apply(struct db *d, const char *path, const struct schema_step *steps, size_t n,
	struct buf *why)
{
	int64_t version;

	if (!is_ours(d, path, why) || !version_of(d, path, &version, why))
		return false;
	if (version < 0 || version > (int64_t)n) {
		buf_printf(why,
			"%s: has schema %lld, this program knows up to %zu: it was used by a newer one",
			path, (long long)version, n);
		return false;
	}
	for (size_t i = (size_t)version; i < n; i++) {
		if (version > 0 && !copy_before(d, path, i + 1, why))
			return false;
		if (!take_step(d, path, &steps[i], i + 1, why))
			return false;
	}
	return true;
}

bool store_migrate(struct db *d, const char *path, struct buf *why)
{
	return schema_apply(d, path, store_steps, COUNT(store_steps), why);
}

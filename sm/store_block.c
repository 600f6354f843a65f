/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of block lists. An errand's iq has its items as mod_blocking.c has prepared them. */
#include "sm/store_block.h"

#include "common/emit.h"
#include "common/jid.h"
#include "common/stanza.h"
#include "common/xml.h"
#include "sm/errand.h"

enum db_result store_block_all(struct db *d,
	void (*each)(void *ctx, struct str account, struct str jid), void *ctx)
{
	struct stmt *s = db_stmt(d, "SELECT jid, contact FROM block");
	enum db_result r;

	if (!s)
		return db_last(d);
	while ((r = stmt_step(s)) == DB_ROW)
		each(ctx, stmt_col_text(s, 0), stmt_col_text(s, 1));
	stmt_done(s);
	return r;
}

enum db_result store_block_denies(struct db *d, struct str account, struct str other, bool *denies)
{
	struct stmt *s = db_stmt(d, "SELECT 1 FROM block WHERE jid = ?1 AND contact IN (?2, ?3)");
	enum db_result r;
	struct jid who;

	*denies = false;
	if (!s)
		return db_last(d);
	if (!jid_split(other, &who))
		return DB_FAILED;
	stmt_text(s, 1, account);
	stmt_text(s, 2, other);
	stmt_text(s, 3, jid_domain(who));
	r = stmt_step(s);
	*denies = r == DB_ROW;
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

enum db_result blocklist_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct stmt *s = db_stmt(d, "SELECT contact FROM block WHERE jid = ?1 ORDER BY contact");
	struct emit m = emit_to(result);
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, e->account);
	emit_start_ns(&m, "blocklist", NS_blocking);
	while ((r = stmt_step(s)) == DB_ROW) {
		emit_start(&m, "item");
		emit_attr(&m, "jid", stmt_col_text(s, 0));
		emit_end(&m);
	}
	emit_end(&m);
	stmt_done(s);
	return r;
}

static enum db_result run_item(struct db *d, struct stmt *s, const struct errand *e,
	struct str contact, struct buf *changed)
{
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, e->account);
	stmt_text(s, 2, contact);
	r = stmt_run(s);
	if (r == DB_OK && db_changes(d) > 0) {
		buf_u32(changed, (uint32_t)contact.n);
		buf_put(changed, contact);
	}
	return r;
}

/* Each item of the errand's list; what that changed goes to `changed`. */
static enum db_result each_item(struct db *d, const struct errand *e, const char *sql,
	struct buf *changed)
{
	struct xml *x = xml_parse(e->xml);
	const struct xml_node *list = x ? xml_child(xml_root(x), NS_blocking, NULL) : NULL;
	const struct xml_node *i = list ? xml_child(list, NS_blocking, "item") : NULL;
	enum db_result r = list ? DB_OK : DB_FAILED;

	for (; r == DB_OK && i; i = xml_next(i, NS_blocking, "item"))
		r = run_item(d, db_stmt(d, sql), e, xml_attr(i, "jid"), changed);
	xml_free(&x);
	return r;
}

static enum db_result is_over(struct db *d, const struct errand *e, bool *over)
{
	struct stmt *s = db_stmt(d,
		"SELECT count(*) > ?2 OR coalesce(sum(length(CAST(contact AS BLOB))), 0) > ?2 * 100 "
		"FROM block WHERE jid = ?1");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, e->account);
	stmt_i64(s, 2, e->most.blocked_contacts);
	r = stmt_step(s);
	*over = r == DB_ROW && stmt_col_i64(s, 0);
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

/* The result: one byte, 1 where there was no room; then those that were not blocked before. */
enum db_result block_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct buf changed = {0};
	bool over = false;
	enum db_result r = db_exec(d, "SAVEPOINT block");

	if (r == DB_OK)
		r = each_item(d, e, "INSERT OR IGNORE INTO block(jid, contact) VALUES(?1, ?2)",
			&changed);
	if (r == DB_OK && changed.n)
		r = is_over(d, e, &over);
	if (r == DB_OK && over)
		r = db_exec(d, "ROLLBACK TO block");
	if (r == DB_OK)
		r = db_exec(d, "RELEASE block");
	buf_u8(result, over);
	if (!over)
		buf_put(result, buf_str(&changed));
	buf_free(&changed);
	return r;
}

static enum db_result list_all(struct db *d, const struct errand *e, struct buf *changed)
{
	struct stmt *s = db_stmt(d, "SELECT contact FROM block WHERE jid = ?1 ORDER BY contact");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, e->account);
	while ((r = stmt_step(s)) == DB_ROW) {
		struct str contact = stmt_col_text(s, 0);

		buf_u32(changed, (uint32_t)contact.n);
		buf_put(changed, contact);
	}
	stmt_done(s);
	return r;
}

static enum db_result remove_all(struct db *d, const struct errand *e, struct buf *changed)
{
	enum db_result r = list_all(d, e, changed);
	struct stmt *s = r == DB_OK ? db_stmt(d, "DELETE FROM block WHERE jid = ?1") : NULL;

	if (!s)
		return r == DB_OK ? db_last(d) : r;
	stmt_text(s, 1, e->account);
	return stmt_run(s);
}

/* The result: those that were blocked. Without items: all. */
enum db_result unblock_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct stanza iq, list;

	if (!stanza_view(e->xml, &iq) || iq.child_count == 0 ||
		!stanza_view(iq.child[0].whole, &list))
		return DB_FAILED;
	if (list.child_count == 0)
		return remove_all(d, e, result);
	return each_item(d, e, "DELETE FROM block WHERE jid = ?1 AND contact = ?2", result);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of private XML storage (mod_private.c). Names and namespaces are as canonical bytes have
 * them, which is one way only. */
#include "common/ns.h"
#include "common/stanza.h"
#include "sm/errand.h"

/* The <query/> in an errand's iq. */
static bool view_query(const struct errand *e, struct stanza *query)
{
	struct stanza iq;

	return stanza_view(e->xml, &iq) && iq.child_count && stanza_view(iq.child[0].whole, query);
}

static void bind_key(struct stmt *s, const struct errand *e, const struct stanza_child *c)
{
	stmt_text(s, 1, e->account);
	stmt_text(s, 2, c->ns_uri);
	stmt_text(s, 3, c->name);
}

static void put_empty(struct buf *out, const struct stanza_child *c)
{
	buf_putc(out, '<');
	buf_put(out, c->name);
	buf_puts(out, " xmlns=\"");
	buf_put(out, c->ns_uri);
	buf_puts(out, "\"/>");
}

static enum db_result get(struct db *d, const struct errand *e, const struct stanza_child *c,
	struct buf *out)
{
	struct stmt *s = db_stmt(d,
		"SELECT xml FROM private WHERE jid = ?1 AND ns = ?2 AND name = ?3");
	enum db_result r;

	if (!s)
		return db_last(d);
	bind_key(s, e, c);
	r = stmt_step(s);
	if (r == DB_ROW)
		buf_put(out, stmt_col_blob(s, 0));
	else
		put_empty(out, c);
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

enum db_result private_get_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct stanza query;
	struct stanza_child c;
	struct str rest;
	enum db_result r;

	if (!view_query(e, &query))
		return DB_FAILED;
	rest = query.inner;
	if (!stanza_take_child(&query, &rest, &c))
		return DB_FAILED;
	buf_printf(result, "<query xmlns=\"%s\">", ns_uri(NS_private).p);
	r = get(d, e, &c, result);
	buf_puts(result, "</query>");
	return r;
}

static enum db_result forget(struct db *d, const struct errand *e, const struct stanza_child *c)
{
	struct stmt *s = db_stmt(d, "DELETE FROM private WHERE jid = ?1 AND ns = ?2 AND name = ?3");

	if (!s)
		return db_last(d);
	bind_key(s, e, c);
	return stmt_run(s);
}

static bool is_empty(const struct stanza_child *c)
{
	struct buf empty = {0};
	bool same;

	put_empty(&empty, c);
	same = str_eq(c->whole, buf_str(&empty));
	buf_free(&empty);
	return same;
}

/* Several of one name in one set are kept together. */
static enum db_result add(struct db *d, const struct errand *e, const struct stanza_child *c)
{
	struct stmt *s = db_stmt(d,
		"INSERT INTO private(jid, ns, name, xml) VALUES(?1, ?2, ?3, ?4) "
		"ON CONFLICT DO UPDATE SET xml = CAST(xml || excluded.xml AS BLOB)");

	if (!s)
		return db_last(d);
	bind_key(s, e, c);
	stmt_blob(s, 4, c->whole);
	return stmt_run(s);
}

static enum db_result set(struct db *d, const struct errand *e, const struct stanza *query)
{
	struct str rest = query->inner;
	struct stanza_child c;
	enum db_result r = DB_OK;

	while (r == DB_OK && stanza_take_child(query, &rest, &c))
		r = forget(d, e, &c);
	rest = query->inner;
	while (r == DB_OK && stanza_take_child(query, &rest, &c)) {
		if (!is_empty(&c))
			r = add(d, e, &c);
	}
	return r;
}

static enum db_result is_over(struct db *d, const struct errand *e, bool *over)
{
	struct stmt *s = db_stmt(d,
		"SELECT count(*) > ?2 OR coalesce(sum(length(xml)), 0) > ?3 FROM private WHERE jid = ?1");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, e->account);
	stmt_i64(s, 2, e->most.private_elements);
	stmt_i64(s, 3, e->most.private_bytes);
	r = stmt_step(s);
	*over = r == DB_ROW && stmt_col_i64(s, 0);
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

enum db_result private_set_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct stanza query;
	bool over = false;
	enum db_result r;

	if (!view_query(e, &query))
		return DB_FAILED;
	r = db_exec(d, "SAVEPOINT private");
	if (r == DB_OK)
		r = set(d, e, &query);
	if (r == DB_OK)
		r = is_over(d, e, &over);
	if (r == DB_OK && over)
		r = db_exec(d, "ROLLBACK TO private");
	if (r == DB_OK)
		r = db_exec(d, "RELEASE private");
	buf_u8(result, over);
	return r;
}

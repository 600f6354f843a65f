/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SQL of vCards (mod_vcard.c). */
#include "common/stanza.h"
#include "sm/errand.h"

enum db_result vcard_get_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct stmt *s = db_stmt(d, "SELECT xml FROM vcard WHERE jid = ?1");
	enum db_result r;

	if (!s)
		return db_last(d);
	stmt_text(s, 1, e->account);
	r = stmt_step(s);
	if (r == DB_ROW)
		buf_put(result, stmt_col_blob(s, 0));
	stmt_done(s);
	return r == DB_ROW ? DB_OK : r;
}

enum db_result vcard_set_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct stmt *s = db_stmt(d,
		"INSERT INTO vcard(jid, xml) VALUES(?1, ?2) ON CONFLICT DO UPDATE SET xml = excluded.xml");
	struct stanza iq;

	(void)result;
	if (!s)
		return db_last(d);
	if (!stanza_view(e->xml, &iq) || iq.child_count == 0)
		return DB_FAILED;
	stmt_text(s, 1, e->account);
	stmt_blob(s, 2, iq.child[0].whole);
	return stmt_run(s);
}

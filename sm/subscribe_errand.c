/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The writer's half of the errands about rosters (errand.def). Their results: u8 condition, and the
 * acts. */
#include "sm/errand.h"
#include "sm/roster_act.h"
#include "sm/subscribe.h"

#include "common/jid.h"
#include "common/xml.h"

static struct subscribe_limits limits_of(const struct errand *e)
{
	return (struct subscribe_limits){
		e->most.roster_items, e->most.roster_bytes, e->most.roster_requests};
}

static void put_result(struct buf *result, enum cond why, struct buf *acts)
{
	buf_u8(result, (uint8_t)why);
	buf_put(result, buf_str(acts));
	buf_free(acts);
}

enum db_result roster_get_store(struct db *d, const struct errand *e, struct buf *result)
{
	(void)d;
	(void)e;
	(void)result;
	return DB_OK;
}

enum db_result roster_set_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct subscribe_limits most = limits_of(e);
	struct roster_wish w = {0};
	enum cond why = STANZA_internal_server_error;
	enum db_result r = DB_OK;
	struct buf acts = {0};
	struct stanza view;

	xml_thread_start();
	if (stanza_view(e->xml, &view))
		why = roster_wish_read(view.child[0].whole, e->account, NULL, &w);
	if (why == COND_none)
		r = roster_wish_store(d, e->account, &w, e->id, &most, &acts, &why);
	put_result(result, why, &acts);
	buf_free(&w.store);
	return r;
}

enum db_result subscription_store(struct db *d, const struct errand *e, struct buf *result)
{
	struct subscribe_limits most = limits_of(e);
	enum cond why = STANZA_internal_server_error;
	enum db_result r = DB_OK;
	struct buf acts = {0};
	struct stanza view;
	struct jid sender;

	if (stanza_view(e->xml, &view) && jid_split(e->sender, &sender))
		r = subscribe(d, jid_bare(sender), e->account, &view, e->id, &most, &acts, &why);
	put_result(result, why, &acts);
	return r;
}

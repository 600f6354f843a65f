/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Acts done: what the store has decided reaches memory, clients and contacts. */
#include "sm/module.h"
#include "sm/roster_act.h"
#include "sm/roster_item.h"

static void add_interested(struct house *h, const struct account *a)
{
	for (const struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (s->row.flags & SESSION_INTERESTED)
			fan_add(h, s);
	}
}

static void run_row(struct house *h, bool push, struct str account, struct str bytes)
{
	struct roster_row row;
	struct buf *out;

	if (!roster_row_take(&bytes, &row))
		return;
	roster_changed(h, account, &row);
	if (!push)
		return;
	out = house_scratch(h);
	roster_push_put(out, &row);
	add_interested(h, account_by_jid(h->sessions, account));
	fan_send_own(h, buf_str(out), FAN_FULL);
}

/* Between two of whom one blocks the other, whatever made the stanza (XEP-0191 3.3)? */
static bool is_blocked(const struct house *h, struct str account, struct str xml)
{
	struct jid sender, receiver;
	struct buf from = {0};
	struct stanza s;
	bool blocked = false;

	if (stanza_view_start(xml, &s))
		stanza_value(&from, s.from.value);
	if (jid_split(buf_str(&from), &sender) && jid_split(account, &receiver))
		blocked = block_denies(h, account, sender) ||
			block_denies(h, jid_bare(sender), receiver);
	buf_free(&from);
	return blocked;
}

static void run_deliver(struct house *h, enum act_who who, struct str account, struct str xml)
{
	const struct account *a = account_by_jid(h->sessions, account);

	if (is_blocked(h, account, xml))
		return;
	if (who == ACT_INTERESTED)
		add_interested(h, a);
	else
		fan_add_account(h, a, NULL);
	fan_send(h, xml);
}

static void run_presence(struct house *h, bool show, struct str of, struct str to)
{
	const struct account *a = account_by_jid(h->sessions, of);
	const struct account *b = account_by_jid(h->sessions, to);

	for (const struct session *s = a && b ? a->oldest : NULL; s; s = s->next) {
		if (!s->row.available)
			continue;
		fan_add_seeing(h, b, s);
		fan_send_own(h, show ? s->row.presence : presence_unavailable(h, s, NULL, STR_NONE),
			FAN_BARE);
	}
}

static void run(struct house *h, const struct act *a)
{
	switch (a->kind) {
	case ACT_ROW:
		run_row(h, a->detail, a->account, a->rest);
		break;
	case ACT_DELIVER:
		run_deliver(h, (enum act_who)a->detail, a->account, a->rest);
		break;
	case ACT_SHOW:
	case ACT_HIDE:
		run_presence(h, a->kind == ACT_SHOW, a->account, a->rest);
		break;
	}
}

void acts_run(struct house *h, struct str acts)
{
	struct act a;

	while (act_take(&acts, &a))
		run(h, &a);
}

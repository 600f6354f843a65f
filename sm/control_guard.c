/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Commands about failed logins (guard.h). */
#include "common/jid.h"
#include "sm/control_work.h"
#include "sm/guard.h"

#define ROWS 256 /* of a piece */

static int64_t seconds(uint64_t ms)
{
	return (int64_t)((ms + 999) / 1000);
}

static void report_ban(struct buf *out, const struct guard_row *row)
{
	report_row(out);
	report_text(out, str_of(row->name));
	report_text(out, row->is_account ? STR("account") : STR("address"));
	report_text(out, row->refused_ms ? STR("refused") : STR("delayed"));
	report_number(out, row->failures);
	report_number(out, seconds(row->refused_ms));
	report_number(out, (int64_t)row->delay_ms);
	report_row_end(out);
}

static void more_bans(struct control_client *c)
{
	struct guard_row row;

	for (unsigned n = 0; n < ROWS; n++) {
		if (!guard_next(c->house->guard, c->own, &row)) {
			control_end(c);
			return;
		}
		report_ban(&c->out, &row);
	}
}

static void free_own(struct control_client *c)
{
	mem_free(c->own);
}

void control_bans(struct control_client *c)
{
	c->own = mem_new(sizeof(size_t));
	c->more_free = free_own;
	c->more = more_bans;
	report_head(&c->out, 0, NULL);
	report_list(&c->out, "bans", "who:i kind:s state:s failures:n left:d delay_ms:n");
}

void control_unban(struct control_client *c)
{
	struct str whom = c->request.arguments[0];
	struct buf store = {0};
	struct jid account;

	if (str_find(whom, '@') < whom.n)
		whom = jid_parse(whom, &store, &account) ? jid_bare(account) : STR_NONE;
	if (whom.n && guard_pardon(c->house->guard, whom))
		control_say(c, 0, "its failed logins are forgotten");
	else
		control_say(c, 1, "no failed logins are known of it");
	buf_free(&store);
}

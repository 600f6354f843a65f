/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A job of the writing desk for each. */
#include "sm/completion.h"

#include "sm/credential_judge.h"
#include "sm/store_account.h"

#define WAITING_MOST 1024 /* what is left out comes again with the next login */

struct completion {
	struct job job;
	struct house *house;
	struct buf account, list;
	struct verifier proved;
};

static enum db_result run(struct job *job, struct db *d)
{
	struct completion *c = (struct completion *)job;

	return store_account_complete(d, buf_str(&c->account), &c->proved, buf_str(&c->list));
}

static void done(struct job *job)
{
	struct completion *c = (struct completion *)job;

	c->house->completions--;
	buf_free(&c->account);
	buf_wipe(&c->list);
	mem_wipe(&c->proved, sizeof c->proved);
	mem_free(c);
}

/* Of a list that is in order, those that the domain wants. */
static bool choose(struct buf *out, struct str list, const struct house *h,
	const struct conf_domain *domain)
{
	struct credential_rules rules;
	struct credential one;

	if (!domain || !credential_judge(h->conf, list, 0))
		return false;
	credential_rules(&rules, h->conf, domain);
	while (credential_next(&list, &one)) {
		if (rules.kinds & CREDENTIAL_BIT(one.kind))
			credential_put(out, one.kind, one.value);
	}
	return out->n > 0;
}

void completion_start(struct house *h, struct str account, const struct verifier *proved,
	struct str list)
{
	struct completion *c;
	struct buf chosen = {0};
	struct str local, name;

	str_cut(account, '@', &local, &name);
	if (h->completions >= WAITING_MOST ||
		!choose(&chosen, list, h, conf_domain(h->conf, name))) {
		buf_wipe(&chosen);
		return;
	}
	c = mem_new(sizeof *c);
	c->house = h;
	h->completions++;
	c->job.run = run;
	c->job.done = done;
	buf_put(&c->account, account);
	buf_take(&c->list, &chosen);
	c->proved = *proved;
	desk_give(h->writer, &c->job);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Commands by which the operator speaks to users. */
#include "common/conf.h"
#include "sm/announce.h"
#include "sm/control_work.h"
#include "sm/house.h"
#include "sm/store_motd.h"

/* It becomes a message's body. */
static bool is_text(struct control_client *c, struct str s)
{
	bool good = s.n > 0 && s.n <= ANNOUNCE_MOST && control_is_text(s, true);

	if (!good)
		control_say(c, 64,
			"a text is UTF-8 without control characters, of at most 10000 bytes");
	return good;
}

void control_announce(struct control_client *c)
{
	const struct str *domain = request_option(&c->request, "domain");
	struct buf words = {0};
	unsigned n;

	if (!is_text(c, c->request.arguments[0]))
		return;
	if (domain && !conf_domain(c->house->conf, *domain)) {
		control_say(c, 1, "there is no such domain");
		return;
	}
	n = announce_all(c->house, domain ? *domain : STR_NONE, c->request.arguments[0]);
	house_touch(c->house);
	buf_printf(&words, "told %u session%s", n, n == 1 ? "" : "s");
	control_say(c, 0, buf_cstr(&words));
	buf_free(&words);
}

/* --- the message of the day ------------------------------------------------------------------ */

static enum db_result run_set(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;

	return store_motd_set(d, buf_str(&j->rows));
}

static void done_set(struct job *job)
{
	struct control_job *j = (struct control_job *)job;
	bool there = j->rows.n > 0;

	if (job->result == DB_OK)
		j->house->motd = there;
	control_job_say(j, true,
		there ? "each account is given it when it comes online next" : "gone", NULL);
}

static void set(struct control_client *c, struct str body)
{
	struct control_job *j = control_job_new(c, STR_NONE);

	buf_put(&j->rows, body);
	control_job_give(j, c->house->writer, run_set, done_set);
}

void control_motd_set(struct control_client *c)
{
	if (is_text(c, c->request.arguments[0]))
		set(c, c->request.arguments[0]);
}

void control_motd_clear(struct control_client *c)
{
	set(c, STR_NONE);
}

static enum db_result run_show(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;
	int64_t had;
	enum db_result r = store_motd_get(d, &j->rows, &had);

	j->number = (uint64_t)had;
	return r;
}

static void done_show(struct job *job)
{
	struct control_job *j = (struct control_job *)job;
	struct buf words = {0};

	j->found = j->rows.n > 0;
	buf_printf(&words, "%llu account%s had it: ", (unsigned long long)j->number,
		j->number == 1 ? " has" : "s have");
	buf_put(&words, buf_str(&j->rows));
	control_job_say(j, j->found, buf_cstr(&words), "there is none");
	buf_free(&words);
}

void control_motd_show(struct control_client *c)
{
	control_job_give(control_job_new(c, STR_NONE), c->house->reader, run_show, done_show);
}

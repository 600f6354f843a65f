/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Commands about the messages that wait for an account (mailbox.h). */
#include "common/log.h"
#include "sm/control_work.h"
#include "sm/mailbox.h"
#include "sm/store_account.h"
#include "sm/store_offline.h"

static enum db_result run_purge(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;
	int64_t removed = 0;
	enum db_result r = store_account_exists(d, buf_str(&j->account), &j->found);

	if (r == DB_OK)
		r = store_offline_remove(d, buf_str(&j->account), INT64_MAX, &removed);
	j->listed = (unsigned)removed;
	return r;
}

static void done_purge(struct job *job)
{
	struct control_job *j = (struct control_job *)job;
	struct buf words = {0};

	buf_printf(&words, "%u message%s thrown away", j->listed, j->listed == 1 ? "" : "s");
	control_job_say(j, j->found, buf_cstr(&words), "there is no such account");
	buf_free(&words);
}

static enum db_result run_summary(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;
	struct offline_summary s;
	char stamp[LOG_STAMP];
	enum db_result r = store_account_exists(d, buf_str(&j->account), &j->found);

	if (r == DB_OK)
		r = store_offline_summary(d, buf_str(&j->account), &s);
	if (r != DB_OK)
		return r;
	buf_printf(&j->rows, "%lld message%s, %lld bytes", (long long)s.messages,
		s.messages == 1 ? "" : "s", (long long)s.bytes);
	if (s.oldest) {
		log_stamp(stamp, mailbox_id_time(s.oldest));
		buf_printf(&j->rows, ", the oldest of %s", stamp);
	}
	return DB_OK;
}

static void done_summary(struct job *job)
{
	struct control_job *j = (struct control_job *)job;
	struct buf words = {0};

	buf_take(&words, &j->rows);
	control_job_say(j, j->found, buf_cstr(&words), "there is no such account");
	buf_free(&words);
}

void control_offline_purge(struct control_client *c)
{
	control_on_account(c, 0, c->house->writer, run_purge, done_purge);
}

void control_offline_show(struct control_client *c)
{
	control_on_account(c, 0, c->house->reader, run_summary, done_summary);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Commands about shared roster groups (share.h). */
#include "sm/control_work.h"
#include "sm/roster_act.h"
#include "sm/share.h"

#define NAME_MOST 512 /* bytes */

/* j->rows: the group's name; found: something has changed */

static enum db_result run_join(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;

	return share_join(d, buf_str(&j->rows), buf_str(&j->account), &j->found, &j->acts);
}

static enum db_result run_leave(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;

	return share_leave(d, buf_str(&j->rows), buf_str(&j->account), &j->found, &j->acts);
}

static void done_join(struct job *job)
{
	struct control_job *j = (struct control_job *)job;

	if (job->result == DB_OK && !j->house->stopping)
		acts_run(j->house, buf_str(&j->acts));
	control_job_say(j, j->found, "joined",
		job->result == DB_CONSTRAINT ? "there is no such account"
					     : "it is in that group already");
}

static void done_leave(struct job *job)
{
	struct control_job *j = (struct control_job *)job;

	if (job->result == DB_OK && !j->house->stopping)
		acts_run(j->house, buf_str(&j->acts));
	control_job_say(j, j->found, "left", "it is not in that group");
}

static void change(struct control_client *c, enum db_result (*run)(struct job *j, struct db *d),
	void (*done)(struct job *j))
{
	struct str group = c->request.arguments[1];
	struct control_job *j;

	if (!group.n || group.n > NAME_MOST || !str_utf8(group) || memchr(group.p, '\0', group.n)) {
		control_say(c, 1, "a group has a name of 1 to 512 bytes");
		return;
	}
	j = control_account_job(c);
	if (!j)
		return;
	buf_put(&j->rows, group);
	control_job_give(j, c->house->writer, run, done);
}

void control_group_join(struct control_client *c)
{
	change(c, run_join, done_join);
}

void control_group_leave(struct control_client *c)
{
	change(c, run_leave, done_leave);
}

/* the list */

static void list_member(void *ctx, struct str group, struct str account)
{
	struct control_job *j = ctx;

	report_row(&j->rows);
	report_text(&j->rows, group);
	report_text(&j->rows, account);
	report_row_end(&j->rows);
}

static enum db_result run_groups(struct job *job, struct db *d)
{
	return share_each(d, list_member, job);
}

static void done_groups(struct job *job)
{
	struct control_job *j = (struct control_job *)job;
	struct control_client *c;

	if (job->result != DB_OK) {
		control_job_say(j, true, "", "");
		return;
	}
	c = control_job_client(j);
	if (c) {
		report_head(&c->out, 0, NULL);
		report_list(&c->out, "groups", "group:s account:s");
		buf_put(&c->out, buf_str(&j->rows));
		control_end(c);
	}
	control_job_free(j);
}

void control_groups(struct control_client *c)
{
	control_job_give(control_job_new(c, STR_NONE), c->house->reader, run_groups, done_groups);
}

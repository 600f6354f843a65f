/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Commands that change something, and those that need a desk. A job outlives the client who asked
 * for it: what was ordered is done, and at worst nobody hears that it was. */
#include "common/condition.h"
#include "common/conf.h"
#include "common/jid.h"
#include "common/log.h"
#include "sm/control_work.h"
#include "sm/credential_line.h"
#include "sm/roster_act.h"
#include "sm/session.h"
#include "sm/store_account.h"
#include "sm/subscribe.h"
#include "sm/verify.h"
#include "sm/watch.h"

#define PAGE 500 /* accounts of a piece */
#define REASON_MOST 1000

void control_forget_job(struct control_client *c)
{
	c->job->client = NULL;
	c->job = NULL;
}

/* --- jobs ------------------------------------------------------------------------------------ */

struct control_job *control_job_new(struct control_client *c, struct str account)
{
	struct control_job *j = mem_new(sizeof *j);

	j->client = c;
	j->house = c->house;
	buf_put(&j->account, account);
	return j;
}

void control_job_give(struct control_job *j, struct desk *desk,
	enum db_result (*run)(struct job *j, struct db *d), void (*done)(struct job *j))
{
	j->job.run = run;
	j->job.done = done;
	j->client->job = j;
	j->client->state = CLIENT_WORKED_FOR;
	desk_give(desk, &j->job);
}

void control_job_free(struct control_job *j)
{
	buf_wipe(&j->credentials);
	buf_free(&j->account);
	buf_free(&j->rows);
	buf_free(&j->acts);
	mem_free(j);
}

/* Takes the client back from its job; NULL when it is gone. */
struct control_client *control_job_client(struct control_job *j)
{
	struct control_client *c = j->client;

	if (!c)
		return NULL;
	c->job = NULL;
	c->state = CLIENT_ANSWERED;
	control_touch(c);
	return c;
}

/* Says how it went, and frees the job. */
void control_job_say(struct control_job *j, bool found, const char *done, const char *not_found)
{
	struct control_client *c = control_job_client(j);
	struct buf words = {0};

	if (!c) {
		control_job_free(j);
		return;
	}
	if (j->job.result == DB_CONSTRAINT || (j->job.result == DB_OK && !found)) {
		control_say(c, 1, not_found);
	} else if (j->job.result == DB_OK) {
		control_say(c, 0, done);
	} else {
		buf_printf(&words, "nothing is changed: the database refuses work (%s)",
			db_result_name(j->job.result));
		control_say(c, 1, buf_cstr(&words));
	}
	buf_free(&words);
	control_job_free(j);
}

/* --- accounts -------------------------------------------------------------------------------- */

/* The argument as a prepared bare JID of one of our domains; the answer is given when it is
 * none. */
static bool account_of(struct control_client *c, struct buf *store, struct jid *out)
{
	if (!jid_parse(c->request.arguments[0], store, out) || out->local_n == 0 ||
		out->resource_n > 0) {
		control_say(c, 1, "an account is named USER@DOMAIN");
		return false;
	}
	if (!conf_domain(c->house->conf, jid_domain(*out))) {
		control_say(c, 1, "this domain is not served here");
		return false;
	}
	return true;
}

static enum db_result run_add(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;

	return store_account_add(d, buf_str(&j->account), buf_str(&j->credentials));
}

static void done_add(struct job *job)
{
	control_job_say((struct control_job *)job, true, "added", "the account exists already");
}

static enum db_result run_passwd(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;

	return store_account_passwd(d, buf_str(&j->account), buf_str(&j->credentials), &j->found);
}

static void done_passwd(struct job *job)
{
	struct control_job *j = (struct control_job *)job;

	if (j->job.result == DB_OK && j->found)
		account_revoke(j->house, buf_str(&j->account));
	control_job_say(j, j->found, "changed", "there is no such account");
}

static enum db_result run_remove(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;

	return account_end(d, buf_str(&j->account), &j->found, &j->acts);
}

static void done_remove(struct job *job)
{
	struct control_job *j = (struct control_job *)job;
	struct buf words = {0};
	unsigned ended = 0;

	/* One that is not there may have been removed by an sm that died before this. */
	if (j->job.result == DB_OK)
		ended = account_removed(j->house, buf_str(&j->account));
	if (j->job.result == DB_OK && !j->house->stopping)
		acts_run(j->house, buf_str(&j->acts));
	buf_printf(&words, "removed; %u session%s ended", ended, ended == 1 ? "" : "s");
	control_job_say(j, j->found, buf_cstr(&words),
		ended ? "there is no such account any more; its sessions are ended now"
		      : "there is no such account");
	buf_free(&words);
}

static enum db_result run_disable(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;

	return store_account_disable(d, buf_str(&j->account), true, &j->found);
}

static void done_disable(struct job *job)
{
	struct control_job *j = (struct control_job *)job;
	bool done = j->job.result == DB_OK && j->found;
	struct buf words = {0};
	unsigned ended = 0;

	if (done)
		account_revoke(j->house, buf_str(&j->account));
	if (done && !j->house->stopping)
		ended = account_kick(j->house, buf_str(&j->account), STREAM_policy_violation,
			STR("this account is disabled"));
	buf_printf(&words, "disabled; %u session%s ended", ended, ended == 1 ? "" : "s");
	control_job_say(j, j->found, buf_cstr(&words), "there is no such account");
	buf_free(&words);
}

static enum db_result run_enable(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;

	return store_account_disable(d, buf_str(&j->account), false, &j->found);
}

static void done_enable(struct job *job)
{
	struct control_job *j = (struct control_job *)job;

	/* what was read of it before said that it is disabled */
	if (j->job.result == DB_OK && j->found && j->house->verify)
		verify_revoke(j->house->verify, buf_str(&j->account));
	control_job_say(j, j->found, "enabled", "there is no such account");
}

static void change_account(struct control_client *c, bool with_credentials,
	enum db_result (*run)(struct job *j, struct db *d), void (*done)(struct job *j))
{
	struct buf store = {0};
	struct control_job *j;
	struct jid account;

	if (!account_of(c, &store, &account)) {
		buf_free(&store);
		return;
	}
	j = control_job_new(c, account.text);
	buf_free(&store);
	if (!with_credentials || credential_line_read(c->secret, &j->credentials)) {
		control_job_give(j, c->house->writer, run, done);
		return;
	}
	control_job_free(j);
	control_say(c, 64, "the credentials are malformed");
}

struct control_job *control_account_job(struct control_client *c)
{
	struct buf store = {0};
	struct control_job *j = NULL;
	struct jid account;

	if (account_of(c, &store, &account))
		j = control_job_new(c, account.text);
	buf_free(&store);
	return j;
}

void control_on_account(struct control_client *c, uint64_t number, struct desk *desk,
	enum db_result (*run)(struct job *j, struct db *d), void (*done)(struct job *j))
{
	struct control_job *j = control_account_job(c);

	if (!j)
		return;
	j->number = number;
	control_job_give(j, desk, run, done);
}

void control_account_add(struct control_client *c)
{
	change_account(c, true, run_add, done_add);
}

void control_account_passwd(struct control_client *c)
{
	change_account(c, true, run_passwd, done_passwd);
}

void control_account_remove(struct control_client *c)
{
	change_account(c, false, run_remove, done_remove);
}

void control_account_disable(struct control_client *c)
{
	change_account(c, false, run_disable, done_disable);
}

void control_account_enable(struct control_client *c)
{
	change_account(c, false, run_enable, done_enable);
}

/* --- the list of accounts -------------------------------------------------------------------- */

static void list_account(void *ctx, struct str account, int64_t created, bool disabled)
{
	struct control_job *j = ctx;

	report_row(&j->rows);
	report_text(&j->rows, account);
	report_number(&j->rows, created);
	report_number(&j->rows, disabled);
	report_row_end(&j->rows);
	buf_clear(&j->account);
	buf_put(&j->account, account);
	j->listed++;
}

static enum db_result run_list(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;
	struct buf after = {0};
	enum db_result r;

	buf_put(&after, buf_str(&j->account));
	r = store_account_list(d, buf_str(&after), PAGE, list_account, j);
	buf_free(&after);
	return r;
}

static void next_page(struct control_client *c);

static void list_free(struct control_client *c)
{
	buf_free(c->own);
	mem_free(c->own);
}

static void done_list(struct job *job)
{
	struct control_job *j = (struct control_job *)job;
	struct control_client *c = control_job_client(j);
	struct buf *last = c ? c->own : NULL;

	if (c && j->job.result != DB_OK) {
		/* Before the first row it is an answer; after it, a list without its last line. */
		if (last->n == 0) {
			buf_clear(&c->out);
			control_say(c, 1, "the database refuses work");
		}
		c->more = NULL;
	} else if (c) {
		buf_put(&c->out, buf_str(&j->rows));
		buf_take(last, &j->account);
		c->more = next_page;
		if (j->listed < PAGE)
			control_end(c);
	}
	control_job_free(j);
}

static void next_page(struct control_client *c)
{
	struct buf *last = c->own;

	c->more = NULL;
	control_job_give(control_job_new(c, buf_str(last)), c->house->reader, run_list, done_list);
}

void control_account_list(struct control_client *c)
{
	c->own = mem_new(sizeof(struct buf));
	c->more_free = list_free;
	report_head(&c->out, 0, NULL);
	report_list(&c->out, "accounts", "jid:i created:t disabled:b");
	next_page(c);
}

/* --- kick ------------------------------------------------------------------------------------ */

static unsigned kick_jid(struct house *h, struct str raw, struct str reason)
{
	struct buf store = {0};
	struct session *s;
	struct jid jid;
	unsigned n = 0;

	if (!jid_parse(raw, &store, &jid)) {
		buf_free(&store);
		return 0;
	}
	if (!jid_is_full(jid)) {
		n = account_kick(h, jid.text, STREAM_policy_violation, reason);
	} else if ((s = session_by_jid(h->sessions, jid.text)) != NULL) {
		session_kick(h, s, STREAM_policy_violation, reason);
		n = 1;
	}
	buf_free(&store);
	return n;
}

bool control_is_text(struct str s, bool lines)
{
	for (size_t i = 0; i < s.n; i++) {
		struct str three = str_head(str_skip(s, i), 3);
		bool blank = lines && (s.p[i] == '\n' || s.p[i] == '\t');

		if (((unsigned char)s.p[i] < ' ' && !blank) || s.p[i] == 0x7f)
			return false;
		if (str_is(three, "\xef\xbf\xbe") || str_is(three, "\xef\xbf\xbf"))
			return false;
	}
	return str_utf8(s);
}

static bool is_reason(struct str s)
{
	return s.n <= REASON_MOST && control_is_text(s, false);
}

void control_kick(struct control_client *c)
{
	const struct str *given = request_option(&c->request, "reason");
	struct str whom = c->request.arguments[0],
		   reason = given ? *given : STR("ended by the operator");
	struct buf words = {0};
	struct session *s;
	unsigned n = 0;

	if (!is_reason(reason)) {
		control_say(c, 64, "a reason is one line of text, of at most 1000 bytes");
		return;
	}
	if (str_find(whom, '@') < whom.n) {
		n = kick_jid(c->house, whom, reason);
	} else if ((s = control_session_by_sid(c, whom)) != NULL) {
		session_kick(c->house, s, STREAM_policy_violation, reason);
		n = 1;
	}
	buf_printf(&words, "%u session%s ended", n, n == 1 ? "" : "s");
	if (n)
		control_say(c, 0, buf_cstr(&words));
	else
		control_say(c, 1, "there is no such session");
	buf_free(&words);
}

/* --- the log level --------------------------------------------------------------------------- */

void control_log_level(struct control_client *c)
{
	const struct str *given = request_option(&c->request, "program");
	struct str program = given ? *given : STR("both"), word = c->request.arguments[0];
	bool both = str_is(program, "both");
	enum log_level level;

	if (!log_level_parse(word, &level)) {
		control_say(c, 64, "a level is one of error, warn, notice, info, debug");
		return;
	}
	if (!both && !str_is(program, "sm") && !str_is(program, "c2s")) {
		control_say(c, 64, "--program takes sm or c2s");
		return;
	}
	if (both || str_is(program, "sm"))
		log_level_set(level);
	if (both || str_is(program, "c2s"))
		watch_level(c->house, level);
	control_say(c, 0, "changed, until a reload or a restart");
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The account commands. The password stays in this process: what leaves it are its credentials
 * (common/credential.h). When
 * sm does not run, store.db is opened here, as the service user; should sm start meanwhile,
 * SQLite's locks keep the two apart. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/jid.h"
#include "sm/cli.h"
#include "sm/credential_line.h"
#include "sm/report.h"
#include "sm/store_account.h"
#include "sm/subscribe.h"

#define PAGE 500 /* accounts read at once */

/* --- store.db, here -------------------------------------------------------------------------- */

/* Root makes no file that the service user could not open. */
static enum exit_status become_service_user(const struct conf *conf)
{
	char room[16384];
	struct passwd entry, *found = NULL;

	if (geteuid() != 0 || !*conf->user)
		return CLI_DONE;
	if (getpwnam_r(conf->user, &entry, room, sizeof room, &found) != 0 || !found)
		return cli_fail(CLI_CONFIG, "there is no user '%s'", conf->user);
	if (initgroups(conf->user, found->pw_gid) != 0 || setgid(found->pw_gid) != 0 ||
		setuid(found->pw_uid) != 0)
		return cli_fail(CLI_NOT_PERMITTED, "user '%s': %s", conf->user, strerror(errno));
	return CLI_DONE;
}

/* The state directory, which the first account may be the first to need. */
static enum exit_status reach(const char *folder)
{
	if (mkdir(folder, 0750) != 0 && errno != EEXIST)
		return cli_fail(errno == EACCES ? CLI_NOT_PERMITTED : CLI_REFUSED, "%s: %s", folder,
			strerror(errno));
	if (access(folder, R_OK | W_OK | X_OK) != 0)
		return cli_fail(CLI_NOT_PERMITTED, "%s: %s", folder, strerror(errno));
	return CLI_DONE;
}

static enum exit_status store_open(const struct cli *c, enum db_mode mode, struct db **out)
{
	const char *folder = c->conf->state_directory;
	struct buf path = {0}, why = {0};
	enum exit_status status = become_service_user(c->conf);

	if (status == CLI_DONE)
		status = reach(folder);
	if (status != CLI_DONE)
		return status;
	buf_printf(&path, "%s/store.db", folder);
	*out = db_open(buf_cstr(&path), mode, &why);
	if (*out && !store_migrate(*out, buf_cstr(&path), &why))
		db_close(out);
	if (!*out)
		status = cli_fail(CLI_REFUSED, "%s", buf_cstr(&why));
	buf_free(&path);
	buf_free(&why);
	return status;
}

struct change {
	struct str account, credentials;
	enum { CHANGE_ADD, CHANGE_PASSWD, CHANGE_REMOVE, CHANGE_DISABLE, CHANGE_ENABLE } what;
	bool found;
	struct buf acts; /* nobody is there to be told */
};

static enum db_result apply(struct change *x, struct db *d)
{
	switch (x->what) {
	case CHANGE_ADD:
		x->found = true;
		return store_account_add(d, x->account, x->credentials);
	case CHANGE_PASSWD:
		return store_account_passwd(d, x->account, x->credentials, &x->found);
	case CHANGE_DISABLE:
	case CHANGE_ENABLE:
		return store_account_disable(d, x->account, x->what == CHANGE_DISABLE, &x->found);
	default:
		return account_end(d, x->account, &x->found, &x->acts);
	}
}

static enum exit_status say_result(const struct change *x, enum db_result r)
{
	static const char *const done[] = {[CHANGE_ADD] = "added",
		[CHANGE_PASSWD] = "changed",
		[CHANGE_REMOVE] = "removed",
		[CHANGE_DISABLE] = "disabled",
		[CHANGE_ENABLE] = "enabled"};

	if (r == DB_CONSTRAINT)
		return cli_fail(CLI_REFUSED, "the account exists already");
	if (r != DB_OK)
		return cli_fail(CLI_REFUSED, "nothing is changed: the database refuses work (%s)",
			db_result_name(r));
	if (!x->found)
		return cli_fail(CLI_REFUSED, "there is no such account");
	puts(done[x->what]);
	return CLI_DONE;
}

static enum exit_status change_here(const struct cli *c, struct change *x)
{
	struct db *d = NULL;
	enum exit_status status = store_open(c, DB_DURABLE, &d);
	enum db_result r;

	if (status != CLI_DONE)
		return status;
	r = db_exec(d, "BEGIN IMMEDIATE");
	if (r == DB_OK)
		r = apply(x, d);
	if (r == DB_OK)
		r = db_exec(d, "COMMIT");
	status = say_result(x, r);
	buf_free(&x->acts);
	db_close(&d); /* undoes what is not committed */
	return status;
}

/* --- the commands ---------------------------------------------------------------------------- */

static enum exit_status account_of(const struct cli *c, struct buf *store, struct jid *out)
{
	struct str raw = c->request.arguments[0];

	if (!jid_parse(raw, store, out) || out->local_n == 0 || out->resource_n > 0)
		return cli_fail(CLI_REFUSED, "'%.*s' is not USER@DOMAIN", STR_ARG(raw));
	if (!conf_domain(c->conf, jid_domain(*out)))
		return cli_fail(CLI_REFUSED, "there is no domain \"%.*s\" in %s",
			STR_ARG(jid_domain(*out)), c->conf_path);
	return CLI_DONE;
}

static enum exit_status change(const struct cli *c, struct change *x, struct str secret)
{
	struct buf answer = {0};
	enum exit_status status = cli_exchange(c, secret, &answer);

	if (status == CLI_NOT_RUNNING)
		status = change_here(c, x);
	else if (status == CLI_DONE)
		status = cli_print(c, buf_str(&answer));
	buf_free(&answer);
	return status;
}

enum exit_status cli_account_set(const struct cli *c)
{
	bool is_new = strcmp(commands[c->request.command].words, "account add") == 0;
	struct change x = {.what = is_new ? CHANGE_ADD : CHANGE_PASSWD};
	struct buf store = {0}, name = {0}, password = {0}, list = {0}, secret = {0};
	struct credential_rules rules;
	struct jid account;
	enum exit_status status = account_of(c, &store, &account);

	if (status == CLI_DONE) {
		x.account = account.text;
		buf_put(&name, account.text);
		status = cli_password(buf_cstr(&name), &password);
	}
	if (status == CLI_DONE) {
		credential_rules(&rules, c->conf, conf_domain(c->conf, jid_domain(account)));
		credential_make(&list, &rules, account.text, buf_str(&password));
		credential_line_write(&secret, buf_str(&list));
		x.credentials = buf_str(&list);
		status = change(c, &x, buf_str(&secret));
	}
	buf_wipe(&password);
	buf_wipe(&list);
	buf_wipe(&secret);
	buf_free(&store);
	buf_free(&name);
	return status;
}

static enum exit_status change_it(const struct cli *c, struct change x)
{
	struct buf store = {0};
	struct jid account;
	enum exit_status status = account_of(c, &store, &account);

	x.account = account.text;
	if (status == CLI_DONE)
		status = change(c, &x, STR_NONE);
	buf_free(&store);
	return status;
}

enum exit_status cli_account_remove(const struct cli *c)
{
	return change_it(c, (struct change){.what = CHANGE_REMOVE});
}

enum exit_status cli_account_switch(const struct cli *c)
{
	bool off = strcmp(commands[c->request.command].words, "account disable") == 0;

	return change_it(c, (struct change){.what = off ? CHANGE_DISABLE : CHANGE_ENABLE});
}

struct list {
	struct buf rows, last;
	unsigned page;
};

static void list_account(void *ctx, struct str account, int64_t created, bool disabled)
{
	struct list *l = ctx;

	report_row(&l->rows);
	report_text(&l->rows, account);
	report_number(&l->rows, created);
	report_number(&l->rows, disabled);
	report_row_end(&l->rows);
	buf_clear(&l->last);
	buf_put(&l->last, account);
	l->page++;
}

static enum db_result read_list(struct db *d, struct list *l)
{
	struct buf after = {0};
	enum db_result r;

	do {
		l->page = 0;
		buf_clear(&after);
		buf_put(&after, buf_str(&l->last));
		r = store_account_list(d, buf_str(&after), PAGE, list_account, l);
	} while (r == DB_OK && l->page == PAGE);
	buf_free(&after);
	return r;
}

static enum exit_status list_here(const struct cli *c)
{
	struct list l = {0};
	struct db *d = NULL;
	enum exit_status status = store_open(c, DB_DURABLE, &d);
	enum db_result r;

	if (status != CLI_DONE)
		return status;
	report_list(&l.rows, "accounts", "jid:i created:t disabled:b");
	r = read_list(d, &l);
	if (r == DB_OK)
		status = cli_print(c, buf_str(&l.rows));
	else
		status = cli_fail(CLI_REFUSED, "the database cannot be read (%s)",
			db_result_name(r));
	buf_free(&l.rows);
	buf_free(&l.last);
	db_close(&d);
	return status;
}

enum exit_status cli_account_list(const struct cli *c)
{
	enum exit_status status;
	int fd = cli_send(c, STR_NONE, &status);

	if (fd >= 0) {
		status = cli_follow(c, fd);
		close(fd);
	} else if (status == CLI_NOT_RUNNING) {
		status = list_here(c);
	}
	return status;
}

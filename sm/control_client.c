/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Client access (XEP-0494 3, for operators): which clients of an account have tokens, and taking
 * them away. A client is named by its number (client_number.h), which is the end of its Bind 2
 * resources too; its own id is not for other eyes. */
#include "common/condition.h"
#include "common/log.h"
#include "sm/control_work.h"
#include "sm/session.h"
#include "sm/store_account.h"
#include "sm/store_client.h"
#include "sm/token.h"

/* --- the list --------------------------------------------------------------------------------- */

/* On the desk's thread: rows of number, length and text, to which the loop adds who is online. */
static void list_client(void *ctx, const struct client_row *c)
{
	struct control_job *j = ctx;
	uint64_t number = client_number(j->house->client_secret, buf_str(&j->account), c->id);
	struct buf row = {0};

	report_row(&row);
	report_hex(&row, number);
	report_text(&row, c->software);
	report_text(&row, c->device);
	report_text(&row, c->mechanism);
	report_number(&row, c->first_seen);
	report_number(&row, c->last_seen);
	report_number(&row, c->expiry);
	buf_u64(&j->rows, number);
	buf_u32(&j->rows, (uint32_t)row.n);
	buf_put(&j->rows, buf_str(&row));
	buf_free(&row);
}

static enum db_result run_clients(struct job *job, struct db *d)
{
	struct control_job *j = (struct control_job *)job;
	enum db_result r = store_account_exists(d, buf_str(&j->account), &j->found);

	return r == DB_OK ? store_client_each(d, buf_str(&j->account), list_client, j) : r;
}

static struct session *next_of_client(const struct house *h, struct str account, uint64_t number)
{
	const struct account *a = account_by_jid(h->sessions, account);

	for (struct session *s = a ? a->oldest : NULL; s; s = s->next) {
		if (s->row.client == number)
			return s;
	}
	return NULL;
}

static void put_clients(struct control_client *c, const struct control_job *j)
{
	struct str rest = buf_str(&j->rows), row;
	uint64_t number;
	uint32_t n;

	report_head(&c->out, 0, NULL);
	report_list(&c->out, "clients",
		"id:i software:s device:s mechanism:s first_seen:t last_seen:t expires:t online:b");
	while (str_take_u64(&rest, &number) && str_take_u32(&rest, &n) &&
		str_take_bytes(&rest, n, &row)) {
		buf_put(&c->out, row);
		report_number(&c->out,
			next_of_client(j->house, buf_str(&j->account), number) != NULL);
		report_row_end(&c->out);
	}
	control_end(c);
}

static void done_clients(struct job *job)
{
	struct control_job *j = (struct control_job *)job;
	struct control_client *c;

	if (job->result != DB_OK || !j->found) {
		control_job_say(j, j->found, "", "there is no such account");
		return;
	}
	c = control_job_client(j);
	if (c)
		put_clients(c, j);
	control_job_free(j);
}

void control_clients(struct control_client *c)
{
	control_on_account(c, 0, c->house->reader, run_clients, done_clients);
}

/* --- taking access away ----------------------------------------------------------------------- */

struct search {
	struct control_job *j;
	struct buf id;
};

static void find_client(void *ctx, const struct client_row *c)
{
	struct search *s = ctx;

	if (client_number(s->j->house->client_secret, buf_str(&s->j->account), c->id) ==
			s->j->number &&
		!s->id.n)
		buf_put(&s->id, c->id);
}

static enum db_result run_revoke(struct job *job, struct db *d)
{
	struct search s = {.j = (struct control_job *)job};
	struct str account = buf_str(&s.j->account);
	enum db_result r = store_client_each(d, account, find_client, &s);

	if (r == DB_OK && s.id.n)
		r = store_client_remove(d, account, buf_str(&s.id), &s.j->found);
	buf_free(&s.id);
	return r;
}

/* Its sessions end too, however they came in. */
static void done_revoke(struct job *job)
{
	struct control_job *j = (struct control_job *)job;
	struct house *h = j->house;
	struct session *s;

	if (job->result == DB_OK && j->found && !h->stopping) {
		tokens_revoke(h, buf_str(&j->account));
		while ((s = next_of_client(h, buf_str(&j->account), j->number)) != NULL)
			session_kick(h, s, STREAM_not_authorized,
				STR("the access of this client was revoked"));
	}
	control_job_say(j, j->found, "revoked; who knows the password can log in with it as before",
		"there is no such client; sm clients lists those that have a token");
}

void control_client_revoke(struct control_client *c)
{
	uint64_t number;

	if (!control_hex(c->request.arguments[1], &number) || !number)
		control_say(c, 64, "a client is named by the id that sm clients shows");
	else
		control_on_account(c, number, c->house->writer, run_revoke, done_revoke);
}

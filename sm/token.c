/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A job of the writing desk for each. */
#include "sm/token.h"

#include "common/rand.h"
#include "sm/bound.h"
#include "sm/peer.h"
#include "sm/store_client.h"

#include <string.h>
#include <time.h>

#define WORDS_MOST 255   /* bytes of what a client calls its software and device */
#define MAKING_MOST 4096 /* at once */

struct token_job {
	struct job job;
	struct house *house;
	struct token_job *next, *previous;
	uint64_t conn;
	struct buf account, client, software, device;
	struct token token;
	unsigned most;
	bool revoked;
};

static void say(struct house *h, uint64_t conn, struct str token, int64_t expiry)
{
	struct peer *p = peer_by_incarnation(h, (uint32_t)(conn >> 32));
	struct message m = {.code = MSG_token};
	time_t when = (time_t)expiry;
	struct tm utc;
	char stamp[32] = "";

	if (gmtime_r(&when, &utc))
		strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &utc);
	m.as.token = (struct msg_token){.conn = conn, .token = token, .expiry = str_of(stamp)};
	if (p && !p->over)
		peer_send(p, &m);
	house_touch(h);
}

static void job_free(struct token_job *j)
{
	*(j->previous ? &j->previous->next : &j->house->tokens_made) = j->next;
	if (j->next)
		j->next->previous = j->previous;
	buf_free(&j->account);
	buf_free(&j->client);
	buf_free(&j->software);
	buf_free(&j->device);
	mem_wipe(&j->token, sizeof j->token);
	mem_free(j);
}

static enum db_result run_make(struct job *job, struct db *d)
{
	struct token_job *j = (struct token_job *)job;
	struct client_row c = {.id = buf_str(&j->client),
		.software = buf_str(&j->software),
		.device = buf_str(&j->device),
		.last_seen = j->token.made};

	return store_client_issue(d, buf_str(&j->account), &c, &j->token, j->most);
}

static enum db_result run_take_back(struct job *job, struct db *d)
{
	struct token_job *j = (struct token_job *)job;
	bool found;

	return store_client_remove(d, buf_str(&j->account), buf_str(&j->client), &found);
}

static void done_take_back(struct job *job)
{
	job_free((struct token_job *)job);
}

static void done_make(struct job *job)
{
	struct token_job *j = (struct token_job *)job;
	bool made = job->result == DB_OK && !j->revoked;

	if (!j->house->stopping)
		say(j->house, j->conn, made ? str_at(j->token.text, TOKEN_TEXT) : STR_NONE,
			j->token.expiry);
	if (made)
		log_event(token, LOG_HEX("conn", j->conn), LOG_STR("user", buf_str(&j->account)),
			LOG_TEXT("mech", j->token.mechanism));
	if (made || job->result != DB_OK) {
		job_free(j);
		return;
	}
	job->run = run_take_back;
	job->done = done_take_back;
	desk_give(j->house->writer, job);
}

static void put_words(struct buf *to, struct str words)
{
	if (words.n <= WORDS_MOST && str_utf8(words))
		buf_put(to, words);
}

static void token_fill(struct token *t, const struct conf *conf, struct str mechanism)
{
	char text[TOKEN_TEXT + 1];

	rand_hex(text, TOKEN_TEXT / 2);
	memcpy(t->text, text, TOKEN_TEXT);
	mem_wipe(text, sizeof text);
	memcpy(t->mechanism, mechanism.p, mechanism.n);
	t->made = (int64_t)time(NULL);
	t->expiry = t->made + conf->fast_token_lifetime;
}

static void start(struct house *h, const struct msg_want_token *m, struct str account)
{
	struct token_job *j = mem_new(sizeof *j);

	j->house = h;
	j->conn = m->conn;
	buf_put(&j->account, account);
	buf_put(&j->client, m->client);
	put_words(&j->software, m->software);
	put_words(&j->device, m->device);
	token_fill(&j->token, h->conf, m->mechanism);
	j->most = (unsigned)h->conf->fast_clients_per_account;
	j->next = h->tokens_made;
	if (j->next)
		j->next->previous = j;
	h->tokens_made = j;
	j->job.run = run_make;
	j->job.done = done_make;
	desk_give(h->writer, &j->job);
}

static bool is_listed(const struct conf_domain *domain, struct str mechanism)
{
	for (size_t i = 0; domain && i < domain->fast_mechanisms.n; i++) {
		if (str_is(mechanism, domain->fast_mechanisms.words[i]))
			return mechanism.n < TOKEN_MECHANISM;
	}
	return false;
}

/* Also how many there are. */
static const struct token_job *find(const struct house *h, uint64_t conn, unsigned *n)
{
	const struct token_job *found = NULL;

	for (const struct token_job *j = h->tokens_made; j; j = j->next) {
		++*n;
		if (j->conn == conn)
			found = j;
	}
	return found;
}

void token_make(struct house *h, const struct msg_want_token *m)
{
	struct str account = bound_account(h, m->conn), local, domain;
	unsigned n = 0;

	str_cut(account, '@', &local, &domain);
	if (find(h, m->conn, &n)) /* asked again: the answer comes */
		return;
	if (!account.n || !m->client.n || m->client.n > CLIENT_ID_MOST || n >= MAKING_MOST ||
		!is_listed(conf_domain(h->conf, domain), m->mechanism))
		say(h, m->conn, STR_NONE, 0);
	else
		start(h, m, account);
}

void tokens_revoke(struct house *h, struct str account)
{
	for (struct token_job *j = h->tokens_made; j; j = j->next)
		j->revoked = j->revoked || str_eq(buf_str(&j->account), account);
}

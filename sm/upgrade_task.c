/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A job of the writing desk for each. The worker says again what it was told. What a client sends
 * is its own password in another form; nothing here could tell whether it is the right one, so
 * nobody may send it but who has just proved that; and what is kept between two questions is which
 * of the account's passwords it was: another one may be set at any time. */
#include "sm/upgrade_task.h"

#include "common/credential.h"
#include "common/rand.h"
#include "sm/bound.h"
#include "sm/peer.h"
#include "sm/store_account.h"

#include <string.h>

#define WAITING_MOST 4096 /* of all connections; each has one question at a time */

struct upgrade_job {
	struct job job;
	struct house *house;
	struct upgrade_job *next_job, *previous_job;
	uint64_t conn;
	uint32_t hashes;
	struct buf account, credentials;
	struct password_mark mark;
	bool same;      /* it still is its password */
	enum hash next; /* 0: none is missing */
};

static uint32_t rounds_of(const struct house *h, unsigned hash)
{
	switch (hash) {
#define ROW(value, setting) \
	case value: \
		return (uint32_t)h->conf->setting;
		VERIFIER_HASHES(ROW)
#undef ROW
	default:
		return 0;
	}
}

static void say(struct house *h, uint64_t conn, enum cond cond, enum hash hash)
{
	struct peer *p = peer_by_incarnation(h, (uint32_t)(conn >> 32));
	struct message m = {.code = MSG_upgrade};
	uint8_t salt[VERIFIER_SALT];

	rand_bytes(salt, sizeof salt);
	m.as.upgrade = (struct msg_upgrade){.conn = conn,
		.cond = (uint8_t)cond,
		.hash = (uint8_t)hash,
		.iterations = hash ? rounds_of(h, hash) : 0,
		.salt = hash ? str_at(salt, sizeof salt) : STR_NONE};
	if (p && !p->over)
		peer_send(p, &m);
	house_touch(h);
}

static enum db_result run(struct job *job, struct db *d)
{
	struct upgrade_job *j = (struct upgrade_job *)job;
	struct str account = buf_str(&j->account);
	uint32_t have;
	enum db_result r;

	if (j->credentials.n)
		r = store_account_add_missing(d, account, &j->mark, buf_str(&j->credentials),
			&j->same);
	else
		r = store_account_mark(d, account, &j->mark, &j->same);
	if (r == DB_OK)
		r = store_account_kinds(d, account, &have);
	for (unsigned hash = HASH_SHA512; r == DB_OK && hash && !j->next; hash--) {
		if (j->hashes & ~have & UINT32_C(1) << hash)
			j->next = (enum hash)hash;
	}
	return r;
}

static struct upgrade_job *job_new(struct house *h, uint64_t conn, struct str account)
{
	struct upgrade_job *j = mem_new(sizeof *j);

	j->house = h;
	j->conn = conn;
	buf_put(&j->account, account);
	j->next_job = h->upgrades;
	if (j->next_job)
		j->next_job->previous_job = j;
	h->upgrades = j;
	return j;
}

static void job_free(struct upgrade_job *j)
{
	*(j->previous_job ? &j->previous_job->next_job : &j->house->upgrades) = j->next_job;
	if (j->next_job)
		j->next_job->previous_job = j->previous_job;
	buf_free(&j->account);
	buf_wipe(&j->credentials);
	mem_free(j);
}

/* Also how many there are. */
static bool is_asked(const struct house *h, uint64_t conn, unsigned *n)
{
	bool asked = false;

	for (const struct upgrade_job *j = h->upgrades; j; j = j->next_job) {
		++*n;
		asked = asked || j->conn == conn;
	}
	return asked;
}

static void done(struct job *job)
{
	struct upgrade_job *j = (struct upgrade_job *)job;
	struct house *h = j->house;
	bool proved = j->same && bound_is_by_password(h, j->conn) &&
		str_eq(bound_account(h, j->conn), buf_str(&j->account));
	enum cond why = proved ? COND_none : SASL_not_authorized;

	if (job->result != DB_OK)
		why = SASL_temporary_auth_failure;
	if (why == COND_none)
		bound_mark(h, j->conn, &j->mark);
	if (!h->stopping)
		say(h, j->conn, why, why == COND_none ? j->next : 0);
	job_free(j);
}

/* False: it was not made as we have told. */
static bool take(struct buf *list, const struct house *h, const struct msg_want_upgrade *m)
{
	struct verifier v = {.iterations = m->iterations};
	uint32_t rounds = rounds_of(h, m->hash);

	if (!rounds || m->iterations < 4096 || m->iterations > rounds ||
		m->salt.n != sizeof v.salt || m->salted.n != hash_size((enum hash)m->hash))
		return false;
	memcpy(v.salt, m->salt.p, sizeof v.salt);
	verifier_of_salted(&v, (enum hash)m->hash, (const uint8_t *)m->salted.p);
	credential_put_verifier(list, &v);
	mem_wipe(&v, sizeof v);
	return true;
}

void upgrade_make(struct house *h, const struct msg_want_upgrade *m)
{
	struct str account = bound_account(h, m->conn);
	const struct password_mark *mark = bound_marked(h, m->conn);
	struct upgrade_job *j;
	struct buf list = {0};
	unsigned n = 0;

	if (is_asked(h, m->conn, &n)) /* asked again: the answer comes */
		return;
	if (n >= WAITING_MOST) { /* who has not begun can do without */
		say(h, m->conn, m->hash ? SASL_temporary_auth_failure : COND_none, 0);
		return;
	}
	if (!account.n || !bound_is_by_password(h, m->conn) || (m->hash && !mark)) {
		say(h, m->conn, m->hash ? SASL_not_authorized : COND_none, 0);
		return;
	}
	if (m->hash && !take(&list, h, m)) {
		say(h, m->conn, SASL_malformed_request, 0);
		return;
	}
	j = job_new(h, m->conn, account);
	for (unsigned hash = 1; hash <= HASH_SHA512; hash++)
		j->hashes |= rounds_of(h, hash) ? m->hashes & UINT32_C(1) << hash : 0;
	if (m->hash)
		j->mark = *mark;
	buf_take(&j->credentials, &list);
	j->job.run = run;
	j->job.done = done;
	desk_give(h->writer, &j->job);
}

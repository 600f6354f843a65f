/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What users want of accounts. A worker derives what is stored; which account it is about is what
 * the connection proved, and may be chosen for a new one only. The answer comes when the store has
 * it; a worker that lost the answer asks again. */
#include "common/condition.h"
#include "common/credential.h"
#include "sm/answer.h"
#include "sm/bound.h"
#include "sm/credential_judge.h"
#include "sm/enrol.h"
#include "sm/enrol_pace.h"
#include "sm/peer.h"
#include "sm/roster_act.h"
#include "sm/session.h"
#include "sm/store_account.h"
#include "sm/subscribe.h"

#define WAITING_MOST 1024 /* jobs with the desks */
#define ASKS_MOST 20      /* names that one address may try while it may make one account */

struct enrols {
	struct enrol_pace *made, *asked;
	size_t waiting;
};

struct enrol_job {
	struct job job;
	struct house *house;
	uint64_t conn;
	uint32_t attempt;
	struct buf account, address; /* account: bare, prepared */
	struct buf credentials;
	struct buf acts; /* of a removal: what comes of it in other rosters */
	bool found;
};

struct enrols *enrols_new(void)
{
	struct enrols *e = mem_new(sizeof *e);

	e->made = enrol_pace_new(1);
	e->asked = enrol_pace_new(ASKS_MOST);
	return e;
}

void enrols_free(struct enrols **e)
{
	if (!*e)
		return;
	enrol_pace_free(&(*e)->made);
	enrol_pace_free(&(*e)->asked);
	mem_free(*e);
	*e = NULL;
}

/* --- answers --------------------------------------------------------------------------------- */

static struct peer *peer_of(struct house *h, uint64_t conn)
{
	struct peer *p = peer_by_incarnation(h, (uint32_t)(conn >> 32));

	return p && !p->over && !h->stopping ? p : NULL;
}

static void say_ruling(struct house *h, uint64_t conn, uint32_t attempt, enum cond why)
{
	struct message m = {.code = MSG_enrol_ruling};
	struct peer *p = peer_of(h, conn);

	m.as.enrol_ruling = (struct msg_enrol_ruling){
		.conn = conn, .attempt = attempt, .cond = (uint8_t)why};
	if (p)
		peer_send(p, &m);
	house_touch(h);
}

static void say_enrolled(struct house *h, uint64_t conn, uint32_t attempt, enum cond why)
{
	struct message m = {.code = MSG_enrolled};
	struct peer *p = peer_of(h, conn);

	m.as.enrolled = (struct msg_enrolled){
		.conn = conn, .attempt = attempt, .cond = (uint8_t)why};
	if (p)
		peer_send(p, &m);
	house_touch(h);
}

/* --- jobs ------------------------------------------------------------------------------------ */

static struct enrol_job *job_new(struct house *h, uint64_t conn, uint32_t attempt,
	struct str account, struct str address)
{
	struct enrol_job *j = h->enrols->waiting < WAITING_MOST ? mem_try(sizeof *j) : NULL;

	if (!j)
		return NULL;
	h->enrols->waiting++;
	j->house = h;
	j->conn = conn;
	j->attempt = attempt;
	buf_put(&j->account, account);
	buf_put(&j->address, address);
	return j;
}

static void job_free(struct enrol_job *j)
{
	j->house->enrols->waiting--;
	buf_wipe(&j->credentials);
	buf_free(&j->account);
	buf_free(&j->acts);
	buf_free(&j->address);
	mem_free(j);
}

static void job_give(struct enrol_job *j, struct desk *desk,
	enum db_result (*run)(struct job *j, struct db *d), void (*done)(struct job *j))
{
	j->job.run = run;
	j->job.done = done;
	j->job.lane = LANE_DEAR;
	desk_give(desk, &j->job);
}

static enum cond cond_of(const struct enrol_job *j, enum cond not_found)
{
	if (j->job.result == DB_CONSTRAINT)
		return STANZA_conflict;
	if (j->job.result != DB_OK)
		return STANZA_resource_constraint;
	return j->found ? COND_none : not_found;
}

static struct enrol_asker asker_of(const struct enrol_job *j)
{
	return (struct enrol_asker){buf_str(&j->address), j->conn, j->attempt};
}

static void log_account(enum event e, const struct enrol_job *j)
{
	const struct log_field fields[] = {LOG_HEX("conn", j->conn),
		LOG_STR("user", buf_str(&j->account)), LOG_STR("ip", buf_str(&j->address)), {0}};

	log_write(e, fields);
}

/* --- a new account --------------------------------------------------------------------------- */

/* The worker's word for it that a name is prepared is not enough. */
static bool is_prepared(struct jid who)
{
	struct buf store = {0};
	struct jid again;
	bool same = jid_parse(who.text, &store, &again) && str_eq(again.text, who.text);

	buf_free(&store);
	return same;
}

static uint64_t interval_of(const struct house *h)
{
	return (uint64_t)h->conf->registration_interval * 1000;
}

static bool is_open(const struct house *h, struct jid who)
{
	const struct conf_domain *d = conf_domain(h->conf, jid_domain(who));

	return d && d->registration == REGISTRATION_OPEN;
}

static enum cond may_make(const struct house *h, struct jid who, const struct enrol_asker *asker)
{
	if (!is_open(h, who))
		return STANZA_not_allowed;
	if (who.local_n == 0 || who.resource_n > 0 || !is_prepared(who))
		return STANZA_not_acceptable;
	if (!enrol_pace_allows(h->enrols->made, asker, uv_now(&h->loop), interval_of(h)))
		return STANZA_resource_constraint;
	return COND_none;
}

static enum db_result run_look(struct job *job, struct db *d)
{
	struct enrol_job *j = (struct enrol_job *)job;

	return store_account_exists(d, buf_str(&j->account), &j->found);
}

static void done_look(struct job *job)
{
	struct enrol_job *j = (struct enrol_job *)job;
	enum cond why = cond_of(j, COND_none);

	if (why == COND_none && j->found)
		why = STANZA_conflict;
	say_ruling(j->house, j->conn, j->attempt, why);
	job_free(j);
}

/* One that is there with these very credentials was made when this was asked before. */
static enum db_result run_add(struct job *job, struct db *d)
{
	struct enrol_job *j = (struct enrol_job *)job;
	struct str account = buf_str(&j->account);
	enum db_result r = store_account_add(d, account, buf_str(&j->credentials));
	bool same = false;

	j->found = true;
	if (r != DB_CONSTRAINT)
		return r;
	r = store_account_same(d, account, buf_str(&j->credentials), &same);
	return r == DB_OK && !same ? DB_CONSTRAINT : r;
}

static void done_add(struct job *job)
{
	struct enrol_job *j = (struct enrol_job *)job;
	struct enrol_asker asker = asker_of(j);
	enum cond why = cond_of(j, COND_none);

	if (why == COND_none)
		log_account(EVENT_registered, j);
	else
		enrol_pace_give_back(j->house->enrols->made, &asker);
	say_enrolled(j->house, j->conn, j->attempt, why);
	job_free(j);
}

static enum cond make_account(struct house *h, const struct msg_enrol *m)
{
	struct enrol_asker asker = {m->address, m->conn, m->attempt};
	enum cond why = may_make(h, m->who, &asker);
	struct enrol_job *j;

	if (why != COND_none)
		return why;
	if (!credential_judge(h->conf, m->credentials, credential_always()))
		return STANZA_bad_request;
	j = job_new(h, m->conn, m->attempt, m->who.text, m->address);
	if (!j)
		return STANZA_resource_constraint;
	buf_put(&j->credentials, m->credentials);
	enrol_pace_take(h->enrols->made, &asker, uv_now(&h->loop), interval_of(h));
	job_give(j, h->writer, run_add, done_add);
	return COND_none;
}

/* --- one that is logged in ------------------------------------------------------------------- */

static enum db_result run_passwd(struct job *job, struct db *d)
{
	struct enrol_job *j = (struct enrol_job *)job;

	return store_account_passwd(d, buf_str(&j->account), buf_str(&j->credentials), &j->found);
}

static void done_passwd(struct job *job)
{
	struct enrol_job *j = (struct enrol_job *)job;
	enum cond why = cond_of(j, STANZA_not_allowed);

	if (why == COND_none) {
		account_revoke(j->house, buf_str(&j->account));
		log_account(EVENT_password_changed, j);
	}
	say_enrolled(j->house, j->conn, j->attempt, why);
	job_free(j);
}

static enum db_result run_remove(struct job *job, struct db *d)
{
	struct enrol_job *j = (struct enrol_job *)job;

	return account_end(d, buf_str(&j->account), &j->found, &j->acts);
}

/* One that is not there was removed when this was asked before. The answer goes out before the
 * sessions end. */
static void done_remove(struct job *job)
{
	struct enrol_job *j = (struct enrol_job *)job;
	struct house *h = j->house;
	enum cond why = cond_of(j, COND_none);

	say_enrolled(h, j->conn, j->attempt, why);
	if (why == COND_none) {
		log_account(EVENT_account_removed, j);
		account_removed(h, buf_str(&j->account));
	}
	if (why == COND_none && !h->stopping)
		acts_run(h, buf_str(&j->acts));
	job_free(j);
}

static enum cond change_account(struct house *h, const struct msg_enrol *m)
{
	const struct session *s = session_by_conn(h->sessions, m->conn);
	bool remove = m->what == ENROL_REMOVE;
	struct enrol_job *j;

	if (!s)
		return STANZA_not_authorized;
	if (session_is_anonymous(s) || (remove && !is_open(h, s->jid)))
		return STANZA_not_allowed;
	if (!remove && !credential_judge(h->conf, m->credentials, credential_always()))
		return STANZA_bad_request;
	j = job_new(h, m->conn, m->attempt, jid_bare(s->jid), s->row.address);
	if (!j)
		return STANZA_resource_constraint;
	buf_put(&j->credentials, m->credentials);
	if (remove)
		job_give(j, h->writer, run_remove, done_remove);
	else
		job_give(j, h->writer, run_passwd, done_passwd);
	return COND_none;
}

/* --- questions ------------------------------------------------------------------------------- */

/* Who goes away before the account is made has made none, but knows that its name is free, and a
 * worker has derived its credentials: questions are counted, too. */
static bool may_ask(struct house *h, const struct enrol_asker *asker)
{
	uint64_t now = uv_now(&h->loop), interval = interval_of(h);

	if (!enrol_pace_allows(h->enrols->asked, asker, now, interval))
		return false;
	enrol_pace_take(h->enrols->asked, asker, now, interval);
	return true;
}

static enum cond look(struct house *h, const struct msg_enrol_ask *m)
{
	struct enrol_asker asker = {m->address, m->conn, m->attempt};
	enum cond why = may_make(h, m->who, &asker);
	struct enrol_job *j;

	if (why != COND_none)
		return why;
	if (!may_ask(h, &asker))
		return STANZA_resource_constraint;
	j = job_new(h, m->conn, m->attempt, m->who.text, STR_NONE);
	if (!j)
		return STANZA_resource_constraint;
	job_give(j, h->reader, run_look, done_look);
	return COND_none;
}

bool answer_enrol_ask(struct peer_link *l, const struct msg_enrol_ask *m)
{
	struct house *h = l->house;
	const struct session *s = session_by_conn(h->sessions, m->conn);
	enum cond why = STANZA_not_authorized;

	if (m->what == ENROL_NEW && !s && bound_account(h, m->conn).n == 0) {
		why = look(h, m);
		if (why == COND_none)
			return true;
	} else if (m->what == ENROL_PASSWORD && s) {
		why = session_is_anonymous(s) ? STANZA_not_allowed : COND_none;
	}
	say_ruling(h, m->conn, m->attempt, why);
	return true;
}

bool answer_enrol(struct peer_link *l, const struct msg_enrol *m)
{
	struct house *h = l->house;
	enum cond why = STANZA_not_authorized;

	l->secret = true;
	if (m->what == ENROL_PASSWORD || m->what == ENROL_REMOVE)
		why = change_account(h, m);
	else if (m->what == ENROL_NEW && !session_by_conn(h->sessions, m->conn) &&
		bound_account(h, m->conn).n == 0)
		why = make_account(h, m);
	if (why != COND_none)
		say_enrolled(h, m->conn, m->attempt, why);
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Questions about accounts: the first of a login is a job of the reading desk, which finds the
 * verifier. That is kept, for a while and for that attempt only, so that the proof can be checked
 * at once; a proof whose verifier is not here (any more) is a job of the desk, too. */
#include "sm/verify_work.h"

#include "common/condition.h"
#include "common/table.h"

#include <string.h>

#define TRIED_MOST 16384 /* connections whose last proof is remembered */
#define MORE_MOST 4096   /* bytes of credentials that come with a proof */

struct tried {
	uint64_t conn; /* the table's key */
	uint32_t attempt;
	bool used;
};

static void count(struct verify *v, enum cond cond)
{
	if (cond == SASL_temporary_auth_failure)
		v->counts.unavailable++;
	else if (cond != COND_none)
		v->counts.refused++;
	else
		v->counts.proved++;
}

/* The password was right: what the worker has made of it may be kept. */
static void hand_on(struct verify *v, const struct question *q)
{
	if (q->more.n && q->form && q->form->number == PROTO_FORM_CLIENT_KEY && v->out.credentials)
		v->out.credentials(v->out.ctx, q->who.text, &q->verifier, q->more);
}

/* Not by a token or a certificate, nor as nobody in particular. */
static bool is_by_password(const struct question *q)
{
	static const uint8_t forms[] = {PROTO_FORM_SCRAM, PROTO_FORM_CLIENT_KEY,
		PROTO_FORM_DIGEST_MD5, PROTO_FORM_CRAM_MD5};

	return q->form && memchr(forms, q->form->number, sizeof forms);
}

static void say_verdict(struct verify *v, const struct question *q, enum cond cond)
{
	struct msg_sasl_verdict m = {.conn = q->conn,
		.attempt = q->attempt,
		.cond = (uint8_t)cond,
		.who = q->who,
		.flags = q->flags};

	count(v, cond);
	if (cond == COND_none) {
		m.signature = str_at(q->signature, q->signature_n);
		m.flags |= is_by_password(q) ? PROTO_VERDICT_PASSWORD : 0;
		hand_on(v, q);
	}
	if (!verify_holds(v, q, &m))
		v->out.verdict(v->out.ctx, &m);
}

static void say_salt(struct verify *v, const struct question *q, bool works)
{
	struct msg_sasl_salt m = {.conn = q->conn, .attempt = q->attempt};
	struct buf nonce = {0};

	if (works) {
		verify_nonce(q, &nonce);
		m.nonce = buf_str(&nonce);
		m.iterations = q->verifier.iterations;
		m.wants = q->lacks;
	} else {
		v->counts.unavailable++;
	}
	if (m.iterations)
		m.salt = str_at(q->verifier.salt, sizeof q->verifier.salt);
	v->out.salt(v->out.ctx, &m);
	buf_free(&nonce);
}

static void done_start(struct job *j)
{
	struct question *q = (struct question *)j;

	if (!q->v->closed)
		say_salt(q->v, q, j->result == DB_OK);
	if (!q->v->closed && j->result == DB_OK && !q->revoked)
		question_keep(q);
	else
		question_drop(q);
}

static enum db_result run_settle(struct job *j, struct db *d)
{
	struct question *q = (struct question *)j;

	return q->form->settle(q, d);
}

/* Is there more to do before the verdict? It is done once. */
static bool settles(struct question *q)
{
	bool due = q->settles && q->cond == COND_none && q->job.result == DB_OK && !q->revoked &&
		!q->v->closed;

	q->settles = false;
	if (due) {
		q->job.run = run_settle;
		desk_give(q->v->writer, &q->job);
	}
	return due;
}

static bool has_failed(const struct question *q)
{
	bool matters = q->job.run != run_settle || q->must_settle;

	return q->job.result != DB_OK && matters;
}

static void done_prove(struct job *j)
{
	struct question *q = (struct question *)j;

	if (settles(q))
		return;
	if (q->revoked)
		q->cond = SASL_not_authorized;
	/* Never not-authorized when the store is at fault: clients would forget the password
	 * (protocol.md 1c). */
	if (!q->v->closed)
		say_verdict(q->v, q, has_failed(q) ? SASL_temporary_auth_failure : q->cond);
	question_drop(q);
}

/* NULL: it is no bare JID of ours. */
static const struct conf_domain *domain_of(const struct verify *v, struct jid who)
{
	return who.resource_n == 0 ? conf_domain(v->conf, jid_domain(who)) : NULL;
}

static uint32_t kinds_of(const struct verify *v, const struct conf_domain *domain)
{
	struct credential_rules rules;

	credential_rules(&rules, v->conf, domain);
	return rules.kinds;
}

static bool is_hash_of_verifiers(unsigned hash)
{
	return hash && hash < COUNT(((struct verify *)NULL)->iterations);
}

static void start_with_account(struct verify *v, const struct msg_sasl_start *m)
{
	const struct conf_domain *domain = m->who.local_n ? domain_of(v, m->who) : NULL;
	struct msg_sasl_prove same = {
		.conn = m->conn, .attempt = m->attempt, .hash = m->hash, .who = m->who};
	struct question blank = {.conn = m->conn, .attempt = m->attempt}, *q = NULL;

	if (domain && is_hash_of_verifiers(m->hash) && v->iterations[m->hash] &&
		verify_admits_start(v, m))
		q = question_new(v, &same, m->dear ? LANE_DEAR : LANE_LOGIN);
	if (!q) {
		say_salt(v, &blank, false);
		return;
	}
	q->kinds = kinds_of(v, domain);
	q->job.run = verify_run_start;
	q->job.done = done_start;
	question_ask(q);
}

void verify_start(struct verify *v, const struct msg_sasl_start *m)
{
	struct question blank = {.v = v, .conn = m->conn, .attempt = m->attempt};

	/* The nonce is all that other forms need: they ask before they know who it is. */
	if (m->form == 0 || m->form == PROTO_FORM_SCRAM)
		start_with_account(v, m);
	else
		say_salt(v, &blank, proof_form_of(m->form) && m->who.text.n == 0);
}

/* Has this attempt, or a later one of the connection, been judged? If not, it is now. */
static bool is_repeated(struct verify *v, uint64_t conn, uint32_t attempt)
{
	struct tried *t = table_get(v->by_conn, KEY(conn));
	bool repeated = t && attempt <= t->attempt;

	if (repeated)
		return true;
	if (!t) {
		t = &v->tried[v->next_tried];
		v->next_tried = (v->next_tried + 1) % TRIED_MOST;
		if (t->used)
			table_remove(v->by_conn, KEY(t->conn));
		t->conn = conn;
		t->used = table_put(v->by_conn, KEY(t->conn), t);
	}
	t->attempt = attempt;
	return false;
}

/* COND_none, or why it is not even judged. */
static enum cond may_be_judged(const struct proof_form *f, const struct msg_sasl_prove *m,
	const struct conf_domain *domain)
{
	if (!f || !domain || f->names_account != (m->who.local_n == 0) || !f->is_well_formed(m) ||
		m->more.n > MORE_MOST)
		return SASL_not_authorized;
	return proof_is_listed(f, m, domain) ? COND_none : SASL_invalid_mechanism;
}

/* Whatever comes of it, its verifier has been used. False: it is not here. */
static bool prove_with_kept(struct verify *v, const struct proof_form *f,
	const struct msg_sasl_prove *m)
{
	struct question *q = table_get(v->kept_by_conn, KEY(m->conn));
	bool fits;

	if (!q)
		return false;
	fits = f->find == verify_find_verifier && q->attempt == m->attempt &&
		q->hash == (enum hash)m->hash && str_eq(q->who.text, m->who.text);
	if (fits) {
		q->form = f;
		q->from = verify_source(m);
		q->message = m->message;
		q->proof = m->proof;
		q->more = m->more;
		f->judge(q);
		say_verdict(v, q, q->cond);
	}
	question_forget(q);
	return fits;
}

static void judge_at_once(struct verify *v, struct question *q)
{
	q->form->judge(q);
	say_verdict(v, q, q->cond);
	question_free(q);
}

/* Who comes with a token has been here before, and cost little. */
static enum lane lane_of(const struct proof_form *f)
{
	switch (f->number) {
	case PROTO_FORM_TOKEN:
		return LANE_PROMPT;
	case PROTO_FORM_CLIENT_KEY:
		return LANE_DEAR;
	default:
		return LANE_LOGIN;
	}
}

void verify_prove(struct verify *v, const struct msg_sasl_prove *m)
{
	const struct conf_domain *domain = domain_of(v, m->who);
	const struct proof_form *f = proof_form_of(m->form);
	struct question blank = {.conn = m->conn, .attempt = m->attempt, .who = m->who};
	struct question *q;
	enum cond why;

	if (is_repeated(v, m->conn, m->attempt)) {
		v->counts.repeated++;
		return;
	}
	why = may_be_judged(f, m, domain);
	if (!why && !verify_admits(v, f, m))
		why = SASL_temporary_auth_failure;
	if (why) {
		say_verdict(v, &blank, why);
		return;
	}
	if (prove_with_kept(v, f, m))
		return;
	q = question_new(v, m, lane_of(f));
	if (!q) {
		say_verdict(v, &blank, SASL_temporary_auth_failure);
		return;
	}
	q->form = f;
	q->from = verify_source(m);
	if (!f->find) {
		judge_at_once(v, q);
		return;
	}
	q->job.run = verify_run_prove;
	q->job.done = done_prove;
	question_ask(q);
}

void verify_revoke(struct verify *v, struct str account)
{
	guard_revoke(v->guard, account);
	for (struct question *q = v->asked; q; q = q->next)
		q->revoked = q->revoked || str_eq(q->who.text, account);
	for (struct question *q = v->kept, *next; q; q = next) {
		next = q->next;
		if (str_eq(q->who.text, account))
			question_forget(q);
	}
}

void verify_writer(struct verify *v, struct desk *writer)
{
	v->writer = writer;
}

struct verify_counts verify_counts(const struct verify *v)
{
	return v->counts;
}

/* --- life ------------------------------------------------------------------------------------ */

static bool read_rounds(struct verify *v, struct db *d)
{
	bool done = true;

	for (unsigned hash = 1; done && hash < COUNT(v->rounds); hash++)
		done = store_account_rounds(d, (enum hash)hash, v->rounds[hash], VERIFY_ROUNDS,
			       &v->rounds_n[hash]) == DB_OK;
	return done;
}

static bool read_secrets(struct verify *v, const char *path, struct buf *why)
{
	struct db *d = db_open(path, DB_DURABLE, why);
	bool done;

	if (!d)
		return false;
	done = store_migrate(d, path, why);
	if (done) {
		done = store_secret(d, "fake-salt", v->salt_secret) == DB_OK &&
			store_secret(d, "nonce", v->nonce_secret) == DB_OK && read_rounds(v, d);
		if (!done)
			buf_printf(why, "%s: %s", path, db_why(d));
	}
	db_close(&d);
	return done;
}

struct verify *verify_new(const struct conf *conf, struct desk *reader, const char *store_path,
	const struct verify_out *out, struct buf *why)
{
	struct verify *v = mem_new(sizeof *v);

	verify_conf(v, conf);
	v->reader = reader;
	v->out = *out;
	v->by_conn = table_new();
	v->kept_by_conn = table_new();
	v->tried = mem_new(TRIED_MOST * sizeof *v->tried);
	if (read_secrets(v, store_path, why))
		return v;
	verify_destroy(v);
	return NULL;
}

void verify_free(struct verify **v)
{
	struct verify *old = *v;

	if (!old)
		return;
	*v = NULL;
	old->closed = true;
	if (old->waiting == 0)
		verify_destroy(old);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See derive.h. */
#include "c2s/derive.h"
#include <sys/resource.h>

struct job {
	uv_work_t work;
	enum hash hash;
	uint32_t iterations;
	struct buf password, salt, account, more;
	struct credential_rules rules;
	uint8_t key[HASH_MAX];
	void (*done)(void *ctx, struct str key, struct str more);
	void *ctx;
};

void derive_client_key(const struct sasl_work *work, uint8_t *key)
{
	uint8_t salted[HASH_MAX];
	pbkdf2(work->hash, work->password, work->salt, work->iterations, salted);
	hmac_bytes(work->hash, str_at(salted, hash_size(work->hash)), STR("Client Key"), key);
	mem_wipe(salted, sizeof salted);
}

/* On Linux this is the calling thread's own. Without it everything works, in another order. */
static void give_way(void)
{
	static _Thread_local bool gives_way;
	if (!gives_way)
		(void)setpriority(PRIO_PROCESS, 0, DERIVE_NICE);
	gives_way = true;
}

static void run(uv_work_t *w)
{
	struct job *j = w->data;
	struct sasl_work work = {.hash = j->hash,
		.password = buf_str(&j->password),
		.salt = buf_str(&j->salt),
		.iterations = j->iterations};
	give_way();
	derive_client_key(&work, j->key);
	credential_make(&j->more, &j->rules, buf_str(&j->account), work.password);
}

static void job_free(struct job *j)
{
	buf_wipe(&j->password);
	buf_free(&j->salt);
	buf_free(&j->account);
	buf_wipe(&j->more);
	mem_wipe(j->key, sizeof j->key);
	mem_free(j);
}

static void ran(uv_work_t *w, int status)
{
	struct job *j = w->data;
	struct str key = str_at(j->key, hash_size(j->hash));
	j->done(j->ctx, status ? STR_NONE : key, status ? STR_NONE : buf_str(&j->more));
	job_free(j);
}

bool derive_start(uv_loop_t *loop, const struct sasl_work *work,
	void (*done)(void *ctx, struct str key, struct str more), void *ctx)
{
	struct job *j = mem_try(sizeof *j);
	if (!j)
		return false;
	j->work.data = j;
	j->hash = work->hash;
	j->iterations = work->iterations;
	j->rules = work->rules;
	j->done = done;
	j->ctx = ctx;
	buf_put(&j->password, work->password);
	buf_put(&j->salt, work->salt);
	buf_put(&j->account, work->account);
	if (!uv_queue_work(loop, &j->work, run, ran))
		return true;
	job_free(j);
	return false;
}

/* New passwords. */

struct new_password {
	uv_work_t work;
	struct credential_rules rules;
	struct buf account, password, made;
	void (*done)(void *ctx, struct str credentials);
	void *ctx;
};

static void make(uv_work_t *w)
{
	struct new_password *x = w->data;
	give_way();
	credential_make(&x->made, &x->rules, buf_str(&x->account), buf_str(&x->password));
}

static void new_password_free(struct new_password *x)
{
	buf_wipe(&x->password);
	buf_wipe(&x->made);
	buf_free(&x->account);
	mem_free(x);
}

static void made(uv_work_t *w, int status)
{
	struct new_password *x = w->data;
	x->done(x->ctx, status ? STR_NONE : buf_str(&x->made));
	new_password_free(x);
}

bool derive_credentials_start(uv_loop_t *loop, const struct credential_rules *rules,
	struct str account, struct str password, void (*done)(void *ctx, struct str credentials),
	void *ctx)
{
	struct new_password *x = mem_try(sizeof *x);
	if (!x)
		return false;
	x->work.data = x;
	x->rules = *rules;
	x->done = done;
	x->ctx = ctx;
	buf_put(&x->account, account);
	buf_put(&x->password, password);
	if (!uv_queue_work(loop, &x->work, make, made))
		return true;
	new_password_free(x);
	return false;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the verification of proofs borrows: the configuration, and the guard of failed logins. */
#include "sm/verify_work.h"

void verify_conf(struct verify *v, const struct conf *conf)
{
	v->conf = conf;
#define ROW(value, setting) atomic_store(&v->iterations[value], (uint32_t)conf->setting);
	VERIFIER_HASHES(ROW)
#undef ROW
}

void verify_guard(struct verify *v, struct guard *guard)
{
	v->guard = guard;
}

static struct network network_of_text(struct str address)
{
	struct network from;

	return network_parse(address, &from) ? from : (struct network){0};
}

struct network verify_source(const struct msg_sasl_prove *m)
{
	return network_of_text(m->address);
}

/* An account that the proof itself names is not known before. */
static struct guard_try try_of(const struct proof_form *f, struct network from, struct str account)
{
	return (struct guard_try){.from = from,
		.account = f && !f->names_account ? account : STR_NONE,
		.form = f ? f->number : 0};
}

bool verify_admits(struct verify *v, const struct proof_form *f, const struct msg_sasl_prove *m)
{
	struct guard_try t = try_of(f, verify_source(m), m->who.text);

	return guard_admits(v->guard, &t);
}

/* A worker remembers passwords that were right (c2s/key_cache.h): of a proof that is refused
 * unseen, the time until then would tell whether it is one of them. So the worker hears it before
 * it looks. */
bool verify_admits_start(struct verify *v, const struct msg_sasl_start *m)
{
	struct guard_try t = {.from = network_of_text(m->address),
		.account = m->who.text,
		.form = PROTO_FORM_CLIENT_KEY};

	return !m->dear || !m->address.n || guard_admits(v->guard, &t);
}

bool verify_holds(struct verify *v, const struct question *q, const struct msg_sasl_verdict *m)
{
	struct guard_try t = try_of(q->form, q->from, q->who.text);

	return guard_holds(v->guard, &t, m);
}

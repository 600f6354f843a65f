/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rules: who is refused, who waits, what counts. The failures of an account at an address are
 * kept apart, too, so that a success takes back just those: the address keeps what it did to
 * others, the account what others did to it. */
#include "sm/guard.h"

#include "common/condition.h"
#include "common/log.h"
#include "sm/guard_place.h"

#include <string.h>

#define TICK_MS 250
#define SLOTS 64       /* of the wheel: more than auth-delay can be */
#define HELD_MOST 4096 /* verdicts; above it those that would have to wait are refused */
#define DELAY_FIRST_MS 250
#define DOUBLINGS_MOST 8
#define DELAY_PART 4  /* of what is allowed: with so much of it verdicts begin to be late */
#define SITE_TIMES 10 /* an IPv6 /48 is allowed so many times what a /64 is */
#define CLEAN 2       /* failures below which an address may try even an account under attack */
#define TRUST_MS (UINT64_C(30) * 86400 * 1000) /* after a success */

_Static_assert((int64_t)CONF_MOST_auth_delay * 1000 < (int64_t)TICK_MS * (SLOTS - 2),
	"the wheel turns more slowly than the longest delay");

struct held {
	struct held *next;
	uint64_t due;
	struct msg_sasl_verdict verdict;
	char text[]; /* its account and signature */
};

struct guard {
	const struct conf *conf;
	struct guard_out out;
	struct guard_memory *memory;
	bool own_memory;
	uint64_t now, ticks; /* ms; ticks: of the wheel, handed out */
	struct held *slots[SLOTS];
	size_t held;
};

/* What a proof meets; NULL: nothing is known. */
struct places {
	struct guard_place *address, *site, *account, *pair;
};

static struct guard_memory *shared;

void guard_share(void)
{
	if (!shared)
		shared = guard_memory_new();
}

static struct guard_now now_of(const struct guard *g)
{
	return (struct guard_now){g->now, (uint64_t)g->conf->auth_failures_half_life * 1000};
}

/* Nobody guesses what is not secret, and a client certificate was proved to c2s. */
static bool is_guess(const struct guard *g, const struct guard_try *t)
{
	enum { NONE = 0, ANONYMOUS = 5, EXTERNAL = 7 }; /* PROTO_FORM_* */

	return g && t->form != NONE && t->form != ANONYMOUS && t->form != EXTERNAL &&
		!network_in(t->from, g->conf->auth_exempt);
}

static struct network peer_of(const struct guard_try *t)
{
	return network_prefix(t->from, NETWORK_PEER_BITS);
}

static struct network site_of(const struct guard_try *t)
{
	return network_prefix(t->from, NETWORK_SITE_BITS);
}

static struct places find(struct guard *g, const struct guard_try *t)
{
	static const struct network anywhere;
	struct network peer = peer_of(t);

	return (struct places){
		.address = guard_find(g->memory, GUARD_ADDRESS, peer, STR_NONE),
		.site = peer.family == 6
			? guard_find(g->memory, GUARD_ADDRESS, site_of(t), STR_NONE)
			: NULL,
		.account = guard_find(g->memory, GUARD_ACCOUNT, anywhere, t->account),
		.pair = guard_find(g->memory, GUARD_PAIR, peer, t->account),
	};
}

static unsigned whole(const struct guard *g, const struct guard_place *p)
{
	return (guard_failures(p, now_of(g)) + GUARD_ONE / 2) / GUARD_ONE;
}

static bool is_refused(const struct guard *g, const struct guard_place *p)
{
	return p && p->until > g->now;
}

/* Was the password right there lately, and was it not wrong since? */
static bool is_trusted(const struct guard *g, const struct guard_place *pair)
{
	return pair && pair->good && g->now - pair->good < TRUST_MS && whole(g, pair) < CLEAN;
}

static uint64_t delay_of(const struct guard *g, const struct guard_place *p, int64_t allowed)
{
	int64_t over = (int64_t)whole(g, p) - allowed / DELAY_PART;
	uint64_t most = (uint64_t)g->conf->auth_delay * 1000, ms;

	if (allowed == 0 || over <= 0)
		return 0;
	ms = DELAY_FIRST_MS << (over - 1 < DOUBLINGS_MOST ? over - 1 : DOUBLINGS_MOST);
	return ms < most ? ms : most;
}

static uint64_t delay_in(const struct guard *g, const struct places *p)
{
	uint64_t address = delay_of(g, p->address, g->conf->auth_failures_per_address);
	uint64_t site = delay_of(g, p->site, g->conf->auth_failures_per_address * SITE_TIMES);
	uint64_t account = 0;

	if (!is_trusted(g, p->pair))
		account = delay_of(g, p->account, g->conf->auth_failures_per_account);
	if (site > address)
		address = site;
	return account > address ? account : address;
}

bool guard_admits(struct guard *g, const struct guard_try *t)
{
	struct places p;
	bool refused;

	if (!is_guess(g, t))
		return true;
	p = find(g, t);
	refused = is_refused(g, p.address) || is_refused(g, p.site) ||
		(is_refused(g, p.account) && !is_trusted(g, p.pair) &&
			whole(g, p.address) >= CLEAN) ||
		(g->held >= HELD_MOST && delay_in(g, &p) > 0);
	if (refused)
		log_event(auth_refused, LOG_STR("user", t->account));
	return !refused;
}

/* --- counting -------------------------------------------------------------------------------- */

/* True: from now on it is refused. */
static bool count_at(struct guard *g, struct guard_place *p, const char *what, int64_t allowed)
{
	uint64_t ban = (uint64_t)g->conf->auth_ban * 1000;

	guard_add(p, GUARD_ONE, now_of(g));
	if (allowed == 0 || whole(g, p) < (uint64_t)allowed || is_refused(g, p))
		return false;
	p->until = g->now + ban;
	log_event(ban, LOG_TEXT(what, p->name), LOG_U64("failures", whole(g, p)),
		LOG_U64("seconds", ban / 1000));
	return true;
}

static void count_prefix(struct guard *g, struct network prefix, int64_t allowed)
{
	struct guard_place *p = guard_make(g->memory, GUARD_ADDRESS, prefix, STR_NONE, now_of(g),
		false);

	if (count_at(g, p, "ip", allowed))
		g->out.ban(g->out.ctx, prefix, p->until - g->now);
}

static void failed(struct guard *g, const struct guard_try *t)
{
	static const struct network anywhere;
	struct network peer = peer_of(t);
	int64_t allowed = g->conf->auth_failures_per_address;
	struct guard_place *pair;

	count_prefix(g, peer, allowed);
	if (peer.family == 6)
		count_prefix(g, site_of(t), allowed * SITE_TIMES);
	if (t->account.n == 0)
		return;
	count_at(g, guard_make(g->memory, GUARD_ACCOUNT, anywhere, t->account, now_of(g), false),
		"user", g->conf->auth_failures_per_account);
	pair = guard_make(g->memory, GUARD_PAIR, peer, t->account, now_of(g), false);
	if (pair)
		guard_add(pair, GUARD_ONE, now_of(g));
}

static void take_back(struct guard *g, struct guard_place *p, uint32_t failures)
{
	if (p)
		guard_add(p, -(int64_t)failures, now_of(g));
}

static void succeeded(struct guard *g, const struct guard_try *t, const struct places *p)
{
	uint32_t failures = guard_failures(p->pair, now_of(g));
	struct guard_place *pair;

	if (t->account.n == 0)
		return;
	take_back(g, p->address, failures);
	take_back(g, p->site, failures);
	take_back(g, p->account, failures);
	pair = guard_make(g->memory, GUARD_PAIR, peer_of(t), t->account, now_of(g), true);
	take_back(g, pair, failures);
	pair->good = g->now ? g->now : 1;
}

/* --- verdicts that wait ----------------------------------------------------------------------- */

static struct str keep(char **at, struct str s)
{
	struct str kept = str_at(*at, s.n);

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return kept;
}

static bool hold(struct guard *g, const struct msg_sasl_verdict *m, uint64_t delay)
{
	struct held *h = mem_try(sizeof *h + m->who.text.n + m->signature.n), **slot;
	char *at;

	if (!h)
		return false;
	at = h->text;
	h->due = g->now + delay;
	h->verdict = *m;
	h->verdict.who.text = keep(&at, m->who.text);
	h->verdict.signature = keep(&at, m->signature);
	slot = &g->slots[(h->due + TICK_MS - 1) / TICK_MS % SLOTS];
	h->next = *slot;
	*slot = h;
	g->held++;
	log_event(auth_delayed, LOG_HEX("conn", m->conn), LOG_U64("ms", delay));
	return true;
}

bool guard_holds(struct guard *g, const struct guard_try *t, const struct msg_sasl_verdict *m)
{
	struct places p;
	uint64_t delay;

	if (!is_guess(g, t) || m->cond == SASL_temporary_auth_failure)
		return false;
	p = find(g, t);
	/* by what was there before: how long it takes must not tell what the verdict is */
	delay = delay_in(g, &p);
	if (m->cond == SASL_not_authorized)
		failed(g, t);
	else if (m->cond == COND_none)
		succeeded(g, t, &p);
	return delay > 0 && g->held < HELD_MOST && hold(g, m, delay);
}

static void held_free(struct guard *g, struct held *h)
{
	mem_wipe(h->text, h->verdict.who.text.n + h->verdict.signature.n);
	mem_free(h);
	g->held--;
}

/* Hands out what of a slot is due. It is taken out before it is told. */
static void run_slot(struct guard *g, struct held **at)
{
	while (*at) {
		struct held *h = *at;

		if (h->due > g->now) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		g->out.verdict(g->out.ctx, &h->verdict);
		held_free(g, h);
	}
}

void guard_tick(struct guard *g, uint64_t now_ms)
{
	uint64_t last = now_ms / TICK_MS, from = g->ticks;

	g->now = now_ms;
	g->ticks = last;
	if (g->held == 0)
		return;
	if (last < from || last - from >= SLOTS) /* a long stall */
		from = last - (SLOTS - 1);
	/* the slot of `from` may have got more since it was run */
	for (uint64_t tick = from; tick <= last; tick++)
		run_slot(g, &g->slots[tick % SLOTS]);
}

void guard_revoke(struct guard *g, struct str account)
{
	for (size_t i = 0; g && i < SLOTS; i++) {
		for (struct held *h = g->slots[i]; h; h = h->next) {
			if (h->verdict.cond || !str_eq(h->verdict.who.text, account))
				continue;
			h->verdict.cond = SASL_not_authorized;
			h->verdict.signature = STR_NONE;
		}
	}
}

size_t guard_held(const struct guard *g)
{
	return g->held;
}

/* --- for the operator ------------------------------------------------------------------------- */

static bool describe(const struct guard *g, const struct guard_place *p, bool is_account,
	struct guard_row *row)
{
	int64_t allowed = is_account ? g->conf->auth_failures_per_account
				     : g->conf->auth_failures_per_address;
	bool is_site = !is_account && str_ends(str_of(p->name), STR("/48"));

	if (p->tag == 0)
		return false;
	*row = (struct guard_row){.name = p->name,
		.is_account = is_account,
		.failures = whole(g, p),
		.refused_ms = is_refused(g, p) ? p->until - g->now : 0,
		.delay_ms = delay_of(g, p, is_site ? allowed * SITE_TIMES : allowed)};
	return row->refused_ms || row->delay_ms;
}

bool guard_next(struct guard *g, size_t *at, struct guard_row *row)
{
	const size_t each = GUARD_BUCKETS * GUARD_WAYS;

	while (*at < 2 * each) {
		enum guard_kind kind = *at < each ? GUARD_ADDRESS : GUARD_ACCOUNT;
		const struct guard_place *p = &g->memory->places[kind][(*at)++ % each];

		if (describe(g, p, kind == GUARD_ACCOUNT, row))
			return true;
	}
	return false;
}

static bool forgive(struct guard_place *p)
{
	bool any = p && (p->failures || p->until);

	if (p)
		p->failures = 0;
	if (p)
		p->until = 0;
	return any;
}

bool guard_pardon(struct guard *g, struct str name)
{
	struct network a = {0};
	bool any;

	if (str_find(name, '@') < name.n)
		return forgive(guard_find(g->memory, GUARD_ACCOUNT, a, name));
	if (!network_parse(name, &a))
		return false;
	a = network_prefix(a, NETWORK_PEER_BITS);
	any = forgive(guard_find(g->memory, GUARD_ADDRESS, a, STR_NONE));
	if (any)
		g->out.ban(g->out.ctx, a, 0);
	return any;
}

void guard_tell(struct guard *g)
{
	for (size_t i = 0; i < GUARD_BUCKETS * GUARD_WAYS; i++) {
		const struct guard_place *p = &g->memory->places[GUARD_ADDRESS][i];
		struct network a;

		if (p->tag && is_refused(g, p) && network_parse(str_of(p->name), &a))
			g->out.ban(g->out.ctx, a, p->until - g->now);
	}
}

/* --- life ------------------------------------------------------------------------------------- */

struct guard *guard_new(const struct conf *conf, const struct guard_out *out, uint64_t now_ms)
{
	struct guard *g = mem_new(sizeof *g);

	g->conf = conf;
	g->out = *out;
	g->own_memory = !shared;
	g->memory = shared ? shared : guard_memory_new();
	g->now = now_ms;
	g->ticks = now_ms / TICK_MS;
	return g;
}

void guard_conf(struct guard *g, const struct conf *conf)
{
	g->conf = conf;
}

void guard_free(struct guard **g)
{
	struct guard *old = *g;

	if (!old)
		return;
	*g = NULL;
	for (size_t i = 0; i < SLOTS; i++) {
		for (struct held *h = old->slots[i], *next; h; h = next) {
			next = h->next;
			held_free(old, h);
		}
	}
	if (old->own_memory)
		guard_memory_free(&old->memory);
	mem_free(old);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Failed logins: who is refused, who waits, who is let in all the same, and what it may cost. */
#include "sm/guard.h"

#include "common/condition.h"
#include "sm/guard_place.h"
#include "t/lib/sm_try.h"

#include <sys/wait.h>

#define START UINT64_C(5000000000)

static struct conf conf;
static struct guard *guard;
static uint64_t now;
static struct {
	unsigned verdicts, proved, bans, unbans;
	char banned[NETWORK_TEXT];
	uint64_t ban_ms;
} told;

static void on_verdict(void *ctx, const struct msg_sasl_verdict *m)
{
	(void)ctx;
	told.verdicts++;
	told.proved += m->cond == COND_none && m->signature.n == 3;
}

static void on_ban(void *ctx, struct network prefix, uint64_t ms)
{
	(void)ctx;
	told.bans += ms > 0;
	told.unbans += ms == 0;
	told.ban_ms = ms;
	network_write(prefix, told.banned);
}

static const struct guard_out out = {on_verdict, on_ban, NULL};

static int set_up(void **state)
{
	(void)state;
	conf = (struct conf){.auth_failures_per_address = 20,
		.auth_failures_per_account = 100,
		.auth_failures_half_life = 600,
		.auth_ban = 1800,
		.auth_delay = 4};
	memset(&told, 0, sizeof told);
	now = START;
	guard = guard_new(&conf, &out, now);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	guard_free(&guard);
	return 0;
}

static void pass(uint64_t ms)
{
	for (uint64_t end = now + ms; now < end;)
		guard_tick(guard, now = now + 250 < end ? now + 250 : end);
}

static struct guard_try try_of(const char *ip, const char *account)
{
	struct guard_try t = {.account = str_of(account), .form = PROTO_FORM_SCRAM};

	if (*ip)
		assert_true(network_parse(str_of(ip), &t.from));
	return t;
}

static bool admits(const char *ip, const char *account)
{
	struct guard_try t = try_of(ip, account);

	return guard_admits(guard, &t);
}

/* Was it held back? */
static bool ends(const char *ip, const char *account, enum cond cond)
{
	struct guard_try t = try_of(ip, account);
	struct msg_sasl_verdict m = {.conn = 1, .cond = (uint8_t)cond, .who.text = t.account};

	if (!cond)
		m.signature = STR("sig");
	return guard_holds(guard, &t, &m);
}

static unsigned fails(const char *ip, const char *account, unsigned times)
{
	unsigned held = 0;

	for (unsigned i = 0; i < times; i++)
		held += ends(ip, account, SASL_not_authorized);
	return held;
}

static void an_address_is_refused(void **state)
{
	(void)state;
	fails("192.0.2.1", "a@x", 19);
	assert_true(admits("192.0.2.1", "b@x"));
	fails("192.0.2.1", "c@x", 1); /* whatever the accounts */
	assert_false(admits("192.0.2.1", "b@x"));
	assert_true(admits("192.0.2.2", "b@x"));
	assert_int_equal(told.bans, 1);
	assert_string_equal(told.banned, "192.0.2.1");
	assert_int_equal(told.ban_ms, 1800000);
	pass(1799000);
	assert_false(admits("192.0.2.1", "b@x"));
	pass(1000);
	assert_true(admits("192.0.2.1", "b@x"));
	fails("192.0.2.1", "c@x", 16); /* of 20 an eighth is left */
	assert_true(admits("192.0.2.1", "b@x"));
	fails("192.0.2.1", "c@x", 2);
	assert_false(admits("192.0.2.1", "b@x"));
}

static void a_prefix_of_ipv6_is_one(void **state)
{
	char ip[64];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(ip, sizeof ip, "2001:db8:1:2:%x::%x", i, i);
		assert_true(admits(ip, "a@x"));
		fails(ip, "a@x", 1);
	}
	assert_false(admits("2001:db8:1:2:ffff::", "a@x"));
	assert_true(admits("2001:db8:1:3::1", "b@x"));
	assert_string_equal(told.banned, "2001:db8:1:2::/64");
}

static void a_site_of_ipv6_is_refused_too(void **state)
{
	char ip[64];
	unsigned i, refused = 0;

	(void)state;
	for (i = 0; i < 1000; i++) {
		snprintf(ip, sizeof ip, "2001:db8:1:%x::1", i);
		if (admits(ip, "a@x"))
			fails(ip, "a@x", 1);
		else
			refused++;
	}
	assert_int_equal(refused, 800); /* ten times twenty were judged */
	assert_true(admits("2001:db8:2::1", "a@x"));
}

static void an_account_under_attack_lets_its_owner_in(void **state)
{
	char ip[64];

	(void)state;
	assert_false(ends("192.0.2.1", "a@x", COND_none)); /* at home, before */
	for (unsigned i = 0; i < 100; i++) {
		snprintf(ip, sizeof ip, "10.0.%u.1", i);
		assert_true(admits(ip, "a@x"));
		fails(ip, "a@x", 1);
	}
	assert_true(admits("10.0.7.1", "b@x"));
	assert_true(admits("10.0.7.1", "a@x")); /* one slip is forgiven */
	fails("10.0.7.1", "a@x", 1);
	assert_false(admits("10.0.7.1", "a@x")); /* the attacker's */
	assert_true(admits("10.0.7.1", "b@x"));
	assert_true(admits("192.0.2.1", "a@x"));    /* home */
	assert_true(admits("198.51.100.1", "a@x")); /* abroad, but clean */
	fails("192.0.2.1", "other@x", 5);           /* a neighbour's slips are no reason */
	assert_true(admits("192.0.2.1", "a@x"));
	assert_false(ends("192.0.2.1", "a@x", COND_none)); /* nor does home wait */
	fails("192.0.2.1", "a@x", 2);                      /* but guessing from there is */
	assert_false(admits("192.0.2.1", "a@x"));
	assert_true(ends("198.51.100.1", "a@x", COND_none)); /* abroad waits */
	assert_int_equal(told.bans, 0);
}

static void a_success_takes_back_its_own(void **state)
{
	(void)state;
	fails("192.0.2.1", "a@x", 10);
	fails("192.0.2.1", "b@x", 9);
	ends("192.0.2.1", "b@x", COND_none);
	fails("192.0.2.1", "c@x", 9);
	assert_true(admits("192.0.2.1", "c@x")); /* 10 + 9 */
	ends("192.0.2.1", "b@x", COND_none);     /* there is nothing more to take back */
	fails("192.0.2.1", "c@x", 1);
	assert_false(admits("192.0.2.1", "c@x"));
}

static void a_valid_account_does_not_help_its_guesser(void **state)
{
	unsigned judged = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		ends("192.0.2.1", "mine@x", COND_none);
		if (!admits("192.0.2.1", "a@x"))
			break;
		judged++;
		fails("192.0.2.1", "a@x", 1);
	}
	assert_int_equal(judged, 20);
}

static void verdicts_come_late(void **state)
{
	(void)state;
	assert_int_equal(fails("192.0.2.1", "a@x", 6), 0); /* a quarter is five */
	assert_true(ends("192.0.2.1", "a@x", SASL_not_authorized));
	assert_true(ends("192.0.2.1", "b@x", COND_none)); /* right or wrong alike */
	assert_int_equal(guard_held(guard), 2);
	assert_int_equal(told.verdicts, 0);
	pass(1000);
	assert_int_equal(told.verdicts, 2);
	assert_int_equal(told.proved, 1);
	fails("192.0.2.1", "a@x", 10);
	told.verdicts = 0;
	pass(3500); /* from the later ones on it is the longest */
	assert_true(told.verdicts > 0 && guard_held(guard) > 0);
	pass(1000);
	assert_int_equal(guard_held(guard), 0);
	assert_int_equal(told.verdicts, 10);
}

static void what_is_held_can_be_revoked(void **state)
{
	(void)state;
	fails("192.0.2.1", "c@x", 8);
	pass(5000);
	assert_true(ends("192.0.2.1", "a@x", COND_none));
	assert_true(ends("192.0.2.1", "b@x", COND_none));
	guard_revoke(guard, STR("a@x"));
	told.proved = told.verdicts = 0;
	pass(5000);
	assert_int_equal(told.verdicts, 2);
	assert_int_equal(told.proved, 1);
}

static void the_clock_jumps(void **state)
{
	(void)state;
	fails("192.0.2.1", "a@x", 12);
	guard_tick(guard, now = now + 400 * 86400000ull); /* it was asleep: nothing is kept for ever */
	assert_int_equal(guard_held(guard), 0);
	assert_true(ends("192.0.2.1", "a@x", COND_none) == false);
	fails("192.0.2.1", "a@x", 12);
	guard_tick(guard, now -= 1000000); /* back: nothing breaks, and what is held comes out */
	assert_true(admits("192.0.2.9", "a@x"));
	for (unsigned i = 0; i < 64 * 70; i++)
		pass(250);
	assert_int_equal(guard_held(guard), 0);
}

static void what_is_held_is_bounded(void **state)
{
	char account[64];
	unsigned judged = 0;

	(void)state;
	conf.auth_failures_per_address = 1000000; /* delays without an end */
	conf.auth_failures_per_account = 4;
	conf.auth_ban = 1;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(account, sizeof account, "u%u@x", i % 100);
		if (admits("192.0.2.1", account)) {
			judged++;
			fails("192.0.2.1", account, 1);
		}
	}
	assert_true(guard_held(guard) <= 4096);
	assert_true(admits("192.0.2.1", "quiet@x")); /* who need not wait is judged */
	pass(5000);
	assert_int_equal(guard_held(guard), 0);
	assert_true(judged < 20000);
}

static void hostile_names_fill_no_memory(void **state)
{
	char account[3000];

	(void)state;
	conf.auth_failures_per_address = 0;
	conf.auth_failures_per_account = 3;
	fails("192.0.2.1", "victim@x", 3);
	memset(account, 'y', sizeof account);
	for (unsigned i = 0; i < 60000; i++) {
		struct guard_try t = try_of("192.0.2.2", "");
		struct msg_sasl_verdict m = {.cond = SASL_not_authorized};

		memcpy(account, &i, sizeof i);
		t.account = m.who.text = str_at(account, 20 + i % 2900);
		assert_false(guard_holds(guard, &t, &m));
	}
	assert_false(admits("192.0.2.1", "victim@x")); /* one with more to lose stays */
}

static void who_is_trusted_stays_so(void **state)
{
	char ip[64], account[64];

	(void)state;
	conf.auth_failures_per_address = 0;
	ends("192.0.2.1", "a@x", COND_none);
	for (unsigned i = 0; i < 200000; i++) {
		snprintf(ip, sizeof ip, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		snprintf(account, sizeof account, "u%u@x", i);
		fails(ip, account, 1);
	}
	fails("10.0.0.1", "a@x", 200);
	fails("192.0.2.1", "b@x", 5);
	assert_true(admits("192.0.2.1", "a@x"));
	assert_false(admits("10.0.0.1", "a@x"));
}

static void what_does_not_count(void **state)
{
	const char *exempt[] = {"127.0.0.0/8"};
	struct guard_try t = try_of("192.0.2.1", "a@x");
	struct msg_sasl_verdict m = {.cond = SASL_not_authorized};

	(void)state;
	conf.auth_exempt = (struct conf_list){exempt, 1};
	t.form = 7; /* EXTERNAL */
	for (unsigned i = 0; i < 50; i++)
		assert_false(guard_holds(guard, &t, &m));
	for (unsigned i = 0; i < 50; i++)
		ends("192.0.2.1", "a@x", SASL_temporary_auth_failure);
	assert_int_equal(fails("127.0.0.1", "a@x", 50), 0);
	assert_true(admits("192.0.2.1", "a@x") && admits("127.0.0.1", "a@x"));
	conf.auth_exempt.n = 0;
	fails("127.0.0.1", "b@x", 20);
	assert_false(admits("127.0.0.1", "b@x"));
	conf.auth_failures_per_address = 0;
	fails("192.0.2.7", "c@x", 99);
	assert_true(admits("192.0.2.7", "c@x"));
	assert_true(guard_admits(NULL, &t));
	fails("", "c@x", 5); /* a worker that does not say whence */
	assert_true(admits("", "d@x"));
}

static void the_operator_looks_and_forgives(void **state)
{
	struct guard_row row;
	size_t at = 0;
	unsigned rows = 0;

	(void)state;
	fails("2001:db8::1", "a@x", 20);
	fails("192.0.2.1", "a@x", 7);
	fails("192.0.2.2", "a@x", 3);
	while (guard_next(guard, &at, &row)) {
		rows++;
		if (strcmp(row.name, "2001:db8::/64") == 0)
			assert_true(row.refused_ms == 1800000 && row.failures == 20);
		else if (row.is_account)
			assert_true(row.failures == 30 && !row.refused_ms && row.delay_ms == 4000);
		else
			assert_true(strcmp(row.name, "192.0.2.1") == 0 && row.delay_ms == 500);
	}
	assert_int_equal(rows, 3);
	told.bans = 0;
	guard_tell(guard);
	assert_int_equal(told.bans, 1);
	assert_false(guard_pardon(guard, STR("192.0.2.9")));
	assert_false(guard_pardon(guard, STR("nonsense")));
	assert_true(guard_pardon(guard, STR("2001:db8::5")));
	assert_int_equal(told.unbans, 1);
	assert_true(admits("2001:db8::1", "a@x"));
	assert_true(guard_pardon(guard, STR("192.0.2.1")) && guard_pardon(guard, STR("a@x")));
	at = 0;
	assert_false(guard_next(guard, &at, &row));
}

/* The last: what is shared is so for the rest of this process. */
static void a_crash_resets_nothing(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	guard_free(&guard);
	guard_share();
	pid = fork();
	if (pid == 0) {
		guard = guard_new(&conf, &out, now);
		fails("192.0.2.1", "a@x", 20);
		abort();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	guard = guard_new(&conf, &out, now);
	assert_false(admits("192.0.2.1", "b@x"));
}

#define WITH(words, function) \
	{ \
		words, function, set_up, tear_down, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH("guard: an address with too many failures is refused for a while, whatever the accounts",
			an_address_is_refused),
		WITH("guard: all of an IPv6 /64 is one address", a_prefix_of_ipv6_is_one),
		WITH("guard: spread over the /64s of a /48, ten times as many", a_site_of_ipv6_is_refused_too),
		WITH("guard: an account under attack lets its owner in, from home and from a clean address",
			an_account_under_attack_lets_its_owner_in),
		WITH("guard: a success takes back its own failures, and nobody else's", a_success_takes_back_its_own),
		WITH("guard: logging in to an account of one's own wins no more guesses at another",
			a_valid_account_does_not_help_its_guesser),
		WITH("guard: with a quarter of the failures verdicts come late, right or wrong alike",
			verdicts_come_late),
		WITH("guard: a success that waits can be revoked", what_is_held_can_be_revoked),
		WITH("guard: a clock that jumps loses no verdict", the_clock_jumps),
		WITH("guard: verdicts that wait are bounded; who need not wait is judged", what_is_held_is_bounded),
		WITH("guard: hostile account names take no more memory, and push out nobody who is refused",
			hostile_names_fill_no_memory),
		WITH("guard: failures of others push out nobody who is trusted", who_is_trusted_stays_so),
		WITH("guard: certificates, store faults and exempt addresses do not count", what_does_not_count),
		WITH("guard: the operator sees who is delayed or refused, and can forgive",
			the_operator_looks_and_forgives),
		WITH("guard: what was counted outlives a child that crashes", a_crash_resets_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}

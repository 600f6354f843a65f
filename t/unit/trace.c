/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a worker tells about logins that somebody follows, and what it keeps. */
#include "c2s/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "c2s/client.h"
#include "common/condition.h"

static struct buf told; /* "ID STEP DROPPED\n" */
static bool is_deaf;

static bool take(void *ctx, const struct message *m)
{
	(void)ctx;
	assert_int_equal(m->code, MSG_traced);
	if (is_deaf)
		return false;
	buf_printf(&told, "%u %.*s %llu\n", m->as.traced.trace, STR_ARG(m->as.traced.step),
		(unsigned long long)m->as.traced.dropped);
	return true;
}

static void set(uint32_t id, const char *pattern)
{
	const struct msg_trace m = {.trace = id, .pattern = str_of(pattern)};

	trace_set(&m);
}

static struct client make(const char *address)
{
	struct client c = {.id = 7, .state = LOGIN_wait_for_feature_request};

	snprintf(c.address, sizeof c.address, "%s", address);
	return c;
}

static void step(struct client *c, const char *verb)
{
	static const struct cue nothing;

	trace_begin();
	trace_step(c, LOGIN_wait_for_stream, "input", verb, &nothing);
}

static bool heard(const char *words)
{
	bool found = strstr(buf_cstr(&told), words) != NULL;

	return found;
}

static int reset(void **state)
{
	(void)state;
	trace_clear();
	trace_start(take, NULL);
	is_deaf = false;
	buf_clear(&told);
	return 0;
}

static int end(void **state)
{
	(void)state;
	trace_clear();
	buf_free(&told);
	return 0;
}

static void is_off(void **state)
{
	(void)state;
	assert_false(trace_on);
	set(1, "a@x");
	assert_true(trace_on);
	set(2, "10.0.0.1");
	set(1, "");
	assert_true(trace_on);
	set(2, "");
	assert_false(trace_on);
	set(3, "a@x");
	trace_clear();
	assert_false(trace_on);
}

static void follows_addresses(void **state)
{
	struct client c = make("10.0.0.1"), other = make("10.0.0.11");

	(void)state;
	set(1, "10.0.0.1");
	trace_connected(&c);
	step(&c, "one");
	step(&other, "two");
	assert_true(heard("1 ms=0 input=connect tls=starttls next=wait_for_feature_request 0\n"));
	assert_true(heard("verb=one next=wait_for_feature_request 0\n"));
	assert_false(heard("two"));
	trace_forget(&c);
	trace_forget(&other);
}

static void tells_what_was_kept(void **state)
{
	struct client c = make("10.0.0.1"), other = make("10.0.0.1");

	(void)state;
	set(5, "a@x");
	step(&c, "early");
	step(&other, "early-other");
	assert_int_equal(told.n, 0);
	buf_puts(&c.jid, "a@x");
	step(&c, "late");
	assert_true(heard("verb=early ") && heard("verb=late "));
	assert_true(strstr(buf_cstr(&told), "early") < strstr(buf_cstr(&told), "late"));
	buf_clear(&told);
	buf_clear(&c.jid);
	step(&c, "failed"); /* the account is not known any more, but it was that one's */
	assert_true(heard("verb=failed ") && !heard("early"));
	buf_puts(&other.jid, "b@x");
	other.state = LOGIN_session_established;
	step(&other, "end");
	assert_false(heard("end"));
	assert_null(other.trace);
	trace_forget(&c);
	buf_free(&c.jid);
	buf_free(&other.jid);
}

static void fits_resources(void **state)
{
	struct client c = make("10.0.0.1");

	(void)state;
	set(1, "a@x/phone");
	buf_puts(&c.jid, "a@x");
	step(&c, "bare");
	assert_true(heard("verb=bare "));
	buf_puts(&c.jid, "/phone");
	step(&c, "same");
	assert_true(heard("verb=same "));
	buf_puts(&c.jid, "2");
	step(&c, "another");
	assert_false(heard("another"));
	buf_clear(&c.jid);
	buf_puts(&c.jid, "aa@x");
	step(&c, "longer");
	assert_false(heard("longer"));
	buf_free(&c.jid);
	trace_forget(&c);
}

static void says_conditions(void **state)
{
	const struct message verdict = {.code = MSG_sasl_verdict, .as.sasl_verdict.cond = SASL_not_authorized};
	const struct cue cue = {.message = &verdict};
	struct client c = make("10.0.0.1");

	(void)state;
	set(1, "10.0.0.1");
	trace_begin();
	trace_said("failure", SASL_not_authorized);
	trace_said("stream-error", COND_none);
	trace_step(&c, LOGIN_wait_for_proof, "verdict", "judged", &cue);
	assert_true(heard("state=wait_for_proof input=verdict:not-authorized verb=judged "));
	assert_true(heard("answer=failure:not-authorized,stream-error 0\n"));
	trace_forget(&c);
}

static void is_bounded(void **state)
{
	struct client c = make("10.0.0.1");

	(void)state;
	set(1, "a@x");
	for (int i = 0; i < 1000; i++)
		step(&c, "again");
	buf_puts(&c.jid, "a@x");
	step(&c, "last");
	assert_true(told.n < 8192 && heard("verb=last "));
	is_deaf = true;
	step(&c, "lost");
	step(&c, "lost");
	is_deaf = false;
	step(&c, "found");
	assert_true(heard("verb=found next=wait_for_feature_request 2\n"));
	for (uint32_t id = 2; id < 100; id++)
		set(id, "a@x");
	buf_clear(&told);
	step(&c, "one");
	assert_true(heard("\n8 ") || heard("8 ms="));
	assert_false(heard("\n9 "));
	buf_free(&c.jid);
	trace_forget(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"trace: it is on while there is a pattern", is_off, reset, end, NULL},
		{"trace: an address is followed from the connection on", follows_addresses, reset, end, NULL},
		{"trace: of an account the first steps come too, once it is known whose they are", tells_what_was_kept,
			reset, end, NULL},
		{"trace: a full JID fits until another resource is known", fits_resources, reset, end, NULL},
		{"trace: conditions that were heard and said are told", says_conditions, reset, end, NULL},
		{"trace: traces and what is kept are bounded, and what is lost is counted", is_bounded, reset, end,
			NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See trace.h. Everything is bounded: traces, lines and bytes kept for one client and for all. */
#include "c2s/trace.h"

#include "c2s/client.h"
#include "common/condition.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TRACES_MOST 8
#define PATTERN_MOST 3071 /* a full JID */
#define KEPT_MOST 4096    /* bytes for one client */
#define KEPT_ALL 4194304  /* for all */
#define LINE_MOST 400

/* What is kept: u16 of length and a line, again and again; and who has been told of it. */
struct trace_log {
	struct buf lines;
	uint32_t told[TRACES_MOST]; /* ids */
};

static struct {
	uint32_t id;
	struct buf pattern; /* empty: free */
} traces[TRACES_MOST];

bool trace_on;
static bool (*tell_sm)(void *ctx, const struct message *m);
static void *tell_ctx;
static size_t kept;    /* bytes, of all clients */
static size_t dropped; /* lines that sm could not be told */
static struct buf said;

void trace_start(bool (*tell)(void *ctx, const struct message *m), void *ctx)
{
	tell_sm = tell;
	tell_ctx = ctx;
}

static void look_whether_on(void)
{
	trace_on = false;
	for (size_t i = 0; i < TRACES_MOST; i++)
		trace_on = trace_on || traces[i].pattern.n;
}

void trace_set(const struct msg_trace *m)
{
	size_t at = TRACES_MOST;

	for (size_t i = 0; i < TRACES_MOST; i++) {
		if (traces[i].pattern.n && traces[i].id == m->trace)
			buf_free(&traces[i].pattern);
		if (!traces[i].pattern.n && at == TRACES_MOST)
			at = i;
	}
	if (m->pattern.n && m->pattern.n <= PATTERN_MOST && at < TRACES_MOST) {
		traces[at].id = m->trace;
		buf_put(&traces[at].pattern, m->pattern);
	}
	look_whether_on();
}

void trace_clear(void)
{
	for (size_t i = 0; i < TRACES_MOST; i++)
		buf_free(&traces[i].pattern);
	trace_on = false;
}

/* --- whom a trace is about -------------------------------------------------------------------- */

static struct str bare(struct str jid)
{
	return str_head(jid, str_find(jid, '/'));
}

static bool is_account(struct str pattern)
{
	return str_find(pattern, '@') < pattern.n;
}

/* After a failure the account is forgotten, but it was that one's. */
static bool was_told(const struct client *c, size_t i)
{
	return c->trace && c->trace->told[i] == traces[i].id && !client_account(c).n;
}

/* A pattern with a resource fits until another one is known. */
static bool fits(const struct client *c, struct str pattern)
{
	struct str account = client_account(c);

	if (!is_account(pattern))
		return str_is(pattern, c->address);
	if (!account.n || !str_eq(bare(account), bare(pattern)))
		return false;
	return str_eq(bare(pattern), pattern) || str_eq(bare(account), account) ||
		str_eq(account, pattern);
}

/* --- telling ---------------------------------------------------------------------------------- */

static void tell(const struct client *c, uint32_t id, struct str line)
{
	struct message m = {.code = MSG_traced};
	struct str account = client_account(c);

	m.as.traced = (struct msg_traced){.conn = c->id,
		.trace = id,
		.address = str_of(c->address),
		.account = account,
		.step = line,
		.dropped = dropped};
	if (!account.n)
		m.as.traced.account = STR_NONE;
	if (tell_sm && tell_sm(tell_ctx, &m))
		dropped = 0;
	else
		dropped++;
}

static void tell_kept(struct client *c, size_t i)
{
	struct str rest = c->trace ? buf_str(&c->trace->lines) : STR_NONE, line;
	uint16_t n;

	if (!c->trace)
		c->trace = mem_try(sizeof *c->trace);
	if (!c->trace || c->trace->told[i] == traces[i].id)
		return;
	c->trace->told[i] = traces[i].id;
	while (str_take_u16(&rest, &n) && str_take_bytes(&rest, n, &line))
		tell(c, traces[i].id, line);
}

void trace_forget(struct client *c)
{
	if (!c->trace)
		return;
	kept -= c->trace->lines.n;
	buf_free(&c->trace->lines);
	mem_free(c->trace);
	c->trace = NULL;
}

static void keep(struct client *c, struct str line)
{
	if (!c->trace)
		c->trace = mem_try(sizeof *c->trace);
	if (!c->trace || c->trace->lines.n + line.n > KEPT_MOST || kept + line.n > KEPT_ALL)
		return;
	if (!buf_try_room(&c->trace->lines, 2 + line.n))
		return;
	buf_u16(&c->trace->lines, (uint16_t)line.n);
	buf_put(&c->trace->lines, line);
	kept += 2 + line.n;
}

static void note(struct client *c, struct str line)
{
	bool undecided = false;

	for (size_t i = 0; i < TRACES_MOST; i++) {
		struct str pattern = buf_str(&traces[i].pattern);

		if (!pattern.n)
			continue;
		if (fits(c, pattern) || was_told(c, i)) {
			tell_kept(c, i);
			tell(c, traces[i].id, line);
		} else {
			undecided = undecided || is_account(pattern);
		}
	}
	if (client_has_session(c) || c->state == LOGIN_closing)
		trace_forget(c); /* whose it is does not change any more */
	else if (undecided)
		keep(c, line);
}

/* --- lines ------------------------------------------------------------------------------------ */

static uint64_t elapsed(const struct client *c)
{
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	return c->since && now > c->since ? now - c->since : 0;
}

static enum cond cond_of(const struct cue *cue)
{
	const struct message *m = cue->message;

	if (!m)
		return cue->why;
	switch (m->code) {
	case MSG_sasl_verdict:
		return (enum cond)m->as.sasl_verdict.cond;
	case MSG_refused:
		return (enum cond)m->as.refused.cond;
	case MSG_end:
		return (enum cond)m->as.end.cond;
	default:
		return COND_none;
	}
}

static void put_cond(struct buf *out, enum cond why)
{
	struct str name = why ? cond_element(why) : STR_NONE;

	if (name.n)
		buf_printf(out, ":%.*s", STR_ARG(name));
}

void trace_connected(struct client *c)
{
	struct buf line = {0};

	buf_printf(&line, "ms=0 input=connect tls=%s next=%s",
		c->direct_tls ? "direct" : "starttls", login_state_name(c->state));
	note(c, buf_str(&line));
	buf_free(&line);
}

void trace_begin(void)
{
	buf_clear(&said);
}

void trace_said(const char *what, enum cond why)
{
	if (said.n > LINE_MOST)
		return;
	buf_puts(&said, said.n ? "," : "");
	buf_puts(&said, what);
	put_cond(&said, why);
}

/* What an open session relays is no step. */
void trace_step(struct client *c, enum login_state from, const char *input, const char *verb,
	const struct cue *cue)
{
	struct buf line = {0};

	if (from == c->state && (from == LOGIN_session_established || from == LOGIN_closing))
		return;
	buf_printf(&line, "ms=%llu state=%s input=%s", (unsigned long long)elapsed(c),
		login_state_name(from), input);
	put_cond(&line, cond_of(cue));
	buf_printf(&line, " verb=%s next=%s", verb, login_state_name(c->state));
	if (said.n)
		buf_printf(&line, " answer=%.*s", STR_ARG(buf_str(&said)));
	note(c, str_head(buf_str(&line), LINE_MOST));
	buf_free(&line);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See client.h: a client's life, and how bytes and messages become inputs and events of the
 * login table. */
#include "c2s/client.h"
#include "c2s/trace.h"
#include "common/log.h"

bool client_start(struct client *c, uint64_t id, const struct client_setting *set,
	const char *address, bool loopback, bool direct_tls)
{
	*c = (struct client){.id = id, .set = *set, .loopback = loopback, .direct_tls = direct_tls};
	for (size_t i = 0; i + 1 < sizeof c->address && address[i]; i++)
		c->address[i] = address[i];
	c->talks = mem_new(sizeof *c->talks);
	pipe_start(&c->pipe, set->login_limits);
	c->state = direct_tls ? LOGIN_wait_for_tls : LOGIN_wait_for_stream;
	return !direct_tls || (set->tls && pipe_secure(&c->pipe, set->tls, true));
}

static void end_talks(struct client *c)
{
	if (!c->talks)
		return;
	if (c->pipe.tls)
		tls_settle(c->pipe.tls);
	sasl_free(&c->talks->sasl);
	sasl2_free(&c->talks->sasl2);
	buf_free(&c->talks->from);
	buf_wipe(&c->talks->question);
	buf_free(&c->talks->bind_id);
	buf_free(&c->talks->resource);
	buf_free(&c->talks->enrolment.id);
	buf_free(&c->talks->enrolment.who);
	buf_wipe(&c->talks->enrolment.password);
	trace_forget(c);
	mem_free(c->talks);
	c->talks = NULL;
}

void client_end(struct client *c)
{
	end_talks(c);
	trace_forget(c);
	csi_free(&c->csi);
	pipe_end(&c->pipe);
	buf_free(&c->jid);
}

bool client_has_session(const struct client *c)
{
	return c->state == LOGIN_wait_for_session || c->state == LOGIN_session_established ||
		c->state == LOGIN_wait_for_change;
}

bool client_reads(struct client *c)
{
	if (pipe_is_spent(&c->pipe))
		return false;
	if (login_bytes(c->state) == LOGIN_WAITS)
		return false;
	return !client_has_session(c) || c->set.way->credit(c);
}

static void scanned_element(struct client *c)
{
	struct stanza view;
	struct cue cue = {.element = scan_element(c->pipe.scan)};
	if (!stanza_view_start(cue.element->bytes, &view) ||
		(view.kind == STANZA_IQ && !stanza_view(cue.element->bytes, &view)))
		view.kind = STANZA_OTHER; /* the content of others is for sm */
	if (view.kind != STANZA_OTHER)
		cue.stanza = &view;
	login_input(c, login_recognise(cue.element, cue.stanza, client_domain(c)), &cue);
}

static void scanned(struct client *c, enum scan_event e)
{
	struct cue cue = {0};
	if (e == SCAN_ELEMENT) {
		scanned_element(c);
	} else if (e == SCAN_STREAM) {
		cue.header = scan_header(c->pipe.scan);
		login_input(c, INPUT_header, &cue);
	} else if (e == SCAN_CLOSE) {
		login_input(c, INPUT_goodbye, &cue);
	} else if (c->pipe.unzipped > ZIP_MORE) {
		login_event(c, ON_unzipped, &cue);
	} else {
		cue.why = scan_why(c->pipe.scan);
		cue.text = scan_why_text(c->pipe.scan);
		login_event(c, ON_broken, &cue);
	}
}

/* Once the session is open and no verb is running, what led to it is given back. */
static void tidy(struct client *c)
{
	if (client_has_session(c) && c->state != LOGIN_wait_for_change)
		end_talks(c);
	pipe_keep(&c->pipe);
}

static void scan_on(struct client *c)
{
	while (login_bytes(c->state) != LOGIN_LEAVES && pipe_has_rest(&c->pipe) &&
		client_reads(c)) {
		enum scan_event e = pipe_next(&c->pipe);
		if (e != SCAN_MORE)
			scanned(c, e);
	}
	if (login_bytes(c->state) == LOGIN_LEAVES)
		pipe_ignore(&c->pipe);
}

void client_go_on(struct client *c)
{
	static const struct cue nothing;
	scan_on(c);
	tidy(c);
	/* Words before close_notify are heard out, also those that wait for an answer or credit. */
	if (c->pipe.ended && !pipe_has_rest(&c->pipe) && login_bytes(c->state) != LOGIN_LEAVES)
		login_event(c, ON_hangup, &nothing);
}

void client_bytes(struct client *c, struct str bytes)
{
	struct cue cue = {0};
	bool secure = pipe_is_secure(&c->pipe);
	if (login_bytes(c->state) == LOGIN_LEAVES)
		return;
	enum tls_result r = pipe_take(&c->pipe, bytes);
	/* not TLS_READY: the same bytes may have brought the end, too */
	if (!secure && pipe_is_secure(&c->pipe))
		login_event(c, ON_tls_ready, &cue);
	if (r == TLS_FAILED) {
		cue.text = tls_why(c->pipe.tls);
		login_event(c, ON_tls_failed, &cue);
	}
	client_go_on(c);
}

void client_event(struct client *c, enum login_event event, const struct cue *cue)
{
	static const struct cue nothing;
	login_event(c, event, cue ? cue : &nothing);
	client_go_on(c);
}

static bool asked(const struct client *c, enum msg_code code, uint32_t attempt)
{
	return c->talks && c->talks->asking == code &&
		(code == MSG_open_session || code == MSG_want_token || code == MSG_want_upgrade ||
			c->talks->attempt == attempt);
}

static bool enrols(const struct client *c, enum msg_code code, uint32_t attempt)
{
	return c->talks && c->talks->asking == code && c->enrolments == attempt;
}

void client_message(struct client *c, const struct message *m)
{
	struct cue cue = {.message = m};
	switch (m->code) {
	case MSG_sasl_salt:
		if (asked(c, MSG_sasl_start, m->as.sasl_salt.attempt))
			client_event(c, ON_salt, &cue);
		break;
	case MSG_sasl_verdict:
		if (asked(c, MSG_sasl_prove, m->as.sasl_verdict.attempt))
			client_event(c, ON_verdict, &cue);
		break;
	case MSG_upgrade:
		if (asked(c, MSG_want_upgrade, 0))
			client_event(c, ON_upgrade, &cue);
		break;
	case MSG_token:
		if (asked(c, MSG_want_token, 0))
			client_event(c, ON_token, &cue);
		break;
	case MSG_opened:
	case MSG_refused:
		if (asked(c, MSG_open_session, 0))
			client_event(c, m->code == MSG_opened ? ON_opened : ON_refused, &cue);
		break;
	case MSG_enrol_ruling:
		if (enrols(c, MSG_enrol_ask, m->as.enrol_ruling.attempt))
			client_event(c, ON_ruling, &cue);
		break;
	case MSG_enrolled:
		if (enrols(c, MSG_enrol, m->as.enrolled.attempt))
			client_event(c, ON_enrolled, &cue);
		break;
	case MSG_deliver:
		login_event(c, ON_delivered, &cue);
		break;
	case MSG_end:
		client_event(c, ON_ended, &cue);
		break;
	default:
		break;
	}
}

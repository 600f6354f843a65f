/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verbs: STARTTLS (RFC 6120 5) and direct TLS (XEP-0368). */
#include "c2s/trace.h"
#include "c2s/verb.h"
#include "common/log.h"

/* RFC 6120 5.4.2.2: failure, and the end of the stream. */
static void failure(struct client *c)
{
	client_say_bare(c, "failure", NS_tls, COND_none);
	client_farewell(c, STREAM_policy_violation);
}

void verb_upgrade(struct client *c, const struct cue *cue)
{
	(void)cue;
	if (pipe_is_secure(&c->pipe) || !c->set.tls) {
		failure(c);
		return;
	}
	pipe_turn(&c->pipe);
	/* Whatever it is, somebody wants it to be read as if it had come over TLS. */
	if (pipe_has_rest(&c->pipe)) {
		client_fault(c, STREAM_policy_violation, "plaintext behind starttls");
		return;
	}
	client_say_bare(c, "proceed", NS_tls, COND_none);
	login_goto(c, LOGIN_wait_for_tls);
	if (!pipe_secure(&c->pipe, tls_ctx_for(c->set.tls, client_domain(c)), false))
		client_cut(c, STREAM_resource_constraint);
}

/* STARTTLS in the midst of SASL, or after it. */
void verb_too_late(struct client *c, const struct cue *cue)
{
	(void)cue;
	failure(c);
}

void verb_secured(struct client *c, const struct cue *cue)
{
	(void)cue;
	log_event(tls, LOG_HEX("conn", c->id), LOG_TEXT("ip", c->address),
		LOG_TEXT("version", tls_version(c->pipe.tls)),
		LOG_TEXT("cipher", tls_cipher(c->pipe.tls)),
		LOG_TEXT("resumed", tls_resumed(c->pipe.tls) ? "yes" : "no"),
		LOG_TEXT("certificate",
			tls_has_peer(c->pipe.tls, client_domain(c)) ? "yes" : "no"));
	if (trace_on && tls_resumed(c->pipe.tls))
		trace_said("resumed", COND_none);
	login_goto(c, LOGIN_wait_for_stream);
}

/* A broken handshake or record. An alert may be waiting in the pipe: it is flushed, no more is
 * said. */
void verb_abandon(struct client *c, const struct cue *cue)
{
	log_event(tls_failed, LOG_HEX("conn", c->id), LOG_TEXT("ip", c->address),
		LOG_TEXT("state", login_state_name(c->state)), LOG_TEXT("text", cue->text));
	client_cut(c, STREAM_policy_violation);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verbs: iq-auth (XEP-0078), for clients from before SASL: one request brings name, password and
 * resource, and its answer opens the session, without another stream. The password goes the way of
 * PLAIN's; there is no digest, which needs it in the clear. Nothing here can change one
 * (protocol.md 4, case 32). */
#include "c2s/verb_iq_auth.h"
#include "c2s/features.h"
#include "c2s/request.h"
#include "c2s/verb.h"
#include "c2s/verb_bind.h"
#include "common/log.h"
#include "common/prep.h"

/* For a known and for an unknown name. */
static void say_fields(struct client *c)
{
	struct buf out = {0};
	struct emit e = emit_to(&out);
	request_start_result(&e, buf_str(&c->talks->bind_id));
	emit_start_ns(&e, "query", NS_iq_auth);
	emit_leaf(&e, "username", STR_NONE);
	emit_leaf(&e, "password", STR_NONE);
	emit_leaf(&e, "resource", STR_NONE);
	emit_end(&e);
	emit_end(&e);
	client_say_buf(c, &out);
}

/* PLAIN's message (RFC 4616), and the resource prepared. False: something is missing, or cannot be
 * what it should. */
static bool read_request(struct client *c, const struct stanza *iq, struct buf *plain)
{
	struct stanza query;
	struct buf resource = {0};
	buf_clear(&c->talks->resource);
	buf_putc(plain, 0);
	bool good = request_query(iq, NS_iq_auth, &query) &&
		request_field(&query, "username", plain) && plain->n > 1;
	size_t named = plain->n;
	buf_putc(plain, 0);
	good = good && request_field(&query, "password", plain) && plain->n > named + 1 &&
		request_field(&query, "resource", &resource) && resource.n &&
		prep_resource(&c->talks->resource, buf_str(&resource));
	buf_free(&resource);
	return good;
}

static void log_in(struct client *c, const struct stanza *iq)
{
	struct buf plain = {0};
	if (read_request(c, iq, &plain)) {
		struct str message = buf_str(&plain);
		c->talks->xml = &sasl_xml_iq_auth;
		c->talks->sasl = sasl_new(&sasl_iq_auth, client_domain(c));
		sasl_carry_on(c, sasl_begin(c->talks->sasl, &message));
	} else {
		request_say_error(c, buf_str(&c->talks->bind_id), STANZA_not_acceptable,
			"a username, a password and a resource are required");
	}
	buf_wipe(&plain);
}

void verb_old_login(struct client *c, const struct cue *cue)
{
	if (!features_has_iq_auth(c)) {
		verb_stranger(c, cue);
		return;
	}
	buf_clear(&c->talks->bind_id);
	stanza_value(&c->talks->bind_id, cue->stanza->id.value);
	if (cue->stanza->type == TYPE_GET)
		say_fields(c);
	else
		log_in(c, cue->stanza);
}

void iq_auth_go_on(struct client *c)
{
	pipe_limit(&c->pipe, c->set.session_limits);
	bind_ask(c, buf_str(&c->talks->resource), LOGIN_wait_for_iq_auth_open);
}

void verb_enter_old(struct client *c, const struct cue *cue)
{
	bind_done(c, &cue->message->as.opened);
	request_say_done(c, buf_str(&c->talks->bind_id));
	login_goto(c, LOGIN_wait_for_session);
	c->set.way->opened(c);
}

/* It is who it says, without a session; it may ask for another resource as everybody (RFC 6120
 * 7). */
void verb_turn_away_old(struct client *c, const struct cue *cue)
{
	enum cond why = cue->message->as.refused.cond;
	client_answered(c);
	if (cond_group(why) != COND_OF_STANZA)
		why = STANZA_internal_server_error;
	request_say_error(c, buf_str(&c->talks->bind_id), why, NULL);
	login_goto(c, LOGIN_wait_for_bind);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verbs: resource binding (RFC 6120 7), which opens the session. */
#include "c2s/verb_bind.h"
#include "c2s/verb.h"
#include "common/emit.h"
#include "common/log.h"
#include "common/xml.h"

/* The resource that the request names, prepared; empty: none, sm makes one. False: it cannot be
 * one, or the request is more than one resource of plain text. */
static bool resource_of(const struct xml_node *iq, struct buf *resource)
{
	const struct xml_node *bind = xml_child(iq, NS_bind, "bind");
	const struct xml_node *n = bind ? xml_child(bind, NS_bind, "resource") : NULL;
	struct str raw = n ? xml_text(n) : STR_NONE;
	if (n && (xml_next(n, NS_bind, "resource") || xml_child(n, NS_other, NULL)))
		return false;
	return !raw.n || prep_resource(resource, raw);
}

/* Before bind there is no other name than the account's (RFC 6120 8.1.2.1). */
static bool in_own_name(const struct client *c, const struct stanza *s)
{
	struct buf from = {0};
	stanza_value(&from, s->from.value);
	bool own = !s->from.whole.n || str_eq(buf_str(&from), client_account(c));
	buf_free(&from);
	return own;
}

void bind_ask(struct client *c, struct str resource, enum login_state waiting)
{
	struct message m = {.code = MSG_open_session};
	struct msg_open_session *q = &m.as.open_session;
	q->conn = c->id;
	q->resource = resource;
	q->address = str_of(c->address);
	q->flags = c->direct_tls ? PROTO_FLAG_DIRECT_TLS : 0;
	if (c->pipe.zip)
		q->flags |= PROTO_FLAG_COMPRESSED;
	if (pipe_is_secure(&c->pipe)) {
		q->tls = str_of(tls_version(c->pipe.tls));
		q->cipher = str_of(tls_cipher(c->pipe.tls));
	}
	q->mechanism = str_of(c->mechanism);
	if (c->talks->sasl2) {
		q->client = buf_str(&c->talks->sasl2->client);
		q->tag = buf_str(&c->talks->sasl2->tag);
	}
	if (waiting == LOGIN_wait_for_sasl2_open) {
		q->flags |= PROTO_FLAG_BIND2;
		if (c->talks->sasl2->carbons)
			q->flags |= PROTO_FLAG_CARBONS;
	}
	if (waiting == LOGIN_wait_for_iq_auth_open)
		q->flags |= PROTO_FLAG_IQ_AUTH;
	login_goto(c, waiting);
	client_ask(c, &m);
}

void verb_bind(struct client *c, const struct cue *cue)
{
	struct xml *tree = xml_parse(cue->stanza->bytes);
	struct buf resource = {0};
	if (!tree) {
		client_fault(c, STREAM_internal_server_error, NULL);
	} else if (!in_own_name(c, cue->stanza)) {
		client_fault(c, STREAM_invalid_from, NULL);
	} else if (cue->stanza->child_count != 1 || !resource_of(xml_root(tree), &resource)) {
		/* RFC 6120 7.7.2.1 */
		client_refuse_stanza(c, cue->stanza, STANZA_bad_request, NULL);
	} else {
		buf_clear(&c->talks->bind_id);
		stanza_value(&c->talks->bind_id, cue->stanza->id.value);
		bind_ask(c, buf_str(&resource), LOGIN_wait_for_open);
	}
	buf_free(&resource);
	xml_free(&tree);
}

/* No stanza but the request to bind, before the answer to it. RFC 6120 7.1 would have the stream
 * closed for one to somebody else; an error is all that a client needs to go on, and nothing
 * passes. */
void verb_unbound(struct client *c, const struct cue *cue)
{
	client_refuse_stanza(c, cue->stanza, STANZA_not_authorized, "bind a resource first");
}

/* One resource a stream (RFC 6120 7.7.2). */
void verb_bound_already(struct client *c, const struct cue *cue)
{
	client_refuse_stanza(c, cue->stanza, STANZA_not_allowed, NULL);
}

static void start_answer(struct emit *e, const struct client *c, const char *type)
{
	emit_start(e, "iq");
	emit_attr(e, "type", str_of(type));
	emit_attr_opt(e, "id", buf_str(&c->talks->bind_id));
}

static void say_bound(struct client *c)
{
	struct buf out = {0};
	struct emit e = emit_to(&out);
	start_answer(&e, c, "result");
	emit_start_ns(&e, "bind", NS_bind);
	emit_leaf(&e, "jid", buf_str(&c->jid));
	emit_end(&e);
	emit_end(&e);
	client_say_buf(c, &out);
}

void bind_done(struct client *c, const struct msg_opened *m)
{
	bool tls = pipe_is_secure(&c->pipe);
	client_answered(c);
	buf_clear(&c->jid);
	buf_put(&c->jid, m->who.text);
	buf_trim(&c->jid);
	log_event(login, LOG_HEX("conn", c->id), LOG_STR("user", buf_str(&c->jid)),
		LOG_TEXT("ip", c->address), LOG_HEX("sid", m->sid),
		LOG_TEXT("tls", tls ? tls_version(c->pipe.tls) : "none"),
		LOG_TEXT("cipher", tls ? tls_cipher(c->pipe.tls) : ""),
		LOG_TEXT("resumed", tls && tls_resumed(c->pipe.tls) ? "yes" : "no"),
		LOG_TEXT("mech", c->mechanism),
		LOG_TEXT("compression", c->pipe.zip ? "zlib" : "none"));
}

/* The answer goes out before any stanza is read or delivered. */
void verb_enter(struct client *c, const struct cue *cue)
{
	bind_done(c, &cue->message->as.opened);
	say_bound(c);
	login_goto(c, LOGIN_wait_for_session);
	c->set.way->opened(c);
}

void verb_turned_away(struct client *c, const struct cue *cue)
{
	enum cond why = cue->message->as.refused.cond;
	struct buf out = {0};
	struct emit e = emit_to(&out);
	client_answered(c);
	if (cond_group(why) != COND_OF_STANZA)
		why = STANZA_internal_server_error;
	start_answer(&e, c, "error");
	emit_start(&e, "error");
	emit_attr(&e, "type", cond_error_type(why));
	emit_start_ns(&e, cond_element(why).p, NS_stanza_errors);
	emit_end(&e);
	emit_end(&e);
	emit_end(&e);
	client_say_buf(c, &out);
	login_goto(c, LOGIN_wait_for_bind);
}

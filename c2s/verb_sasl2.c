/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verbs: SASL2 (XEP-0388) once the account is proven: what was asked for with <authenticate/> is
 * done in one go, and one <success/> tells of all of it. */
#include "c2s/verb_sasl2.h"
#include "c2s/features.h"
#include "c2s/trace.h"
#include "c2s/verb.h"
#include "c2s/verb_bind.h"
#include "common/b64.h"
#include "common/emit.h"
#include "common/log.h"
#include "common/xml.h"

/* The client has sent its header and this in one flight, for features that are others now: it has
 * seen them meanwhile, and begins anew. That is no failure of it (XEP-0509 2.2). */
static bool knows_features(struct client *c)
{
	struct buf now = {0};
	bool knows;
	if (!c->talks->sasl2->pipelined)
		return true;
	features_version(c, &now);
	knows = str_eq(buf_str(&now), buf_str(&c->talks->sasl2->version));
	buf_free(&now);
	if (knows)
		return true;
	sasl2_free(&c->talks->sasl2);
	if (trace_on)
		trace_said("failure", SASL_aborted);
	client_say(c,
		STR("<failure xmlns='urn:xmpp:sasl:2'>"
		    "<aborted xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
		    "<config-version-mismatch xmlns='urn:xmpp:iap:0'/></failure>"));
	return false;
}

bool sasl2_may_begin(struct client *c)
{
	struct str from = buf_str(&c->talks->from);
	/* XEP-0388 2.1: from another domain than `to` */
	if (from.n && !str_eq(str_skip(from, str_find(from, '@') + 1), client_domain(c))) {
		client_fault(c, STREAM_invalid_from, NULL);
		return false;
	}
	return knows_features(c);
}

static void put_token(struct emit *e, const struct sasl2 *s)
{
	if (!s->token.n)
		return;
	emit_start_ns(e, "token", NS_fast);
	emit_attr(e, "token", buf_str(&s->token));
	emit_attr(e, "expiry", buf_str(&s->expiry));
	emit_end(e);
}

/* Of the mechanism, and told once: with the first task, or with the success (XEP-0388 2.6). */
static void put_data(struct emit *e, struct sasl2 *s)
{
	struct buf text = {0};
	if (!s->data.n)
		return;
	b64_encode(&text, buf_str(&s->data));
	emit_leaf(e, "additional-data", buf_str(&text));
	buf_free(&text);
	buf_wipe(&s->data);
}

static void say_success(struct client *c, bool bound)
{
	struct buf out = {0};
	struct emit e = emit_to(&out);
	if (trace_on)
		trace_said("success", COND_none);
	emit_start_ns(&e, "success", NS_sasl2);
	put_data(&e, c->talks->sasl2);
	emit_leaf(&e, "authorization-identifier", buf_str(&c->jid));
	if (bound) {
		emit_start_ns(&e, "bound", NS_bind2);
		emit_end(&e);
	}
	put_token(&e, c->talks->sasl2);
	emit_end(&e);
	client_say(c, buf_str(&out));
	buf_wipe(&out);
}

/* No new stream: features follow at once (XEP-0388 2.6.1), and another limit holds. */
static void succeed(struct client *c, bool bound)
{
	say_success(c, bound);
	pipe_limit(&c->pipe, c->set.session_limits);
	login_goto(c, bound ? LOGIN_wait_for_session : LOGIN_wait_for_bind);
	features_say(c);
}

static void ask_for_token(struct client *c)
{
	const struct sasl2 *s = c->talks->sasl2;
	struct message m = {.code = MSG_want_token};
	m.as.want_token = (struct msg_want_token){.conn = c->id,
		.client = buf_str(&s->client),
		.mechanism = buf_str(&s->token_for),
		.software = buf_str(&s->software),
		.device = buf_str(&s->device)};
	login_goto(c, LOGIN_wait_for_token);
	client_ask(c, &m);
}

static void go_on_with_token(struct client *c)
{
	if (c->talks->sasl2->binds)
		bind_ask(c, STR_NONE, LOGIN_wait_for_sasl2_open);
	else
		succeed(c, false);
}

/* The token comes before the session: once that is open, nothing may come before the success. One
 * that this stream was not offered, or for nobody in particular, is not asked for. */
static void go_on_with_rights(struct client *c)
{
	const struct sasl2 *s = c->talks->sasl2;
	if (s->client.n && features_token_mechanism(c, buf_str(&s->token_for)))
		ask_for_token(c);
	else
		go_on_with_token(c);
}

/* `salted`: what the client has made for the task that goes on; empty: there is none yet. */
static void ask_for_task(struct client *c, struct str salted)
{
	const struct sasl2 *s = c->talks->sasl2;
	struct message m = {.code = MSG_want_upgrade};
	m.as.want_upgrade = (struct msg_want_upgrade){.conn = c->id,
		.hashes = s->upgrades & features_upgrades(c),
		.hash = s->task.hash,
		.iterations = s->task.iterations,
		.salt = s->task.salt,
		.salted = salted};
	login_goto(c, LOGIN_wait_for_upgrade);
	client_ask(c, &m);
}

void sasl2_go_on(struct client *c)
{
	if (c->talks->sasl2->upgrades & features_upgrades(c))
		ask_for_task(c, STR_NONE);
	else
		go_on_with_rights(c);
}

/* A task has failed, and with it the authentication; there is no second one on this stream
 * (XEP-0388 2.6.3, 3.7). */
static void fail_task(struct client *c, enum cond why)
{
	log_event(auth_failed, LOG_HEX("conn", c->id), LOG_TEXT("ip", c->address),
		LOG_STR("user", client_account(c)), LOG_TEXT("mech", c->mechanism),
		LOG_STR("cond", cond_element(why)));
	sasl_xml_fail(c, &sasl_xml_sasl2, why);
	client_farewell(c, STREAM_not_authorized);
}

static void say_continue(struct client *c)
{
	struct sasl2 *s = c->talks->sasl2;
	struct buf out = {0};
	struct emit e = emit_to(&out);
	if (trace_on)
		trace_said("continue", COND_none);
	emit_start_ns(&e, "continue", NS_sasl2);
	put_data(&e, s);
	emit_start(&e, "tasks");
	emit_leaf(&e, "task", str_of(sasl2_task_name(s->task.hash)));
	emit_end(&e);
	emit_end(&e);
	client_say_buf(c, &out);
}

/* sm says which verifier is missing, and what was sent is stored. */
void verb_upgrading(struct client *c, const struct cue *cue)
{
	const struct msg_upgrade *m = &cue->message->as.upgrade;
	struct sasl2 *s = c->talks->sasl2;
	enum cond why = m->cond && cond_group(m->cond) != COND_OF_SASL ? SASL_temporary_auth_failure
								       : (enum cond)m->cond;
	client_answered(c);
	s->task = *m;
	s->task.salt = str_at(s->salt, m->salt.n < sizeof s->salt ? m->salt.n : sizeof s->salt);
	for (size_t i = 0; i < s->task.salt.n; i++)
		s->salt[i] = (uint8_t)m->salt.p[i];
	if (why) {
		fail_task(c, why);
	} else if (m->hash && sasl2_task_name(m->hash)) {
		say_continue(c);
		login_goto(c, LOGIN_wait_for_sasl2_next);
	} else {
		go_on_with_rights(c);
	}
}

/* XEP-0480 3 */
static void say_salt(struct client *c)
{
	const struct sasl2 *s = c->talks->sasl2;
	struct buf out = {0}, salt = {0}, rounds = {0};
	struct emit e = emit_to(&out);
	b64_encode(&salt, s->task.salt);
	buf_printf(&rounds, "%u", (unsigned)s->task.iterations);
	emit_start_ns(&e, "task-data", NS_sasl2);
	emit_start_ns(&e, "salt", NS_scram_upgrade);
	emit_attr(&e, "iterations", buf_str(&rounds));
	emit_text(&e, buf_str(&salt));
	emit_end(&e);
	emit_end(&e);
	buf_free(&salt);
	buf_free(&rounds);
	client_say_buf(c, &out);
}

void verb_begin_task(struct client *c, const struct cue *cue)
{
	struct xml *tree = xml_parse(cue->element->bytes);
	bool it = tree &&
		str_is(xml_attr(xml_root(tree), "task"),
			sasl2_task_name(c->talks->sasl2->task.hash));
	xml_free(&tree);
	if (!it) {
		fail_task(c, SASL_malformed_request);
		return;
	}
	login_goto(c, LOGIN_wait_for_sasl2_task_data);
	say_salt(c);
}

/* Read where the scanner has put it: it is as good as the password. */
static bool read_hash(struct str task_data, struct buf *salted)
{
	struct stanza view, hash;
	return stanza_view(task_data, &view) && view.child_count == 1 &&
		view.child[0].ns == NS_scram_upgrade && str_is(view.child[0].name, "hash") &&
		stanza_view(view.child[0].whole, &hash) && b64_decode(salted, hash.inner);
}

void verb_end_task(struct client *c, const struct cue *cue)
{
	struct buf salted = {0};
	if (read_hash(cue->element->bytes, &salted) &&
		salted.n == hash_size((enum hash)c->talks->sasl2->task.hash))
		ask_for_task(c, buf_str(&salted));
	else
		fail_task(c, SASL_malformed_request);
	buf_wipe(&salted);
}

void verb_drop_task(struct client *c, const struct cue *cue)
{
	(void)cue;
	fail_task(c, SASL_aborted);
}

void sasl2_renew_token(struct client *c)
{
	struct sasl2 *s = c->talks->sasl2;
	if (s && !s->token_for.n)
		buf_puts(&s->token_for, c->talks->sasl->mech->name);
}

void verb_tokened(struct client *c, const struct cue *cue)
{
	const struct msg_token *m = &cue->message->as.token;
	buf_put(&c->talks->sasl2->token, m->token);
	buf_put(&c->talks->sasl2->expiry, m->expiry);
	client_answered(c);
	go_on_with_token(c);
}

void verb_enter_inline(struct client *c, const struct cue *cue)
{
	bind_done(c, &cue->message->as.opened);
	succeed(c, true);
	if (c->talks->sasl2->inactive)
		client_rest(c);
	c->set.way->opened(c);
}

/* XEP-0386 has no word for it. The client is who it is, without a resource, and may ask for one as
 * everybody (RFC 6120 7), and hear why not. */
void verb_stay_out(struct client *c, const struct cue *cue)
{
	if (trace_on)
		trace_said("unbound", (enum cond)cue->message->as.refused.cond);
	client_answered(c);
	succeed(c, false);
}

/* XEP-0388 2.4: nothing else may be sent meanwhile. */
void verb_intrude(struct client *c, const struct cue *cue)
{
	(void)cue;
	client_fault(c, STREAM_policy_violation, "not while authentication goes on");
}

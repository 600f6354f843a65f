/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verbs: SASL (RFC 6120 6), and the exchange of SASL2 (XEP-0388). They translate between XML
 * (c2s/sasl_xml.h), messages and the steps of a mechanism (c2s/sasl.h). */
#include "c2s/features.h"
#include "c2s/verb.h"
#include "c2s/verb_iq_auth.h"
#include "c2s/verb_sasl2.h"
#include "common/log.h"
#include <string.h>

#define MISFITS_MOST 8

/* The one line that fail2ban and its like read: event=auth_failed with ip, user, mech and cond,
 * for every failure. */
static void log_failure(const struct client *c, enum cond why)
{
	const struct sasl_mech *m = c->talks && c->talks->sasl ? c->talks->sasl->mech : NULL;
	log_event(auth_failed, LOG_HEX("conn", c->id), LOG_TEXT("ip", c->address),
		LOG_STR("user", client_account(c)), LOG_TEXT("mech", m ? m->name : ""),
		LOG_STR("cond", cond_element(why)));
}

/* A client whose word on channel binding cannot be has claimed nothing and proved nothing. A few
 * times that is no failure of authentication, neither counted nor logged as one: Debian 12's
 * slixmpp, for one, tries on TLS 1.3 each -PLUS with tls-unique, then each SCRAM with 'y', and then
 * PLAIN. */
static bool only_misfits(struct client *c)
{
	const struct sasl *x = c->talks->sasl;
	return x && x->misfit && c->misfits++ < MISFITS_MOST;
}

/* sm has said yes already, and the client does not want it any more. */
static void unbind(struct client *c)
{
	struct message m = {.code = MSG_forget, .as.forget.conn = c->id};
	if (client_is_bound(c))
		c->set.way->tell(c, &m);
}

/* A failure is said and counted; after the last one that is allowed the stream ends (RFC 6120
 * 6.4.5). */
static void refuse(struct client *c, enum cond why)
{
	bool counts = !only_misfits(c);
	unbind(c);
	if (counts)
		log_failure(c, why);
	sasl_free(&c->talks->sasl);
	sasl2_free(&c->talks->sasl2);
	sasl_xml_fail(c, c->talks->xml, why);
	if (counts && ++c->failures >= (unsigned)c->set.conf->auth_attempts)
		client_farewell(c, STREAM_not_authorized);
	else if (c->state != LOGIN_wait_for_feature_request)
		login_goto(c, LOGIN_wait_for_feature_request);
}

static void add_token(struct msg_sasl_prove *m, const struct sasl2 *s)
{
	m->client = buf_str(&s->client);
	m->count = s->count;
	m->invalidate = s->invalidate;
}

static void ask(struct client *c)
{
	const struct sasl *x = c->talks->sasl;
	struct message m = {.code = x->ask.code};
	if (x->ask.code == MSG_sasl_start) {
		m.as.sasl_start.conn = c->id;
		m.as.sasl_start.attempt = ++c->talks->attempt;
		m.as.sasl_start.hash = x->ask.hash;
		m.as.sasl_start.who = x->who;
		m.as.sasl_start.form = x->ask.form;
		m.as.sasl_start.dear = x->ask.dear;
		m.as.sasl_start.address = str_of(c->address);
		login_goto(c, LOGIN_wait_for_salt);
	} else {
		m.as.sasl_prove.conn = c->id;
		m.as.sasl_prove.attempt = c->talks->attempt;
		m.as.sasl_prove.hash = x->ask.hash;
		m.as.sasl_prove.form = x->ask.form;
		m.as.sasl_prove.who = x->who;
		m.as.sasl_prove.message = x->ask.message;
		m.as.sasl_prove.proof = x->ask.proof;
		m.as.sasl_prove.address = str_of(c->address);
		m.as.sasl_prove.more = buf_str(&x->more);
		m.as.sasl_prove.mechanism = str_of(x->mech->name);
		if (x->ask.form == PROTO_FORM_TOKEN)
			add_token(&m.as.sasl_prove, c->talks->sasl2);
		login_goto(c, LOGIN_wait_for_proof);
	}
	client_ask(c, &m);
}

/* sm has bound the account to this connection: a new stream follows (RFC 6120 6.4.6), or what else
 * SASL2 was asked for. */
static void accept(struct client *c)
{
	struct sasl *x = c->talks->sasl;
	if (c->talks->sasl2)
		buf_put(&c->talks->sasl2->data, buf_str(&x->say));
	else if (c->talks->xml->ns != NS_iq_auth)
		sasl_xml_say(c, "success", buf_str(&x->say));
	buf_put(&c->jid, x->who.text);
	c->mechanism = x->mech->name;
	log_event(auth, LOG_HEX("conn", c->id), LOG_TEXT("ip", c->address),
		LOG_STR("user", buf_str(&c->jid)), LOG_TEXT("mech", c->mechanism));
	sasl_free(&c->talks->sasl);
	if (c->talks->sasl2) {
		sasl2_go_on(c);
		return;
	}
	if (c->talks->xml->ns == NS_iq_auth) {
		iq_auth_go_on(c);
		return;
	}
	pipe_restart(&c->pipe, c->set.session_limits);
	login_goto(c, LOGIN_wait_for_stream);
}

static void step(struct client *c, enum sasl_step next);

static void derive(struct client *c)
{
	struct sasl *x = c->talks->sasl;
	struct str key = c->set.way->recall(c, &x->work);
	login_goto(c, LOGIN_wait_for_key);
	if (key.n || !c->set.way->derive(c, &x->work))
		step(c, sasl_key(x, key));
}

static void complete(struct client *c)
{
	struct sasl *x = c->talks->sasl;
	credential_rules(&x->work.rules, c->set.conf, c->domain);
	x->work.rules.kinds &= x->wants;
	x->work.account = x->who.text;
	if (x->work.rules.kinds && c->set.way->derive(c, &x->work))
		login_goto(c, LOGIN_wait_for_key);
	else
		accept(c);
}

static void step(struct client *c, enum sasl_step next)
{
	struct sasl *x = c->talks->sasl;
	switch (next) {
	case SASL_SAY:
		login_goto(c, c->talks->xml->answers);
		sasl_xml_say(c, "challenge", buf_str(&x->say));
		break;
	case SASL_ASK:
		ask(c);
		break;
	case SASL_DERIVE:
		derive(c);
		break;
	case SASL_COMPLETE:
		complete(c);
		break;
	case SASL_ACCEPT:
		accept(c);
		break;
	case SASL_REFUSE:
		refuse(c, x->why);
		break;
	}
}

void sasl_carry_on(struct client *c, enum sasl_step next)
{
	step(c, next);
}

/* `first`: it came with the request; false for `any`: nothing did. The text is read where the
 * scanner has put it, which wipes it. */
static void hear(struct client *c, struct str text, bool first, bool any)
{
	struct sasl *x = c->talks->sasl;
	struct buf data = {0};
	struct str initial;
	if (!sasl_xml_data(c->talks->xml, text, &data)) {
		refuse(c, SASL_incorrect_encoding);
	} else if (first) {
		initial = buf_str(&data);
		step(c, sasl_begin(x, any ? &initial : NULL));
	} else {
		step(c, sasl_answer(x, buf_str(&data)));
	}
	buf_wipe(&data);
}

/* In canonical form no value has a double quote in it, so this is the attribute and nothing
 * else. */
static struct str mechanism_of(const struct stanza *auth)
{
	static const char attr[] = " mechanism=\"";
	const char *at = memmem(auth->start.p, auth->start.n, attr, sizeof attr - 1);
	if (!at)
		return STR_NONE;
	struct str value = str_skip(auth->start, (size_t)(at - auth->start.p) + sizeof attr - 1);
	return str_head(value, str_find(value, '"'));
}

/* Only what this stream was offered may be chosen (CVE-2017-10807). */
static bool choose(struct client *c, const struct stanza *auth)
{
	const struct sasl_mech *m = sasl_find(mechanism_of(auth));
	if (c->talks->sasl2 && c->talks->sasl2->fast)
		m = features_token_mechanism(c, mechanism_of(auth));
	else if (m && !features_has_mechanism(c, m))
		m = NULL;
	if (m) {
		c->talks->sasl = sasl_new(m, client_domain(c));
		c->talks->sasl->more_rounds = c->domain->digest_md5_rspauth == RSPAUTH_CHALLENGE;
		features_channel(c, &c->talks->sasl->channel);
		return true;
	}
	refuse(c, SASL_invalid_mechanism);
	return false;
}

/* XEP-0388 2.4. An identity that the client claims must be the one in the header, where one
 * is. */
static void authenticate(struct client *c, const struct stanza *element)
{
	struct str initial;
	bool any;
	sasl2_free(&c->talks->sasl2);
	c->talks->sasl2 = sasl2_new(element, &initial, &any);
	if (!c->talks->sasl2) {
		refuse(c, SASL_malformed_request);
	} else if (c->talks->sasl2->fast && !c->talks->sasl2->client.n) {
		refuse(c, SASL_malformed_request); /* a token is one client's (XEP-0484 4.1) */
	} else if (sasl2_may_begin(c) && choose(c, element)) {
		c->talks->sasl->from = buf_str(&c->talks->from);
		hear(c, initial, true, any);
	}
}

static void begin(struct client *c, const struct stanza *element)
{
	if (!client_may_log_in(c))
		refuse(c, SASL_encryption_required);
	else if (c->talks->xml->ns == NS_sasl2)
		authenticate(c, element);
	else if (choose(c, element))
		hear(c, element->inner, true, element->inner.n);
}

static void with_view(struct client *c, const struct cue *cue,
	void (*run)(struct client *c, const struct stanza *element))
{
	struct stanza view;
	if (stanza_view(cue->element->bytes, &view))
		run(c, &view);
	else
		client_fault(c, STREAM_internal_server_error, NULL);
}

void verb_begin(struct client *c, const struct cue *cue)
{
	c->talks->xml = sasl_xml_of(cue->element->ns);
	with_view(c, cue, begin);
}

/* <auth/> in the midst of an exchange: that one has failed, and the new one begins. */
void verb_restart(struct client *c, const struct cue *cue)
{
	refuse(c, SASL_aborted);
	if (c->state != LOGIN_closing)
		verb_begin(c, cue);
}

static void respond(struct client *c, const struct stanza *response)
{
	hear(c, response->inner, false, true);
}

void verb_respond(struct client *c, const struct cue *cue)
{
	with_view(c, cue, respond);
}

/* RFC 6120 6.4.4 */
void verb_cancel(struct client *c, const struct cue *cue)
{
	(void)cue;
	refuse(c, SASL_aborted);
}

/* A response, or an abort, to nothing. */
void verb_unasked(struct client *c, const struct cue *cue)
{
	c->talks->xml = sasl_xml_of(cue->element->ns);
	refuse(c, client_may_log_in(c) ? SASL_not_authorized : SASL_encryption_required);
}

/* SASL again after its success: refused in SASL's terms, and no client that does so knows where
 * it stands. */
void verb_known(struct client *c, const struct cue *cue)
{
	sasl_xml_fail(c, sasl_xml_of(cue->element->ns), SASL_not_authorized);
	client_fault(c, STREAM_not_authorized, "authenticated already");
}

void verb_salted(struct client *c, const struct cue *cue)
{
	client_answered(c);
	step(c, sasl_salt(c->talks->sasl, &cue->message->as.sasl_salt));
}

void verb_derived(struct client *c, const struct cue *cue)
{
	struct sasl *x = c->talks->sasl;
	buf_clear(&x->more);
	buf_put(&x->more, cue->more);
	step(c, sasl_key(x, cue->key));
}

void verb_judged(struct client *c, const struct cue *cue)
{
	struct msg_sasl_verdict m = cue->message->as.sasl_verdict;
	struct sasl *x = c->talks->sasl;
	client_answered(c);
	/* Should the mechanism ask once more, this answer must not fit when it comes again. */
	c->talks->attempt++;
	if (!m.cond && !sasl_is_claimed(x, m.who)) {
		log_event(internal, LOG_HEX("conn", c->id),
			LOG_TEXT("what", "sm proved another account"));
		m.cond = SASL_temporary_auth_failure;
	}
	if (!m.cond && x->ask.form == PROTO_FORM_CLIENT_KEY)
		c->set.way->remember(c, x->ask.proof);
	if (!m.cond && (m.flags & PROTO_VERDICT_TOKEN_DUE))
		sasl2_renew_token(c);
	step(c, sasl_verdict(x, &m));
}

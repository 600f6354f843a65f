/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verbs: the stream itself (RFC 6120 4), its ends, and what has no place in a state. */
#include "c2s/features.h"
#include "c2s/verb.h"
#include "common/log.h"

#define LANG_BYTES 35 /* the longest language tag that RFC 5646 4.4.1 asks everybody to take */

void verb_ignore(struct client *c, const struct cue *cue)
{
	(void)c;
	(void)cue;
}

/* An input while the client is not read: the fault is ours, and this client's stream pays for
 * it, no other. */
void verb_astray(struct client *c, const struct cue *cue)
{
	(void)cue;
	log_event(internal, LOG_HEX("conn", c->id),
		LOG_TEXT("what", "input in a state that reads none"),
		LOG_TEXT("state", login_state_name(c->state)));
	client_fault(c, STREAM_internal_server_error, NULL);
}

/* The domain that `to` names: NULL, and why. */
static const struct conf_domain *domain_of(const struct client *c, struct str to, enum cond *why)
{
	struct buf store = {0};
	struct jid jid;
	const struct conf_domain *d = NULL;
	*why = STREAM_improper_addressing;
	if (to.n && jid_parse(to, &store, &jid) && !jid.local_n && !jid.resource_n) {
		d = conf_domain(c->set.conf, jid_domain(jid));
		if (!d)
			d = conf_domain(c->set.conf, str_of(c->set.conf->default_domain));
		*why = d ? COND_none : STREAM_host_unknown;
	}
	buf_free(&store);
	return d;
}

/* Without a version a client is older than 1.0 (RFC 6120 4.7.5): it knows neither features nor
 * SASL, so it can log in by iq-auth at most. */
static bool version_ok(const struct client *c, const struct scan_header *h)
{
	struct str major, minor;
	uint64_t n;
	enum cond why;
	if (!h->has_version)
		return features_knows_old(c, domain_of(c, h->to, &why));
	return str_cut(h->version, '.', &major, &minor) && str_u64(minor, &n) &&
		str_u64(major, &n) && n == 1;
}

/* What is wrong with a header, in the order in which RFC 6120 4.7 has the attributes; COND_none:
 * nothing, and *d is the domain. */
static enum cond header_fault(const struct client *c, const struct scan_header *h,
	const struct conf_domain **d, const char **text)
{
	enum cond why;
	*text = NULL;
	if (h->ns != NS_streams || h->content_ns != NS_client)
		return STREAM_invalid_namespace;
	if (!str_is(h->name, "stream"))
		return STREAM_bad_format;
	if (!version_ok(c, h))
		return STREAM_unsupported_version;
	if (h->lang.n > LANG_BYTES) {
		*text = "xml:lang is too long";
		return STREAM_policy_violation;
	}
	*d = domain_of(c, h->to, &why);
	if (why || !c->domain || *d == c->domain)
		return why;
	*text = "the domain must stay the same";
	return STREAM_improper_addressing;
}

/* Who the client says it is: a hint, and what SASL2 compares with (XEP-0388 2.1, 2.4). */
static void note_from(struct client *c, struct str from)
{
	struct buf store = {0};
	struct jid who;
	buf_clear(&c->talks->from);
	if (from.n && jid_parse(from, &store, &who) && who.local_n && !who.resource_n)
		buf_put(&c->talks->from, who.text);
	buf_free(&store);
}

void verb_open(struct client *c, const struct cue *cue)
{
	const struct conf_domain *d = NULL;
	const char *text;
	enum cond why = header_fault(c, cue->header, &d, &text);
	if (why) {
		client_fault(c, why, text);
		return;
	}
	c->domain = d;
	note_from(c, cue->header->from);
	log_event(stream, LOG_HEX("conn", c->id), LOG_TEXT("domain", d->name));
	client_say_header(c, cue->header);
	if (cue->header->has_version) /* RFC 6120 4.3.2 */
		features_say(c);
	login_goto(c, client_is_proven(c) ? LOGIN_wait_for_bind : LOGIN_wait_for_feature_request);
}

void verb_farewell(struct client *c, const struct cue *cue)
{
	(void)cue;
	client_farewell(c, COND_none);
}

/* RFC 6120 4.4: what its last stanzas have made is on the way from sm, and goes out before our
 * </stream:stream>. */
void verb_part(struct client *c, const struct cue *cue)
{
	(void)cue;
	client_part(c);
}

/* It said goodbye and did not wait for ours. */
void verb_desert(struct client *c, const struct cue *cue)
{
	(void)cue;
	client_cut(c, COND_none);
}

/* An element that is nothing we know. */
void verb_odd(struct client *c, const struct cue *cue)
{
	(void)cue;
	/* RFC 6120 5.3.1 */
	if (c->state == LOGIN_wait_for_feature_request && !client_may_log_in(c))
		client_fault(c, STREAM_policy_violation, "STARTTLS comes first");
	else
		client_fault(c, STREAM_unsupported_stanza_type, NULL);
}

/* RFC 6120 4.9.3.12: a stanza from somebody who has not said who it is. */
void verb_stranger(struct client *c, const struct cue *cue)
{
	(void)cue;
	client_fault(c, STREAM_not_authorized, NULL);
}

void verb_complain(struct client *c, const struct cue *cue)
{
	client_fault(c, cue->why, cue->text);
}

void verb_give_up(struct client *c, const struct cue *cue)
{
	log_event(slow_client, LOG_HEX("conn", c->id), LOG_STR("user", client_account(c)),
		LOG_TEXT("ip", c->address), LOG_U64("queued", pipe_queued(&c->pipe)),
		LOG_STR("cond", cond_element(cue->why)));
	/* All clients together have too much: the memory is needed now. */
	if (cue->why == STREAM_resource_constraint)
		client_cut(c, cue->why);
	else
		client_fault(c, cue->why, "the client does not read");
}

void verb_time_out(struct client *c, const struct cue *cue)
{
	(void)cue;
	log_event(timeout, LOG_HEX("conn", c->id), LOG_TEXT("ip", c->address),
		LOG_TEXT("state", login_state_name(c->state)));
	client_fault(c, STREAM_connection_timeout, NULL);
}

void verb_shut_down(struct client *c, const struct cue *cue)
{
	(void)cue;
	client_fault(c, STREAM_system_shutdown, NULL);
}

/* The network is gone, or the client closed it without a word. One that said close_notify is owed
 * ours (RFC 8446 6.1). For sm both are what may be resumed: no goodbye. */
void verb_hang_up(struct client *c, const struct cue *cue)
{
	(void)cue;
	c->hung_up = true;
	if (c->pipe.ended)
		client_farewell(c, STREAM_connection_timeout);
	else
		client_cut(c, STREAM_connection_timeout);
}

/* sm ends the session: after an operator's kick, a conflict, a removed account. */
void verb_dismiss(struct client *c, const struct cue *cue)
{
	const struct msg_end *m = &cue->message->as.end;
	struct buf text = {0};
	buf_put(&text, m->text);
	if (cond_group(m->cond) == COND_OF_STREAM)
		client_fault(c, m->cond, buf_cstr(&text));
	else if (c->state == LOGIN_wait_for_end)
		client_release(c);
	else
		client_farewell(c, COND_none);
	buf_free(&text);
}

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

static void say_success(struct client *c, bool bound)
{
	struct buf out = {0}, text = {0};
	struct emit e = emit_to(&out);
	if (trace_on)
		trace_said("success", COND_none);
	emit_start_ns(&e, "success", NS_sasl2);
	if (c->talks->sasl2->data.n) {
		b64_encode(&text, buf_str(&c->talks->sasl2->data));
		emit_leaf(&e, "additional-data", buf_str(&text));
	}
	emit_leaf(&e, "authorization-identifier", buf_str(&c->jid));
	if (bound) {
		emit_start_ns(&e, "bound", NS_bind2);
		emit_end(&e);
	}
	emit_end(&e);
	buf_free(&text);
	client_say_buf(c, &out);
}

/* No new stream: features follow at once (XEP-0388 2.6.1), and another limit holds. */
static void succeed(struct client *c, bool bound)
{
	say_success(c, bound);
	pipe_limit(&c->pipe, c->set.session_limits);
	login_goto(c, bound ? LOGIN_wait_for_session : LOGIN_wait_for_bind);
	features_say(c);
}

void sasl2_go_on(struct client *c)
{
	if (c->talks->sasl2->binds)
		bind_ask(c, STR_NONE, LOGIN_wait_for_sasl2_open);
	else
		succeed(c, false);
}

void verb_enter_inline(struct client *c, const struct cue *cue)
{
	bind_done(c, &cue->message->as.opened);
	succeed(c, true);
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

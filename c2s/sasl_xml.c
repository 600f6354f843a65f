/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See sasl_xml.h. */
#include "c2s/sasl_xml.h"
#include "c2s/client.h"
#include "c2s/request.h"
#include "c2s/trace.h"
#include "common/b64.h"
#include "common/emit.h"
#include <string.h>

const struct sasl_xml sasl_xml_rfc6120 = {NS_sasl, LOGIN_wait_for_sasl_response, "="};
const struct sasl_xml sasl_xml_sasl2 = {NS_sasl2, LOGIN_wait_for_sasl2_response, NULL};
const struct sasl_xml sasl_xml_iq_auth = {NS_iq_auth, LOGIN_wait_for_feature_request, NULL};

const struct sasl_xml *sasl_xml_of(enum ns ns)
{
	return ns == NS_sasl2 ? &sasl_xml_sasl2 : &sasl_xml_rfc6120;
}

bool sasl_xml_data(const struct sasl_xml *x, struct str text, struct buf *data)
{
	return !text.n || (x->nothing && str_is(text, x->nothing)) || b64_decode(data, text);
}

/* What stands where data has no length. */
static const char *nothing(const struct client *c, const char *name)
{
	bool says_so = c->talks->xml->nothing && c->talks->sasl->mech->empty;
	return says_so && strcmp(name, "challenge") == 0 ? c->talks->sasl->mech->empty : "";
}

void sasl_xml_say(struct client *c, const char *name, struct str data)
{
	struct buf out = {0}, text = {0};
	struct emit e = emit_to(&out);
	if (trace_on)
		trace_said(name, COND_none);
	b64_encode(&text, data);
	if (!data.n)
		buf_puts(&text, nothing(c, name));
	emit_start_ns(&e, name, c->talks->xml->ns);
	emit_text(&e, buf_str(&text));
	emit_end(&e);
	buf_wipe(&text);
	client_say_buf(c, &out);
}

/* XEP-0078 4 knows wrong, and refused otherwise. */
static enum cond stanza_condition(enum cond why)
{
	switch (why) {
	case SASL_not_authorized:
		return STANZA_not_authorized;
	case SASL_account_disabled:
	case SASL_invalid_mechanism:
		return STANZA_forbidden;
	case SASL_malformed_request:
		return STANZA_not_acceptable;
	default:
		return STANZA_internal_server_error;
	}
}

/* The conditions of SASL2 are those of RFC 6120 6.5, in their own namespace (XEP-0388 2.6.2). */
void sasl_xml_fail(struct client *c, const struct sasl_xml *x, enum cond why)
{
	struct buf out = {0};
	if (x->ns == NS_iq_auth) {
		request_say_error(c, buf_str(&c->talks->bind_id), stanza_condition(why), NULL);
		return;
	}
	if (x->ns == NS_sasl) {
		client_say_bare(c, "failure", NS_sasl, why);
		return;
	}
	if (trace_on)
		trace_said("failure", why);
	buf_printf(&out,
		"<failure xmlns='urn:xmpp:sasl:2'>"
		"<%.*s xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>",
		STR_ARG(cond_element(why)));
	client_say_buf(c, &out);
}

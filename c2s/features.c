/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See features.h. Registration, iq-auth, SASL2, stream management, client state and compression
 * each become a row. */
#include "c2s/features.h"
#include "common/emit.h"

static bool before_tls(const struct client *c)
{
	return c->set.tls && !pipe_is_secure(&c->pipe) && !client_is_proven(c);
}

static bool configured(const struct client *c, const char *name)
{
	for (size_t i = 0; c->domain && i < c->domain->mechanisms.n; i++) {
		if (str_is(str_of(name), c->domain->mechanisms.words[i]))
			return true;
	}
	return false;
}

bool features_has_mechanism(const struct client *c, const struct sasl_mech *m)
{
	if ((m->needs & SASL_NEEDS_PRIVACY) && !client_may_log_in(c))
		return false;
	return configured(c, m->name);
}

static bool logging_in(const struct client *c)
{
	if (client_is_proven(c) || !client_may_log_in(c))
		return false;
	for (const struct sasl_mech *const *m = sasl_list; *m; m++) {
		if (features_has_mechanism(c, *m))
			return true;
	}
	return false;
}

static void starttls(const struct client *c, struct emit *e)
{
	emit_start_ns(e, "starttls", NS_tls);
	if (!client_may_log_in(c))
		emit_leaf(e, "required", STR_NONE);
	emit_end(e);
}

/* In the operator's order, best first. */
static void mechanisms(const struct client *c, struct emit *e)
{
	emit_start_ns(e, "mechanisms", NS_sasl);
	for (size_t i = 0; i < c->domain->mechanisms.n; i++) {
		const struct sasl_mech *m = sasl_find(str_of(c->domain->mechanisms.words[i]));
		if (m && features_has_mechanism(c, m))
			emit_leaf(e, "mechanism", str_of(m->name));
	}
	emit_end(e);
}

static void bind(const struct client *c, struct emit *e)
{
	(void)c;
	emit_start_ns(e, "bind", NS_bind);
	emit_end(e);
}

/* RFC 3921's session is open at bind; clients need not ask (draft-cridland-xmpp-session). */
static void session(const struct client *c, struct emit *e)
{
	(void)c;
	emit_start_ns(e, "session", NS_session);
	emit_leaf(e, "optional", STR_NONE);
	emit_end(e);
}

/* XEP-0478 */
static void limits(const struct client *c, struct emit *e)
{
	struct buf number = {0};
	buf_printf(&number, "%zu",
		client_is_proven(c) ? c->set.session_limits->bytes : c->set.login_limits->bytes);
	emit_start_ns(e, "limits", NS_limits);
	emit_leaf(e, "max-bytes", buf_str(&number));
	emit_end(e);
	buf_free(&number);
}

static bool always(const struct client *c)
{
	(void)c;
	return true;
}

static const struct {
	bool (*offered)(const struct client *c);
	void (*say)(const struct client *c, struct emit *e);
} features[] = {
	{before_tls, starttls},
	{logging_in, mechanisms},
	{client_is_proven, bind},
	{client_is_proven, session},
	{always, limits},
};

void features_say(struct client *c)
{
	struct buf out = {0};
	struct emit e = emit_to(&out);
	emit_start(&e, "stream:features");
	for (size_t i = 0; i < COUNT(features); i++) {
		if (features[i].offered(c))
			features[i].say(c, &e);
	}
	emit_end(&e);
	client_say_buf(c, &out);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See features.h. Stream management becomes a row. */
#include "c2s/features.h"
#include "c2s/sasl_ht.h"
#include "common/b64.h"
#include "common/crypt.h"
#include "common/emit.h"

static bool before_tls(const struct client *c)
{
	return c->set.tls && !pipe_is_secure(&c->pipe) && !client_is_proven(c);
}

static bool sm_is_old(const struct client *c)
{
	return c->set.sm->version == 1;
}

static bool configured(const struct client *c, const char *name)
{
	for (size_t i = 0; c->domain && i < c->domain->mechanisms.n; i++) {
		if (str_is(str_of(name), c->domain->mechanisms.words[i]))
			return true;
	}
	return false;
}

/* Bits, 1 << enum tls_binding: what this connection's TLS can give. */
static unsigned bindings_of(const struct client *c)
{
	unsigned bits = 0;
	for (unsigned b = 0; pipe_is_secure(&c->pipe) && b < TLS_BINDINGS; b++) {
		if (tls_binds(c->pipe.tls, (enum tls_binding)b))
			bits |= 1U << b;
	}
	return bits;
}

static struct str peer_address(const void *of, size_t i)
{
	const struct client *c = of;
	struct str names[TLS_PEER_NAMES];
	size_t n = 0;
	if (pipe_is_secure(&c->pipe))
		n = tls_peer_names(c->pipe.tls, client_domain(c), names);
	return i < n ? names[i] : STR_NONE;
}

static bool has_certificate(const struct client *c)
{
	struct sasl_channel channel = {.address = peer_address, .of = c};
	return sasl_channel_names(&channel, client_domain(c));
}

bool features_has_mechanism(const struct client *c, const struct sasl_mech *m)
{
	if ((m->needs & SASL_NEEDS_VERSION_2) && sm_is_old(c))
		return false;
	if ((m->needs & SASL_NEEDS_PRIVACY) && !client_may_log_in(c))
		return false;
	if ((m->needs & SASL_NEEDS_BINDING) && !bindings_of(c))
		return false;
	return configured(c, m->name) &&
		(!(m->needs & SASL_NEEDS_CERTIFICATE) || has_certificate(c));
}

/* The i-th of the operator's list, which is best first, if this stream is offered it; else NULL. */
static const struct sasl_mech *offered(const struct client *c, size_t i)
{
	const struct sasl_mech *m = sasl_find(str_of(c->domain->mechanisms.words[i]));
	return m && features_has_mechanism(c, m) ? m : NULL;
}

static bool offers(const struct client *c, unsigned needs)
{
	for (size_t i = 0; c->domain && i < c->domain->mechanisms.n; i++) {
		const struct sasl_mech *m = offered(c, i);
		if (m && (m->needs & needs) == needs)
			return true;
	}
	return false;
}

static bool logging_in(const struct client *c)
{
	return !client_is_proven(c) && client_may_log_in(c) && offers(c, 0);
}

static bool binding_channels(const struct client *c)
{
	return logging_in(c) && offers(c, SASL_NEEDS_BINDING);
}

static void starttls(const struct client *c, struct emit *e)
{
	emit_start_ns(e, "starttls", NS_tls);
	if (!client_may_log_in(c))
		emit_leaf(e, "required", STR_NONE);
	emit_end(e);
}

/* In the operator's order, best first; one list for both profiles. */
static void list_mechanisms(const struct client *c, struct emit *e)
{
	for (size_t i = 0; i < c->domain->mechanisms.n; i++) {
		const struct sasl_mech *m = offered(c, i);
		if (m)
			emit_leaf(e, "mechanism", str_of(m->name));
	}
}

static void mechanisms(const struct client *c, struct emit *e)
{
	emit_start_ns(e, "mechanisms", NS_sasl);
	list_mechanisms(c, e);
	emit_end(e);
}

/* sm that is older would keep the wish, and not grant it. */
static bool has_carbons(const struct client *c)
{
	return !sm_is_old(c);
}

/* What can be asked for within <bind/> (XEP-0386 3.1); what comes with a session is a row. */
static bool has_csi(const struct client *c)
{
	return c->set.conf->inactive_bytes > 0;
}

static const struct {
	enum ns ns;
	bool (*offered)(const struct client *c);
} bind2_features[] = {{NS_carbons, has_carbons}, {NS_csi, has_csi}};

static void bind2(const struct client *c, struct emit *e)
{
	emit_start_ns(e, "bind", NS_bind2);
	emit_start(e, "inline");
	for (size_t i = 0; i < COUNT(bind2_features); i++) {
		if (!bind2_features[i].offered(c))
			continue;
		emit_start(e, "feature");
		emit_attr(e, "var", ns_uri(bind2_features[i].ns));
		emit_end(e);
	}
	emit_end(e);
	emit_end(e);
}

/* Over TLS only, whatever is allowed for passwords: who sees it on its way could use it again
 * (XEP-0484 7). */
const struct sasl_mech *features_token_mechanism(const struct client *c, struct str name)
{
	const struct conf_list *list = &c->domain->fast_mechanisms;
	const struct sasl_mech *m = ht_find(name);
	if (sm_is_old(c) || !m || !pipe_is_secure(&c->pipe) || !ht_fits(m, bindings_of(c)))
		return NULL;
	for (size_t i = 0; i < list->n; i++) {
		if (str_is(name, list->words[i]))
			return m;
	}
	return NULL;
}

static void fast(const struct client *c, struct emit *e)
{
	const struct conf_list *list = &c->domain->fast_mechanisms;
	bool any = false;
	for (size_t i = 0; i < list->n; i++) {
		if (!features_token_mechanism(c, str_of(list->words[i])))
			continue;
		if (!any)
			emit_start_ns(e, "fast", NS_fast);
		any = true;
		emit_leaf(e, "mechanism", str_of(list->words[i]));
	}
	if (any)
		emit_end(e);
}

/* What can be asked for within <authenticate/> (XEP-0388 2.1). */
static void (*const inline_features[])(const struct client *c, struct emit *e) = {bind2, fast};

uint32_t features_upgrades(const struct client *c)
{
	uint32_t hashes = 0;
	for (size_t i = 0; i < c->domain->mechanisms.n; i++) {
		const struct sasl_mech *m = sasl_find(str_of(c->domain->mechanisms.words[i]));
		if (m && m->hash && !sm_is_old(c) && pipe_is_secure(&c->pipe))
			hashes |= UINT32_C(1) << m->hash;
	}
	return hashes;
}

static void upgrades(const struct client *c, struct emit *e)
{
	uint32_t hashes = features_upgrades(c);
	for (unsigned hash = 31; hash; hash--) {
		if (!(hashes >> hash & 1) || !sasl2_task_name(hash))
			continue;
		emit_start_ns(e, "upgrade", NS_upgrade);
		emit_text(e, str_of(sasl2_task_name(hash)));
		emit_end(e);
	}
}

/* To everybody alike, whatever `from` the header had: it would tell who is known here. */
static void authentication(const struct client *c, struct emit *e)
{
	emit_start_ns(e, "authentication", NS_sasl2);
	list_mechanisms(c, e);
	emit_start(e, "inline");
	for (size_t i = 0; i < COUNT(inline_features); i++)
		inline_features[i](c, e);
	emit_end(e);
	upgrades(c, e);
	emit_end(e);
}

/* XEP-0440 */
static void channel_bindings(const struct client *c, struct emit *e)
{
	unsigned offer = bindings_of(c);
	emit_start_ns(e, "sasl-channel-binding", NS_sasl_cb);
	for (unsigned b = 0; b < TLS_BINDINGS; b++) {
		if (!(offer >> b & 1))
			continue;
		emit_start(e, "channel-binding");
		emit_attr(e, "type", str_of(binding_name((enum tls_binding)b)));
		emit_end(e);
	}
	emit_end(e);
}

/* A password goes in there: over TLS, or where the operator does without. */
bool features_knows_old(const struct client *c, const struct conf_domain *d)
{
	return !client_is_proven(c) && client_may_log_in(c) && d && d->iq_auth;
}

bool features_has_iq_auth(const struct client *c)
{
	return features_knows_old(c, c->domain);
}

static void iq_auth(const struct client *c, struct emit *e)
{
	(void)c;
	emit_start_ns(e, "auth", NS_iq_auth_feature);
	emit_end(e);
}

/* As above. */
bool features_has_registration(const struct client *c)
{
	return !client_is_proven(c) && client_may_log_in(c) && c->domain &&
		c->domain->registration == REGISTRATION_OPEN;
}

static void registration(const struct client *c, struct emit *e)
{
	(void)c;
	emit_start_ns(e, "register", NS_register_feature);
	emit_end(e);
}

static void bind(const struct client *c, struct emit *e)
{
	(void)c;
	emit_start_ns(e, "bind", NS_bind);
	emit_end(e);
}

static bool unbound(const struct client *c)
{
	return client_is_proven(c) && !client_has_session(c);
}

bool features_has_compression(const struct client *c)
{
	return unbound(c) && !c->pipe.zip && c->domain &&
		c->domain->compression == COMPRESSION_AFTER_AUTH;
}

static void compression(const struct client *c, struct emit *e)
{
	(void)c;
	emit_start_ns(e, "compression", NS_compress_feature);
	emit_leaf(e, "method", STR("zlib"));
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

static bool has_caps(const struct client *c)
{
	return client_is_proven(c) && sm_terms_caps(c->set.sm, client_domain(c)).n;
}

/* XEP-0115 6.3: of the domain's disco#info, which is sm's to answer. */
static void caps(const struct client *c, struct emit *e)
{
	emit_start_ns(e, "c", NS_caps);
	emit_attr(e, "hash", STR("sha-1"));
	emit_attr(e, "node", STR(CAPS_NODE));
	emit_attr(e, "ver", sm_terms_caps(c->set.sm, client_domain(c)));
	emit_end(e);
}

static bool has_client_state(const struct client *c)
{
	return client_is_proven(c) && has_csi(c);
}

static void client_state(const struct client *c, struct emit *e)
{
	(void)c;
	emit_start_ns(e, "csi", NS_csi);
	emit_end(e);
}

/* What sm does with rosters and subscriptions: RFC 6121 2.6.1, 3.4.1. */
static void rosters(const struct client *c, struct emit *e)
{
	(void)c;
	emit_start_ns(e, "ver", NS_rosterver);
	emit_end(e);
	emit_start_ns(e, "sub", NS_pre_approval);
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
	{logging_in, authentication},
	{binding_channels, channel_bindings},
	{features_has_iq_auth, iq_auth},
	{features_has_registration, registration},
	{features_has_compression, compression},
	{unbound, bind},
	{unbound, session},
	{has_caps, caps},
	{has_client_state, client_state},
	{always, limits},
	{client_is_proven, rosters},
};

static void list_features(const struct client *c, struct emit *e)
{
	for (size_t i = 0; i < COUNT(features); i++) {
		if (features[i].offered(c))
			features[i].say(c, e);
	}
}

#define VERSION_BYTES 18 /* of a hash, before base64 */

static void put_version(struct str rendered, struct buf *out)
{
	uint8_t digest[HASH_MAX];
	hash_bytes(HASH_SHA256, rendered, digest);
	b64_encode(out, str_at(digest, VERSION_BYTES));
}

/* XEP-0509: what is hashed is what was just written. */
static void config_version(const struct client *c, struct emit *e, struct str rendered)
{
	struct buf version = {0};
	if (!logging_in(c))
		return;
	put_version(rendered, &version);
	emit_start_ns(e, "config-version", NS_iap);
	emit_attr(e, "scheme", STR("opaque"));
	emit_attr(e, "value", buf_str(&version));
	emit_end(e);
	buf_free(&version);
}

void features_version(const struct client *c, struct buf *out)
{
	struct buf rendered = {0};
	struct emit e = emit_to(&rendered);
	emit_start(&e, "stream:features");
	list_features(c, &e);
	put_version(buf_str(&rendered), out);
	buf_free(&rendered);
}

/* XEP-0474: what this stream's features said of mechanisms and channel bindings. */
static void write_offer(const struct client *c, unsigned bindings, struct buf *out)
{
	size_t n = 0;
	struct str *names = mem_new((c->domain->mechanisms.n + 1) * sizeof *names);
	for (size_t i = 0; i < c->domain->mechanisms.n; i++) {
		const struct sasl_mech *m = offered(c, i);
		if (m)
			names[n++] = str_of(m->name);
	}
	ssdp_write(out, names, n, bindings);
	mem_free(names);
}

static bool binding_data(const void *of, enum tls_binding b, struct buf *out)
{
	const struct client *c = of;
	return tls_binding(c->pipe.tls, b, out);
}

/* RFC 8446 4.2.1, RFC 5246 6.2.1; 0: none that is spoken here. */
static uint16_t wire_version(struct str version)
{
	return str_is(version, "TLSv1.3") ? 0x0304 : str_is(version, "TLSv1.2") ? 0x0303 : 0;
}

void features_channel(const struct client *c, struct sasl_channel *out)
{
	*out = (struct sasl_channel){.plus = binding_channels(c),
		.data = binding_data,
		.address = peer_address,
		.of = c};
	if (out->plus)
		out->bindings = bindings_of(c);
	/* sm of version 1 takes a challenge with h= or t= for a forged one. */
	if (!c->domain || !c->domain->scram_downgrade_protection || sm_is_old(c))
		return;
	write_offer(c, out->bindings, &out->offer);
	if (pipe_is_secure(&c->pipe))
		out->tls = wire_version(str_of(tls_version(c->pipe.tls)));
}

void features_say(struct client *c)
{
	struct buf out = {0};
	struct emit e = emit_to(&out);
	emit_start(&e, "stream:features");
	list_features(c, &e);
	config_version(c, &e, buf_str(&out));
	emit_end(&e);
	client_say_buf(c, &out);
}

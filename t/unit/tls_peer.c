/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Certificates of clients: who is let in, as whom, and who is not. */
#include "t/lib/c2s_certs.h"
#include "t/lib/c2s_tls.h"
#include "c2s/tickets.h"

#define DOMAIN STR("localhost")

static struct identity ours;
static struct cert root, other_root;
static struct tickets tickets;
static const int versions[] = {TLS1_3_VERSION, TLS1_2_VERSION};

static struct tls_ctx *asking(const struct cert *ca)
{
	struct tls_ctx *ctx = ctx_with(&ours, &tickets);
	struct buf pem = {0}, why = {0};

	cert_pem(ca, &pem);
	assert_true(tls_ctx_ask(ctx, DOMAIN, buf_str(&pem), &why));
	assert_int_equal(why.n, 0);
	buf_free(&pem);
	return ctx;
}

static void start(struct talk *t, int version, struct tls_ctx *ctx)
{
	talk_start(t, ctx, version, false);
	SSL_set_cipher_list(t->client, "ECDHE-ECDSA-AES128-GCM-SHA256:@SECLEVEL=0");
}

static void show(struct talk *t, const struct cert *c, const struct cert *between)
{
	assert_int_equal(SSL_use_certificate(t->client, c->x509), 1);
	assert_int_equal(SSL_use_PrivateKey(t->client, c->key), 1);
	if (between)
		SSL_add1_chain_cert(t->client, between->x509);
}

static void expect_names(const struct talk *t, const char *wanted)
{
	struct str names[TLS_PEER_NAMES];
	size_t n = tls_peer_names(t->server, DOMAIN, names);
	struct buf got = {0};

	for (size_t i = 0; i < n; i++) {
		buf_put(&got, names[i]);
		buf_putc(&got, ' ');
	}
	assert_string_equal(buf_cstr(&got), wanted);
	buf_free(&got);
}

/* Shown to who asks for `root`'s: whose it is; NULL: it is refused. */
static void expect_shown(const struct cert *c, const struct cert *between, const char *names)
{
	struct talk t;

	for (size_t i = 0; i < COUNT(versions); i++) {
		start(&t, versions[i], asking(&root));
		show(&t, c, between);
		if (names) {
			assert_true(shake(&t));
			assert_true(tls_has_peer(t.server, DOMAIN));
			expect_names(&t, names);
			expect_exchange(&t, STR("hello"));
		} else {
			shake(&t);
			assert_false(tls_ready(t.server));
			assert_int_equal(t.result, TLS_FAILED);
			assert_true(strlen(tls_why(t.server)) > 0);
		}
		talk_end(&t);
	}
}

static void expect_leaf(const struct cert *by, const char *names, const char *uses, int hours, const char *wanted)
{
	struct cert c = cert_make(by, "alice@localhost", false, names, uses, hours);

	expect_shown(&c, NULL, wanted);
	cert_end(&c);
}

static void good(void **state)
{
	(void)state;
	expect_leaf(&root, ADDRESS("alice@localhost"), NULL, 1, "alice@localhost ");
	expect_leaf(&root, ADDRESS("a@localhost") "," ADDRESS("b@localhost"), "clientAuth", 1,
		"a@localhost b@localhost ");
	expect_leaf(&root, NULL, NULL, 1, "");
	expect_leaf(&root, "email:alice@localhost", NULL, 1, "");
}

static void bad(void **state)
{
	(void)state;
	expect_leaf(&other_root, ADDRESS("alice@localhost"), NULL, 1, NULL);
	expect_leaf(NULL, ADDRESS("alice@localhost"), NULL, 1, NULL);
	expect_leaf(&root, ADDRESS("alice@localhost"), NULL, -1, NULL);
	expect_leaf(&root, ADDRESS("alice@localhost"), "serverAuth", 1, NULL);
}

static void chains(void **state)
{
	struct cert between = cert_make(&root, "between", true, NULL, NULL, 1);
	struct cert not_ca = cert_make(&root, "no authority", false, NULL, NULL, 1);
	struct cert stranger = cert_make(&other_root, "stranger", true, NULL, NULL, 1);
	struct cert below = cert_make(&between, "x", false, ADDRESS("alice@localhost"), NULL, 1);
	struct cert forged = cert_make(&not_ca, "x", false, ADDRESS("alice@localhost"), NULL, 1);
	struct cert strange = cert_make(&stranger, "x", false, ADDRESS("alice@localhost"), NULL, 1);

	(void)state;
	expect_shown(&below, &between, "alice@localhost ");
	expect_shown(&forged, &not_ca, NULL);
	expect_shown(&strange, &stranger, NULL);
	expect_shown(&strange, NULL, NULL);
	cert_end(&between);
	cert_end(&not_ca);
	cert_end(&stranger);
	cert_end(&below);
	cert_end(&forged);
	cert_end(&strange);
}

/* One context serves many: what a stranger has shown makes nobody welcome. */
static void nothing_is_learnt(void **state)
{
	struct cert stranger = cert_make(&other_root, "stranger", true, NULL, NULL, 1);
	struct cert strange = cert_make(&stranger, "x", false, ADDRESS("alice@localhost"), NULL, 1);
	struct tls_ctx *ctx = asking(&root);
	struct talk t;

	(void)state;
	for (int i = 0; i < 3; i++) {
		start(&t, TLS1_3_VERSION, tls_ctx_hold(ctx));
		show(&t, &strange, i ? NULL : &stranger);
		shake(&t);
		assert_false(tls_ready(t.server));
		talk_end(&t);
	}
	tls_ctx_drop(&ctx);
	cert_end(&stranger);
	cert_end(&strange);
}

static void long_chain(void **state)
{
	struct cert chain[12];
	struct cert leaf;
	struct talk t;

	(void)state;
	for (size_t i = 0; i < COUNT(chain); i++)
		chain[i] = cert_make(i ? &chain[i - 1] : &root, "one of many", true, NULL, NULL, 1);
	leaf = cert_make(&chain[COUNT(chain) - 1], "x", false, ADDRESS("alice@localhost"), NULL, 1);
	for (size_t v = 0; v < COUNT(versions); v++) {
		start(&t, versions[v], asking(&root));
		show(&t, &leaf, NULL);
		for (size_t i = COUNT(chain); i; i--)
			SSL_add1_chain_cert(t.client, chain[i - 1].x509);
		shake(&t);
		assert_false(tls_ready(t.server));
		assert_int_equal(t.result, TLS_FAILED);
		talk_end(&t);
	}
	cert_end(&leaf);
	for (size_t i = 0; i < COUNT(chain); i++)
		cert_end(&chain[i]);
}

static void huge(void **state)
{
	struct buf alt = {0};

	(void)state;
	buf_puts(&alt, ADDRESS("alice@localhost"));
	for (int i = 0; i < 2000; i++)
		buf_printf(&alt, ",DNS:host-number-%d.example", i);
	expect_leaf(&root, buf_cstr(&alt), NULL, 1, NULL);
	buf_free(&alt);
}

static void nobody_must(void **state)
{
	struct talk t;

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		start(&t, versions[i], asking(&root));
		assert_true(shake(&t));
		assert_false(tls_has_peer(t.server, DOMAIN));
		expect_names(&t, "");
		expect_exchange(&t, STR("hello"));
		/* with a ticket it would come back without a certificate, or as somebody it was */
		assert_false(SSL_SESSION_has_ticket(SSL_get0_session(t.client)));
		talk_end(&t);
	}
}

static void not_asked(void **state)
{
	struct cert c = cert_make(&root, "x", false, ADDRESS("alice@localhost"), NULL, 1);
	struct talk t;

	(void)state;
	for (size_t i = 0; i < COUNT(versions); i++) {
		start(&t, versions[i], ctx_with(&ours, &tickets));
		show(&t, &c, NULL);
		assert_true(shake(&t));
		assert_false(tls_has_peer(t.server, DOMAIN));
		assert_false(tls_has_peer(t.server, STR_NONE));
		expect_names(&t, "");
		talk_end(&t);
	}
	cert_end(&c);
}

static void where_and_when(void **state)
{
	struct cert c = cert_make(&root, "x", false, ADDRESS("alice@localhost"), NULL, 1);
	struct str names[TLS_PEER_NAMES];
	struct talk t;

	(void)state;
	start(&t, TLS1_3_VERSION, asking(&root));
	show(&t, &c, NULL);
	assert_false(tls_has_peer(t.server, DOMAIN));
	assert_true(shake(&t));
	assert_int_equal(tls_peer_names(t.server, STR("other.example"), names), 0);
	assert_int_equal(tls_peer_names(t.server, STR_NONE, names), 0);
	expect_names(&t, "alice@localhost ");
	tls_settle(t.server);
	expect_names(&t, "");
	assert_false(tls_has_peer(t.server, DOMAIN));
	expect_exchange(&t, STR("hello"));
	talk_end(&t);
	cert_end(&c);
}

static void no_authorities(void **state)
{
	struct tls_ctx *ctx = ctx_of(&ours);
	struct buf why = {0};

	(void)state;
	assert_false(tls_ctx_ask(ctx, DOMAIN, STR("rubbish"), &why));
	assert_non_null(strstr(buf_cstr(&why), "authorities"));
	tls_ctx_drop(&ctx);
	buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"peer: a certificate of an authority that we trust names its owner", good, NULL, NULL, NULL},
		{"peer: a stranger's, an old one, and one for servers end the handshake", bad, NULL, NULL, NULL},
		{"peer: between it and us there may be authorities, but only such", chains, NULL, NULL, NULL},
		{"peer: what a stranger has shown is not trusted afterwards", nothing_is_learnt, NULL, NULL, NULL},
		{"peer: a chain that is too long ends the handshake", long_chain, NULL, NULL, NULL},
		{"peer: a huge certificate ends the handshake", huge, NULL, NULL, NULL},
		{"peer: who has none is served, and gets no ticket", nobody_must, NULL, NULL, NULL},
		{"peer: without client-ca nobody is asked", not_asked, NULL, NULL, NULL},
		{"peer: it counts for its domain, until the session is open", where_and_when, NULL, NULL, NULL},
		{"peer: what holds no authorities is refused", no_authorities, NULL, NULL, NULL},
	};
	int failures;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	make_identity(&ours);
	root = cert_make(NULL, "root", true, NULL, NULL, 2);
	other_root = cert_make(NULL, "other root", true, NULL, NULL, 2);
	if (!tickets_turn(&tickets, 3600, 0))
		return 1;
	failures = cmocka_run_group_tests(tests, NULL, NULL);
	cert_end(&root);
	cert_end(&other_root);
	free_identity(&ours);
	return failures;
}

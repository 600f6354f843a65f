/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See client.h: stream, TLS, SASL or SASL2, bind. The server is one that works, so what is unexpected is a
 * failure and no more. */
#include "t/bench/client.h"
#include "t/bench/mechanism.h"

#include "common/b64.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static void end(struct client *c, bool properly)
{
	client_drop(c);
	c->ended(c, properly);
}

static void fail(struct client *c, const char *what, struct str said)
{
	char why[320];

	snprintf(why, sizeof why, "u%05u: %s %.*s", c->number, what, STR_ARG(str_head(said, 240)));
	load_fail(why);
	end(c, false);
}

void client_drop(struct client *c)
{
	wire_close(&c->wire);
	buf_free(&c->first);
	c->step = CLIENT_OFF;
	c->proven = c->asked = false;
}

void client_start(struct client *c)
{
	bool direct = load.o.tls == TLS_DIRECT;
	uint64_t port = direct ? load.o.tls_port : load.o.port;

	c->step = CLIENT_OPENING;
	c->since = load_clock();
	if (!wire_connect(&c->wire, load.epoll, (uint16_t)port, c->number, c))
		fail(c, "cannot connect:", str_of(strerror(errno)));
}

void client_say(struct client *c, struct str words)
{
	wire_say(&c->wire, words);
}

void client_flush(struct client *c)
{
	if (c->step != CLIENT_OFF && !wire_flush(&c->wire, load.epoll, c))
		fail(c, "cannot send:", str_of(strerror(errno)));
}

static void say_header(struct client *c)
{
	client_say(c,
		STR("<?xml version='1.0'?><stream:stream to='" LOAD_DOMAIN "' version='1.0' xml:lang='en' "
		    "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"));
}

static bool has(struct str s, const char *words)
{
	return memmem(s.p, s.n, words, strlen(words)) != NULL;
}

struct str client_find(struct str element, const char *before, char after)
{
	const char *at = memmem(element.p, element.n, before, strlen(before));
	struct str rest;

	if (!at)
		return STR_NONE;
	rest = str_skip(element, (size_t)(at - element.p) + strlen(before));
	return str_head(rest, str_find(rest, after));
}

/* Of an element that begins so; servers differ in quotes. */
static struct str attribute_of(struct str element, const char *start, const char *name)
{
	struct str tag = client_find(element, start, '>');
	char before[40];

	for (const char *quote = "'\""; *quote; quote++) {
		snprintf(before, sizeof before, " %s=%c", name, *quote);
		if (has(tag, before))
			return client_find(tag, before, *quote);
	}
	return STR_NONE;
}

/* what clients keep of a server: tokens by account, and its configuration's version (XEP-0509) */

#define TOKENS 1000
#define KEPT 100

static char tokens[TOKENS][KEPT], version[KEPT];

static void keep(char *place, struct str words)
{
	if (!words.n || words.n >= KEPT)
		return;
	memcpy(place, words.p, words.n);
	place[words.n] = 0;
}

struct str client_token(const struct client *c)
{
	return c->number < TOKENS ? str_of(tokens[c->number]) : STR_NONE;
}

/* Who has no token yet comes with the password for once. */
static void choose_mechanism(struct client *c)
{
	c->mechanism = load.mechanism;
	if (!c->mechanism->tokens || client_token(c).n)
		return;
	c->mechanism = mechanism_named("PLAIN");
	if (load.measuring)
		load_fail("a client without a token while tokens were measured");
}

static void put_base64(struct buf *words, const char *before, struct str bytes, const char *after)
{
	buf_puts(words, before);
	b64_encode(words, bytes);
	buf_puts(words, after);
}

#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_SASL2 "urn:xmpp:sasl:2"

/* RFC 6120 6.4.2: no bytes are "=". */
static void put_auth(struct client *c, struct buf *words, struct str first)
{
	buf_printf(words, "<auth xmlns='" NS_SASL "' mechanism='%s'>", c->mechanism->name);
	put_base64(words, c->mechanism->first && !first.n ? "=" : "", first, "</auth>");
}

static void put_tokens(struct client *c, struct buf *words)
{
	if (c->mechanism->tokens)
		buf_puts(words, "<fast xmlns='urn:xmpp:fast:0'/>");
	else if (load.mechanism->tokens)
		buf_printf(words, "<request-token xmlns='urn:xmpp:fast:0' mechanism='%s'/>", load.mechanism->name);
}

/* XEP-0388, with XEP-0386, XEP-0484 and XEP-0509 in it. */
static void put_authenticate(struct client *c, struct buf *words, struct str first)
{
	buf_printf(words, "<authenticate xmlns='" NS_SASL2 "' mechanism='%s'>", c->mechanism->name);
	if (c->mechanism->first)
		put_base64(words, "<initial-response>", first, "</initial-response>");
	buf_printf(words, "<user-agent id='00000000-0000-4000-8000-%012u'><software>bench</software></user-agent>",
		c->number);
	put_tokens(c, words);
	if (load.o.pipeline)
		buf_printf(words, "<config-version xmlns='urn:xmpp:iap:0' scheme='opaque' value='%s'/>", version);
	buf_puts(words, "<bind xmlns='urn:xmpp:bind:0'><tag>bench</tag></bind></authenticate>");
}

static void authenticate(struct client *c)
{
	struct buf first = {0}, words = {0};

	if (c->mechanism->first)
		c->mechanism->first(c, &first);
	if (load.o.sasl2)
		put_authenticate(c, &words, buf_str(&first));
	else
		put_auth(c, &words, buf_str(&first));
	c->step = CLIENT_PROVING;
	client_say(c, buf_str(&words));
	buf_free(&first);
	buf_free(&words);
}

/* XEP-0078 3.2, over TLS */
static void say_iq_auth(struct client *c)
{
	struct buf words = {0};

	buf_printf(&words,
		"<iq id='u%05u' type='set'><query xmlns='jabber:iq:auth'><username>u%05u</username>"
		"<password>%s</password><resource>%s</resource></query></iq>",
		c->number, c->number, load.o.password, c->resource);
	c->step = CLIENT_BINDING;
	client_say(c, buf_str(&words));
	buf_free(&words);
}

static void say_bind(struct client *c)
{
	char words[200];
	int n = snprintf(words, sizeof words,
		"<iq id='u%05u' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
		"<resource>%s</resource></bind></iq>",
		c->number, c->resource);

	client_say(c, str_at(words, (size_t)n));
}

static bool offered(const struct client *c, struct str features)
{
	char words[60];

	snprintf(words, sizeof words, ">%s<", c->mechanism->name);
	return has(features, words) && (!load.o.sasl2 || has(features, NS_SASL2));
}

static void begin_login(struct client *c, struct str features)
{
	choose_mechanism(c);
	if (load.o.pipeline)
		keep(version, attribute_of(features, "<config-version", "value"));
	if (load.o.iq_auth)
		say_iq_auth(c);
	else if (!offered(c, features))
		fail(c, "the mechanism is not offered:", features);
	else if (load.o.pipeline && !version[0])
		fail(c, "there is nothing to pipeline with:", features);
	else
		authenticate(c);
}

static void on_features(struct client *c, struct str element)
{
	if (load.o.tls == TLS_STARTTLS && !c->wire.ssl) {
		c->step = CLIENT_UPGRADING;
		client_say(c, STR("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
	} else if (c->proven) {
		c->step = CLIENT_BINDING;
		say_bind(c);
	} else {
		begin_login(c, element);
	}
}

static void on_challenge(struct client *c, struct str element)
{
	struct buf challenge = {0}, answer = {0}, words = {0};

	if (!c->mechanism->respond || !b64_decode(&challenge, client_find(element, ">", '<')) ||
		!c->mechanism->respond(c, buf_str(&challenge), &answer)) {
		fail(c, "not a challenge:", element);
	} else {
		buf_printf(&words, "<response xmlns='%s'>", load.o.sasl2 ? NS_SASL2 : NS_SASL);
		put_base64(&words, "", buf_str(&answer), "</response>");
		client_say(c, buf_str(&words));
	}
	buf_free(&challenge);
	buf_free(&answer);
	buf_free(&words);
}

static bool is_server(struct client *c, struct str element)
{
	struct str text = client_find(element, load.o.sasl2 ? "<additional-data>" : ">", '<');
	struct buf words = {0};
	bool good = !c->mechanism->proves || load.o.lenient;

	if (!good)
		good = b64_decode(&words, text) && c->mechanism->proves(c, buf_str(&words));
	buf_free(&words);
	return good;
}

/* From now on it may say what it came for. */
static void come_online(struct client *c)
{
	load_trips(c->wire.trips);
	c->step = CLIENT_ONLINE;
	if (c->online)
		c->online(c);
}

static void on_bound2(struct client *c, struct str element)
{
	if (c->number < TOKENS && load.mechanism->tokens)
		keep(tokens[c->number], attribute_of(element, "<token", "token"));
	if (!has(element, "<bound"))
		fail(c, "no session:", element);
	else if (load.mechanism->tokens && !client_token(c).n)
		fail(c, "no token:", element);
	else
		come_online(c);
}

static void on_success(struct client *c, struct str element)
{
	if (!is_server(c, element)) {
		fail(c, "the server does not know the secret:", element);
		return;
	}
	buf_free(&c->first);
	c->proven = true;
	if (load.o.sasl2) {
		on_bound2(c, element);
		return;
	}
	c->step = CLIENT_OPENING;
	wire_restart(&c->wire);
	say_header(c);
}

static bool is_result(struct client *c, struct str element)
{
	bool good = has(str_head(element, str_find(element, '>')), "result");

	if (!good)
		fail(c, "no session:", element);
	return good;
}

static void on_bound(struct client *c, struct str element)
{
	if (!is_result(c, element))
		return;
	if (!load.o.session) {
		come_online(c);
		return;
	}
	c->step = CLIENT_ASKING;
	client_say(c, STR("<iq id='session' type='set'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"));
}

static void on_session(struct client *c, struct str element)
{
	if (is_result(c, element))
		come_online(c);
}

static void on_proceed(struct client *c, struct str element)
{
	(void)element;
	wire_secure(&c->wire, false);
	c->step = CLIENT_OPENING;
}

static void on_element(struct client *c, struct str element)
{
	static const struct {
		enum client_step step;
		const char *start;
		void (*heard)(struct client *c, struct str element);
	} rows[] = {
		{CLIENT_OPENING, "<stream:features", on_features},
		{CLIENT_UPGRADING, "<proceed", on_proceed},
		{CLIENT_PROVING, "<challenge", on_challenge},
		{CLIENT_PROVING, "<success", on_success},
		{CLIENT_BINDING, "<iq", on_bound},
		{CLIENT_ASKING, "<iq", on_session},
	};

	if (str_starts(element, STR("<stream:error"))) {
		if (load.o.kicks && c->step >= CLIENT_ONLINE)
			end(c, false);
		else
			fail(c, "the stream ended:", element);
		return;
	}
	if (c->step >= CLIENT_ONLINE) {
		if (c->stanza)
			c->stanza(c, element);
		return;
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (c->step == rows[i].step && str_starts(element, str_of(rows[i].start))) {
			rows[i].heard(c, element);
			return;
		}
	}
	/* The features that were known are no news. */
	if (!c->asked || c->step != CLIENT_PROVING || !str_starts(element, STR("<stream:features")))
		fail(c, "unexpected:", element);
}

void client_leave(struct client *c)
{
	c->step = CLIENT_LEAVING;
	client_say(c, STR("</stream:stream>"));
}

static void read_stream(struct client *c)
{
	struct str element = {0};
	enum wire_event event;

	while (c->step != CLIENT_OFF && (event = wire_next(&c->wire, &element)) != WIRE_MORE) {
		if (event == WIRE_ELEMENT)
			on_element(c, element);
		else if (event == WIRE_CLOSE && c->step != CLIENT_LEAVING)
			fail(c, "the stream was closed", STR_NONE);
		else if (event == WIRE_CLOSE && c->wire.ssl)
			SSL_shutdown(c->wire.ssl);
	}
}

/* The stream over TLS begins; whoever knows the server goes on in the same flight (XEP-0509). */
static void begin_secure(struct client *c)
{
	say_header(c);
	if (!load.o.pipeline || !version[0])
		return;
	choose_mechanism(c);
	c->asked = true;
	authenticate(c);
}

static bool connected(struct client *c)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (getsockopt(c->wire.fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error) {
		fail(c, "cannot connect:", str_of(strerror(error)));
		return false;
	}
	wire_connected(&c->wire);
	if (load.o.tls == TLS_DIRECT)
		wire_secure(&c->wire, true);
	else
		say_header(c);
	return true;
}

void client_event(struct client *c, uint32_t events)
{
	bool secure = c->wire.secure;

	if (c->wire.connecting && !connected(c))
		return;
	if ((events & ~(uint32_t)EPOLLOUT) && !wire_read(&c->wire)) {
		if (c->step == CLIENT_LEAVING)
			end(c, true);
		else
			fail(c, "the connection broke", STR_NONE);
		return;
	}
	if (c->wire.secure && !secure) {
		if (wire_was_refused(&c->wire)) {
			fail(c, "the TLS session was not resumed", STR_NONE);
			return;
		}
		begin_secure(c);
	}
	read_stream(c);
	client_flush(c);
}

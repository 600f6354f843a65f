/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See client.h: stream, TLS, SASL, bind. The server is one that works, so what is unexpected is a failure and no
 * more. */
#include "t/bench/client.h"
#include "t/bench/scram.h"

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
	c->proven = false;
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

static void say_base64(struct client *c, const char *before, struct str bytes, const char *after)
{
	struct buf words = {0};

	buf_puts(&words, before);
	b64_encode(&words, bytes);
	buf_puts(&words, after);
	client_say(c, buf_str(&words));
	buf_free(&words);
}

static void begin_plain(struct client *c)
{
	struct buf answer = {0};

	buf_putc(&answer, 0);
	buf_printf(&answer, "u%05u", c->number);
	buf_putc(&answer, 0);
	buf_puts(&answer, load.o.password);
	say_base64(c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>", buf_str(&answer), "</auth>");
	buf_free(&answer);
}

static void begin_scram(struct client *c)
{
	struct buf answer = {0};
	char before[96];

	scram_first(&c->first, c->number);
	buf_printf(&answer, "n,,%.*s", STR_ARG(buf_str(&c->first)));
	snprintf(before, sizeof before, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'>",
		load.o.mechanism);
	say_base64(c, before, buf_str(&answer), "</auth>");
	buf_free(&answer);
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

static bool has(struct str s, const char *words)
{
	return memmem(s.p, s.n, words, strlen(words)) != NULL;
}

static void on_features(struct client *c, struct str element)
{
	if (load.o.tls == TLS_STARTTLS && !c->wire.ssl) {
		c->step = CLIENT_UPGRADING;
		client_say(c, STR("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
	} else if (c->proven) {
		c->step = CLIENT_BINDING;
		say_bind(c);
	} else if (!has(element, load.o.mechanism)) {
		fail(c, "the mechanism is not offered:", element);
	} else {
		c->step = CLIENT_PROVING;
		if (!strcmp(load.o.mechanism, "PLAIN"))
			begin_plain(c);
		else
			begin_scram(c);
	}
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

static void on_challenge(struct client *c, struct str element)
{
	struct buf challenge = {0}, answer = {0};

	if (!b64_decode(&challenge, client_find(element, ">", '<')) || !scram_final(c, buf_str(&challenge), &answer))
		fail(c, "not a challenge:", element);
	else
		say_base64(c, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>", buf_str(&answer), "</response>");
	buf_free(&challenge);
	buf_free(&answer);
}

static void on_success(struct client *c, struct str element)
{
	struct buf proof = {0};
	struct str text = str_ends(element, STR("/>")) ? STR_NONE : client_find(element, ">", '<');
	bool good = !strcmp(load.o.mechanism, "PLAIN") || load.o.lenient;

	if (!good)
		good = b64_decode(&proof, text) && scram_is_server(c, buf_str(&proof));
	buf_free(&proof);
	if (!good) {
		fail(c, "the server does not know the password:", element);
		return;
	}
	buf_free(&c->first);
	c->proven = true;
	c->step = CLIENT_OPENING;
	wire_restart(&c->wire);
	say_header(c);
}

static void on_bound(struct client *c, struct str element)
{
	if (!has(str_head(element, str_find(element, '>')), "result")) {
		fail(c, "no session:", element);
		return;
	}
	c->step = CLIENT_ONLINE;
	if (c->online)
		c->online(c);
}

static void on_element(struct client *c, struct str element)
{
	if (str_starts(element, STR("<stream:error")))
		fail(c, "the stream ended:", element);
	else if (c->step == CLIENT_OPENING)
		on_features(c, element);
	else if (c->step == CLIENT_UPGRADING && str_starts(element, STR("<proceed"))) {
		wire_secure(&c->wire, false);
		c->step = CLIENT_OPENING;
	} else if (c->step == CLIENT_PROVING && str_starts(element, STR("<challenge")))
		on_challenge(c, element);
	else if (c->step == CLIENT_PROVING && str_starts(element, STR("<success")))
		on_success(c, element);
	else if (c->step == CLIENT_BINDING && str_starts(element, STR("<iq")))
		on_bound(c, element);
	else if (c->step < CLIENT_ONLINE)
		fail(c, "unexpected:", element);
	else if (c->stanza)
		c->stanza(c, element);
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

static bool connected(struct client *c)
{
	int error = 0;
	socklen_t n = sizeof error;

	if (getsockopt(c->wire.fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error) {
		fail(c, "cannot connect:", str_of(strerror(error)));
		return false;
	}
	c->wire.connecting = false;
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
		say_header(c);
	}
	read_stream(c);
	client_flush(c);
}

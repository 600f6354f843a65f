/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See wire.h. Each stanza is a TLS record of its own, as clients send them. */
#include "t/bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICKETS 1024 /* that wait to be used; OpenSSL uses each of TLS 1.3 once */
#define SOURCES 32   /* 127.0.0.1 and the next ones */

static SSL_CTX *library;
static char shared[65536];
static SSL_SESSION *tickets[TICKETS];
static size_t ticket_count;

void wire_library(void)
{
	library = SSL_CTX_new(TLS_client_method());
	CHECK(library);
	SSL_CTX_set_verify(library, SSL_VERIFY_NONE, NULL); /* it is the server that is measured */
	SSL_CTX_set_session_cache_mode(library, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(library, SSL_MODE_RELEASE_BUFFERS);
	CHECK(SSL_CTX_set1_groups_list(library, "X25519:P-256") == 1);
}

static int take_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	if (ticket_count == TICKETS)
		return 0;
	tickets[ticket_count++] = session;
	return 1;
}

void wire_resume(void)
{
	SSL_CTX_set_session_cache_mode(library, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(library, take_ticket);
}

bool wire_certificate(const char *certificate, const char *key)
{
	return SSL_CTX_use_certificate_chain_file(library, certificate) == 1 &&
		SSL_CTX_use_PrivateKey_file(library, key, SSL_FILETYPE_PEM) == 1;
}

void wire_exporter(const struct wire *w, struct buf *out)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char *room = (unsigned char *)buf_room(out, 32);

	CHECK(SSL_export_keying_material(w->ssl, room, 32, label, sizeof label - 1, NULL, 0, 1) == 1);
	buf_grew(out, 32);
}

static bool offer_ticket(SSL *ssl)
{
	SSL_SESSION *session = ticket_count ? tickets[--ticket_count] : NULL;
	bool offered = session && SSL_set_session(ssl, session) == 1;

	SSL_SESSION_free(session);
	return offered;
}

bool wire_was_refused(const struct wire *w)
{
	return w->offered && w->secure && !SSL_session_reused(w->ssl);
}

static struct sockaddr_in loopback(unsigned last, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + last);
	return a;
}

bool wire_connect(struct wire *w, int epoll, uint16_t port, unsigned number, void *owner)
{
	struct sockaddr_in from = loopback(number % SOURCES, 0), to = loopback(0, port);
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = owner};
	int on = 1;

	*w = (struct wire){.connecting = true, .writing = true};
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return false;
	(void)setsockopt(w->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	(void)setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return bind(w->fd, (struct sockaddr *)&from, sizeof from) == 0 &&
		(connect(w->fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS) &&
		epoll_ctl(epoll, EPOLL_CTL_ADD, w->fd, &e) == 0;
}

void wire_connected(struct wire *w)
{
	w->connecting = false;
	w->trips = 1;
}

void wire_close(struct wire *w)
{
	if (w->fd >= 0)
		close(w->fd);
	if (w->ssl) /* else OpenSSL would not use its ticket again */
		SSL_set_shutdown(w->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(w->ssl);
	buf_free(&w->out);
	buf_free(&w->plain);
	*w = (struct wire){.fd = -1};
}

static void take_records(struct wire *w)
{
	BIO *bio = SSL_get_wbio(w->ssl);
	int n;

	while (BIO_ctrl_pending(bio) > 0) {
		n = BIO_read(bio, buf_room(&w->out, 4096), 4096);
		if (n <= 0)
			break;
		buf_grew(&w->out, (size_t)n);
	}
}

static bool shake_hands(struct wire *w)
{
	int result = SSL_do_handshake(w->ssl);

	take_records(w);
	w->secure = result == 1;
	return result == 1 || SSL_get_error(w->ssl, result) == SSL_ERROR_WANT_READ;
}

void wire_secure(struct wire *w, bool alpn)
{
	static const unsigned char protocol[] = "\013xmpp-client";

	w->ssl = SSL_new(library);
	CHECK(w->ssl);
	SSL_set_bio(w->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_set_connect_state(w->ssl);
	CHECK(SSL_set_tlsext_host_name(w->ssl, "localhost") == 1);
	w->offered = offer_ticket(w->ssl);
	if (alpn)
		CHECK(SSL_set_alpn_protos(w->ssl, protocol, sizeof protocol - 1) == 0);
	CHECK(shake_hands(w));
	wire_restart(w);
}

void wire_restart(struct wire *w)
{
	buf_free(&w->plain);
	memset(&w->cut, 0, sizeof w->cut);
}

void wire_say(struct wire *w, struct str words)
{
	if (!w->ssl) {
		buf_put(&w->out, words);
		return;
	}
	if (!w->over && SSL_write(w->ssl, words.p, (int)words.n) != (int)words.n)
		w->over = true;
	take_records(w);
}

/* The kernel's room is asked for only while it lacks. */
static bool watch(struct wire *w, int epoll, void *owner, bool writing)
{
	struct epoll_event e = {.events = writing ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = owner};

	if (w->writing == writing)
		return true;
	w->writing = writing;
	return epoll_ctl(epoll, EPOLL_CTL_MOD, w->fd, &e) == 0;
}

bool wire_flush(struct wire *w, int epoll, void *owner)
{
	if (w->connecting)
		return true;
	while (w->out.n) {
		ssize_t n = send(w->fd, w->out.p, w->out.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return watch(w, epoll, owner, true);
		if (n < 0)
			return false;
		w->spoke = true;
		if ((size_t)n == w->out.n)
			buf_clear(&w->out);
		else
			buf_drop(&w->out, (size_t)n);
	}
	return watch(w, epoll, owner, false);
}

/* Consumed bytes go before others come. */
static void forget_taken(struct wire *w)
{
	size_t taken = w->cut.taken;

	if (!taken)
		return;
	if (taken == w->plain.n)
		buf_clear(&w->plain);
	else
		buf_drop(&w->plain, taken);
	w->cut.at -= taken;
	w->cut.tag -= w->cut.tag < taken ? w->cut.tag : taken;
	w->cut.element -= w->cut.element < taken ? w->cut.element : taken;
	w->cut.taken = 0;
}

static bool decrypt(struct wire *w, const char *bytes, size_t n)
{
	int got;

	CHECK(BIO_write(SSL_get_rbio(w->ssl), bytes, (int)n) == (int)n);
	if (!w->secure && !shake_hands(w))
		return false;
	if (!w->secure)
		return true;
	for (;;) {
		got = SSL_read(w->ssl, buf_room(&w->plain, 8192), 8192);
		if (got <= 0)
			break;
		buf_grew(&w->plain, (size_t)got);
	}
	take_records(w);
	got = SSL_get_error(w->ssl, got);
	return got == SSL_ERROR_WANT_READ || got == SSL_ERROR_ZERO_RETURN;
}

bool wire_read(struct wire *w)
{
	ssize_t n = recv(w->fd, shared, sizeof shared, 0);

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	w->trips += w->spoke;
	w->spoke = false;
	forget_taken(w);
	if (w->ssl)
		return decrypt(w, shared, (size_t)n);
	buf_add(&w->plain, shared, (size_t)n);
	return true;
}

/* A tag ended at cut.at. What that means for the stream. */
static enum wire_event end_tag(struct wire *w, struct str *element)
{
	const char *tag = w->plain.p + w->cut.tag;
	bool closing = tag[1] == '/', empty = w->plain.p[w->cut.at - 1] == '/';

	if (tag[1] == '?' || tag[1] == '!')
		return WIRE_MORE;
	if (w->cut.depth == 1 && !closing)
		w->cut.element = w->cut.tag;
	if (!closing && w->cut.depth++ == 0)
		return WIRE_HEADER;
	if ((closing || empty) && --w->cut.depth == 0)
		return WIRE_CLOSE;
	if (w->cut.depth != 1)
		return WIRE_MORE;
	*element = str_at(w->plain.p + w->cut.element, w->cut.at + 1 - w->cut.element);
	return WIRE_ELEMENT;
}

static bool step(struct wire *w, char c)
{
	if (!w->cut.in_tag) {
		if (c == '<') {
			w->cut.in_tag = true;
			w->cut.tag = w->cut.at;
		}
		return false;
	}
	if (w->cut.quote) {
		if (c == w->cut.quote)
			w->cut.quote = 0;
		return false;
	}
	if (c == '\'' || c == '"')
		w->cut.quote = c;
	return c == '>';
}

enum wire_event wire_next(struct wire *w, struct str *element)
{
	enum wire_event event;

	for (; w->cut.at < w->plain.n; w->cut.at++) {
		if (!step(w, w->plain.p[w->cut.at]))
			continue;
		w->cut.in_tag = false;
		event = end_tag(w, element);
		if (event == WIRE_MORE)
			continue;
		w->cut.taken = ++w->cut.at;
		return event;
	}
	return WIRE_MORE;
}

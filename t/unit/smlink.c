/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Connections, relay and link of a worker in a real loop: real clients' sockets on loopback, and
 * an sm that the test plays at the other end of a channel, which may be lost and come back at
 * any moment. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "c2s/conn_work.h"
#include "c2s/smlink.h"
#include "c2s/smlink_tell.h"
#include "common/log.h"
#include "common/table.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER \
	"<stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
#define AUTH "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>"
#define BIND "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
#define PATIENCE_MS 120000 /* a hung test fails; nothing is measured */
#define CLIENTS 4

struct peer {
	int fd;
	struct buf heard;
	uint64_t conn;
	bool ended; /* the worker closed */
};

static struct {
	struct worker w;
	struct terms terms;
	struct conf conf;
	struct conf_domain domain;
	int listener;
	struct sockaddr_in address;
	struct peer peers[CLIENTS];
	uv_timer_t guard;
	/* sm */
	struct channel sm;
	int link;
	unsigned wanted; /* links asked for */
	uint64_t window;
	bool silent; /* answers no question */
	bool deaf;   /* sends no acks */
	unsigned count[256];
	uint64_t last_conn, joined;
	unsigned last_cond; /* of the last closed */
	struct buf stanzas;
} t;

void worker_want_link(struct worker *w)
{
	(void)w;
	t.wanted++;
}

uint64_t worker_conn_id(struct worker *w)
{
	return (uint64_t)w->incarnation << 32 | w->next_conn++;
}

static void too_long(uv_timer_t *timer)
{
	(void)timer;
	fprintf(stderr, "# the test waited in vain\n");
	abort();
}

/* sm */

static void answer(uint64_t conn, const struct message *m)
{
	struct message a = {0};
	if (t.silent)
		return;
	if (m->code == MSG_sasl_start) {
		a.code = MSG_sasl_salt;
		a.as.sasl_salt = (struct msg_sasl_salt){
			conn, m->as.sasl_start.attempt, 1, STR("salt"), STR("nonce"), 0};
	} else if (m->code == MSG_sasl_prove) {
		a.code = MSG_sasl_verdict;
		a.as.sasl_verdict.conn = conn;
		a.as.sasl_verdict.attempt = m->as.sasl_prove.attempt;
		a.as.sasl_verdict.who = m->as.sasl_prove.who;
	} else {
		a.code = MSG_opened;
		a.as.opened.conn = conn;
		CHECK(jid_split(STR("alice@localhost/here"), &a.as.opened.who));
	}
	channel_send(&t.sm, &a);
}

static void sm_ends(uint64_t conn)
{
	channel_send(&t.sm, &(struct message){.code = MSG_end, .as.end = {.conn = conn}});
}

static bool sm_hears(void *ctx, const struct message *m)
{
	struct message welcome = {.code = MSG_welcome, .as.welcome = {PROTO_VERSION_HIGH, t.sm.heard, t.window}};
	(void)ctx;
	t.count[m->code]++;
	switch (m->code) {
	case MSG_join:
		t.joined = m->as.join.conns.n;
		channel_send(&t.sm, &welcome);
		return channel_resume(&t.sm, m->as.join.heard);
	case MSG_sasl_start:
		t.last_conn = m->as.sasl_start.conn;
		answer(t.last_conn, m);
		return true;
	case MSG_sasl_prove:
		answer(m->as.sasl_prove.conn, m);
		return true;
	case MSG_open_session:
		answer(m->as.open_session.conn, m);
		return true;
	case MSG_stanza:
		buf_put(&t.stanzas, m->as.stanza.xml);
		return true;
	case MSG_closed:
		t.last_cond = m->as.closed.cond;
		if (m->as.closed.cond == COND_none && !t.silent)
			sm_ends(m->as.closed.conn);
		return true;
	default:
		return true;
	}
}

static void sm_turn(void)
{
	char bytes[65536];
	ssize_t n = t.link < 0 ? 0 : read(t.link, bytes, sizeof bytes);
	if (n > 0)
		CHECK(channel_feed(&t.sm, str_at(bytes, (size_t)n), sm_hears, NULL));
	if (t.link >= 0 && !t.deaf)
		channel_ack(&t.sm);
	n = t.link < 0 ? 0 : write(t.link, t.sm.out.p, t.sm.out.n);
	if (n > 0)
		buf_drop(&t.sm.out, (size_t)n);
}

static void sm_links(void)
{
	int pair[2];
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	channel_cut(&t.sm);
	t.link = pair[0];
	smlink_attach(t.w.smlink, pair[1]);
}

static void sm_unlinks(void)
{
	close(t.link);
	t.link = -1;
}

static void sm_says(struct message m)
{
	channel_send(&t.sm, &m);
}

static void sm_delivers(uint64_t conn, struct str xml)
{
	struct message m = {.code = MSG_deliver};
	m.as.deliver.conns = list_of(&conn, 1);
	m.as.deliver.xml = xml;
	channel_send(&t.sm, &m);
}

/* One turn of everybody. */
static void turn(void)
{
	char bytes[4096];
	sm_turn();
	uv_run(&t.w.loop, UV_RUN_NOWAIT);
	for (struct peer *p = t.peers; p < t.peers + CLIENTS; p++) {
		ssize_t n = p->fd < 0 ? -1 : recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n > 0)
			buf_add(&p->heard, bytes, (size_t)n);
		else if (p->fd >= 0 && (n == 0 || errno != EAGAIN))
			p->ended = true;
	}
}

#define UNTIL(truth) \
	do { \
		turn(); \
	} while (!(truth))

static bool heard(struct peer *p, const char *words)
{
	return p->heard.n && memmem(p->heard.p, p->heard.n, words, strlen(words));
}

static void say(struct peer *p, const char *words)
{
	assert_int_equal(send(p->fd, words, strlen(words), MSG_NOSIGNAL), (ssize_t)strlen(words));
}

static struct peer *arrive(unsigned i)
{
	struct peer *p = &t.peers[i];
	struct sockaddr_in from;
	socklen_t n = sizeof from;
	int size = 4096, fd;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	CHECK(!connect(p->fd, (struct sockaddr *)&t.address, sizeof t.address));
	fd = accept4(t.listener, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	conn_accept(&t.w, fd, (struct sockaddr *)&from, false);
	return p;
}

static struct peer *log_in(unsigned i)
{
	struct peer *p = arrive(i);
	say(p, HEADER);
	UNTIL(heard(p, "</stream:features>"));
	say(p, AUTH);
	UNTIL(heard(p, "<success"));
	p->conn = t.last_conn;
	say(p, HEADER BIND);
	UNTIL(heard(p, "<jid>alice@localhost/here</jid>"));
	return p;
}

static struct conn *conn(const struct peer *p)
{
	return conn_find(&t.w, p->conn);
}

static int set_up(void **state)
{
	static const char *mechanisms[] = {"PLAIN"};
	socklen_t n = sizeof t.address;
	(void)state;
	memset(&t, 0, sizeof t);
	log_level_set(LOG_ERROR);
	t.domain = (struct conf_domain){.name = "localhost", .mechanisms = {mechanisms, 1}};
	t.conf = (struct conf){.domains = &t.domain,
		.domain_count = 1,
		.allow_plaintext = PLAINTEXT_YES,
		.negotiation_timeout = 60,
		.auth_attempts = 3,
		.password_derivations = 4,
		.client_queue_bytes = 1 << 20,
		.worker_queue_bytes = 1 << 28,
		.connections_per_address = 100};
	t.window = 1 << 20;
	t.link = -1;
	for (unsigned i = 0; i < CLIENTS; i++)
		t.peers[i].fd = -1;
	uv_loop_init(&t.w.loop);
	t.w.conf = &t.conf;
	t.w.incarnation = 5;
	t.w.next_conn = 1;
	t.w.most_connections = t.w.most_negotiating = 100;
	t.terms = (struct terms){.conf = &t.conf,
		.holders = 1,
		.login_limits = {8192, 32, 16, 32, 256},
		.session_limits = {262144, 10000, 64, 64, 256}};
	t.w.terms = &t.terms;
	t.w.door = door_new(1);
	t.w.conns = table_new();
	t.w.read_buffer = mem_new(WORKER_READ_BYTES);
	t.w.keys = key_cache_new();
	key_cache_limit(t.w.keys, 10);
	wheel_start(&t.w.wheel, &t.w.loop);
	t.w.smlink = smlink_new(&t.w);
	uv_timer_init(&t.w.loop, &t.guard);
	uv_timer_start(&t.guard, too_long, PATIENCE_MS, 0);
	t.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	t.address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	CHECK(!bind(t.listener, (struct sockaddr *)&t.address, sizeof t.address) && !listen(t.listener, 16));
	CHECK(!getsockname(t.listener, (struct sockaddr *)&t.address, &n));
	channel_start(&t.sm, ROLE_SM, ROLE_C2S, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (struct peer *p = t.peers; p < t.peers + CLIENTS; p++) {
		if (p->fd >= 0)
			close(p->fd);
		p->fd = -1;
		buf_free(&p->heard);
	}
	UNTIL(!t.w.connections);
	assert_int_equal(t.w.negotiating, 0);
	assert_int_equal(t.w.queued, 0);
	assert_int_equal(door_count(t.w.door, door_key(network_of((struct sockaddr *)&t.address))), 0);
	assert_null(t.w.held);
	smlink_free(&t.w.smlink);
	wheel_stop(&t.w.wheel);
	uv_close((uv_handle_t *)&t.guard, NULL);
	uv_run(&t.w.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&t.w.loop), 0);
	table_free(&t.w.conns);
	key_cache_free(&t.w.keys);
	door_free(&t.w.door);
	mem_free(t.w.read_buffer);
	channel_end(&t.sm);
	buf_free(&t.stanzas);
	close(t.listener);
	if (t.link >= 0)
		close(t.link);
	return 0;
}

static void a_session(void **state)
{
	struct peer *p;
	(void)state;
	sm_links();
	p = log_in(0);
	assert_int_equal(t.w.negotiating, 0);
	assert_null(conn(p)->timer.link);
	say(p, "<message to='bob@localhost'><body>one</body></message>");
	UNTIL(t.count[MSG_stanza] == 1);
	sm_delivers(p->conn, STR("<message><body>two</body></message>"));
	UNTIL(heard(p, "two"));
	say(p, "</stream:stream>");
	UNTIL(p->ended && t.count[MSG_closed] == 1);
	assert_true(heard(p, "</stream:stream>"));
	assert_int_equal(t.count[MSG_forget], 0);
}

static void a_password_is_derived_once(void **state)
{
	(void)state;
	sm_links();
	log_in(0);
	assert_int_equal(key_cache_count(t.w.keys), 1);
	log_in(1);
	assert_int_equal(key_cache_count(t.w.keys), 1);
	assert_int_equal(t.count[MSG_sasl_prove], 2); /* sm is asked all the same */
}

static void asked_again(void **state)
{
	struct peer *p;
	(void)state;
	t.silent = true;
	sm_links();
	p = arrive(0);
	say(p, HEADER AUTH);
	UNTIL(t.count[MSG_sasl_start] == 1);
	sm_unlinks();
	UNTIL(t.wanted == 1);
	t.silent = false;
	sm_links();
	UNTIL(heard(p, "<success"));
	assert_int_equal(t.count[MSG_sasl_start], 2);
	t.silent = true;
	say(p, HEADER BIND);
	UNTIL(t.count[MSG_open_session] == 1);
	sm_unlinks();
	UNTIL(t.wanted == 2);
	t.silent = false;
	sm_links();
	UNTIL(heard(p, "</jid>"));
	assert_int_equal(t.joined, 0);
}

static void before_the_link(void **state)
{
	struct peer *p = arrive(0);
	(void)state;
	say(p, HEADER AUTH);
	UNTIL(heard(p, "</stream:features>"));
	turn();
	sm_links();
	UNTIL(heard(p, "<success"));
}

/* sm is away: stanzas are kept up to the window, then the client is held; nothing is lost,
 * nothing comes twice. */
static void sm_away(void **state)
{
	struct peer *p;
	char text[128];
	(void)state;
	t.window = 4000;
	sm_links();
	p = log_in(0);
	sm_unlinks();
	UNTIL(t.wanted == 1);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "<message id='%u'><body>%040u</body></message>", i, i);
		say(p, text);
	}
	UNTIL(conn(p)->relay.held);
	turn();
	assert_int_equal(t.count[MSG_stanza], 0);
	sm_links();
	UNTIL(t.count[MSG_stanza] == 100);
	assert_int_equal(t.joined, 1);
	struct str rest = buf_str(&t.stanzas);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "<message id=\"%u\"><body>%040u</body></message>", i, i);
		assert_true(str_starts(rest, str_of(text)));
		rest = str_skip(rest, strlen(text));
	}
	assert_int_equal(rest.n, 0);
	UNTIL(!conn(p)->relay.held);
}

static void one_connection_held(void **state)
{
	struct peer *p, *q;
	struct buf big = {0};
	(void)state;
	sm_links();
	p = log_in(0);
	q = log_in(1);
	t.deaf = true;
	buf_puts(&big, "<message><body>");
	for (unsigned i = 0; i < 30000; i++)
		buf_putc(&big, 'x');
	buf_puts(&big, "</body></message>");
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	while (!conn(p)->relay.held) {
		ssize_t n = send(p->fd, big.p, big.n, MSG_NOSIGNAL); /* cut anywhere: it is one long message then */
		if (n > 0 && (size_t)n < big.n)
			for (size_t at = (size_t)n; at < big.n; turn()) {
				n = send(p->fd, big.p + at, big.n - at, MSG_NOSIGNAL);
				at += n > 0 ? (size_t)n : 0;
				if (conn(p)->relay.held)
					break;
			}
		turn();
	}
	assert_true(conn(p)->relay.unacked >= RELAY_UNACKED && conn(p)->relay.unacked < RELAY_UNACKED + 40000);
	say(q, "<message id='free'/>");
	UNTIL(memmem(t.stanzas.p, t.stanzas.n, "\"free\"", 6));
	assert_true(conn(p)->relay.held);
	t.deaf = false;
	UNTIL(!conn(p)->relay.held);
	buf_free(&big);
}

static void too_late(void **state)
{
	struct message opened = {.code = MSG_opened}, verdict = {.code = MSG_sasl_verdict};
	(void)state;
	sm_links();
	UNTIL(smlink_up(t.w.smlink));
	opened.as.opened.conn = 77;
	CHECK(jid_split(STR("alice@localhost/here"), &opened.as.opened.who));
	verdict.as.sasl_verdict.conn = 78;
	CHECK(jid_split(STR("alice@localhost"), &verdict.as.sasl_verdict.who));
	sm_says(opened);
	sm_says(verdict);
	UNTIL(t.count[MSG_closed] == 1 && t.count[MSG_forget] == 1);
}

static void sm_at_fault(void **state)
{
	struct message welcome = {.code = MSG_welcome, .as.welcome = {PROTO_VERSION_HIGH, 0, 1}};
	struct peer *p;
	(void)state;
	sm_links();
	p = log_in(0);
	sm_says(welcome);
	UNTIL(t.wanted == 1);
	sm_unlinks();
	sm_links();
	UNTIL(smlink_up(t.w.smlink));
	assert_int_equal(t.joined, 1);
	assert_non_null(conn(p));
}

static void sm_does_not_read(void **state)
{
	static const char proof[60000] = "";
	struct message m = {.code = MSG_sasl_prove, .as.sasl_prove.message = str_at(proof, sizeof proof)};
	(void)state;
	sm_links();
	UNTIL(smlink_up(t.w.smlink));
	for (size_t i = 0; !t.wanted; i++) {
		assert_true(i * sizeof proof < 64 << 20);
		channel_send(smlink_channel(t.w.smlink), &m);
		uv_run(&t.w.loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(smlink_channel(t.w.smlink)->out.n, 0);
	sm_unlinks();
	sm_links();
	UNTIL(smlink_up(t.w.smlink));
}

static struct str kilobytes(struct buf *b, size_t n)
{
	buf_clear(b);
	buf_puts(b, "<message><body>");
	for (size_t i = 0; i < n * 1024; i++)
		buf_putc(b, 'y');
	buf_puts(b, "</body></message>");
	return buf_str(b);
}

/* The kernel takes a few megabytes for a reader that does not read, whatever it was asked for. */
static void slow_reader(void **state)
{
	struct peer *p, *q;
	struct buf big = {0};
	(void)state;
	t.conf.client_queue_bytes = 65536;
	sm_links();
	p = log_in(0);
	q = log_in(1);
	int fd = p->fd;
	p->fd = -1; /* reads no more */
	while (conn(p) && conn(p)->exit == CONN_LIVES) {
		sm_delivers(p->conn, kilobytes(&big, 60));
		turn();
	}
	UNTIL(t.count[MSG_closed] == 1);
	sm_delivers(q->conn, STR("<message id='q'/>"));
	UNTIL(heard(q, "'q'"));
	close(fd);
	buf_free(&big);
}

static void long_stanza(void **state)
{
	struct peer *p;
	struct buf big = {0};
	(void)state;
	t.conf.client_queue_bytes = 65536;
	sm_links();
	p = log_in(0);
	sm_delivers(p->conn, kilobytes(&big, 6000));
	sm_delivers(p->conn, STR("<message id='behind'/>"));
	UNTIL(heard(p, "'behind'"));
	assert_int_equal(conn(p)->relay.largest, 0);
	assert_null(conn(p)->client.pipe.out.p);
	assert_null(conn(p)->client.pipe.wire.p);
	buf_free(&big);
}

static void longest_queue_goes(void **state)
{
	struct peer *p, *q;
	struct buf big = {0};
	(void)state;
	sm_links();
	p = log_in(0);
	q = log_in(1);
	int fds[] = {p->fd, q->fd};
	p->fd = q->fd = -1;
	t.conf.client_queue_bytes = 1 << 28;
	sm_delivers(q->conn, kilobytes(&big, 6000));
	UNTIL(t.w.queued > 0);
	t.conf.worker_queue_bytes = (int64_t)t.w.queued + (1 << 23);
	while (conn(p)) {
		if (!t.sm.out.n)
			sm_delivers(p->conn, kilobytes(&big, 2000));
		turn();
	}
	assert_non_null(conn(q));
	close(fds[0]);
	close(fds[1]);
	buf_free(&big);
}

/* It takes 10 kB a second of what is still to come, for longer than one may that takes nothing. */
static void half_closed(void **state)
{
	struct peer *p;
	struct buf big = {0};
	(void)state;
	t.conf.client_queue_bytes = 1 << 28;
	sm_links();
	p = log_in(0);
	sm_delivers(p->conn, kilobytes(&big, 9000));
	int fd = p->fd;
	p->fd = -1;
	UNTIL(t.w.queued > 1 << 20);
	CHECK(send(fd, "</stream:stream>", 16, MSG_NOSIGNAL) == 16 && !shutdown(fd, SHUT_WR));
	UNTIL(conn(p)->client_ended);
	p->fd = fd;
	for (uint64_t end = uv_hrtime() + UINT64_C(1500000) * CONN_FLUSH_MS; uv_hrtime() < end; usleep(400000))
		turn();
	UNTIL(p->ended);
	assert_true(str_ends(buf_str(&p->heard), STR("yyy</body></message></stream:stream>")));
	assert_true(p->heard.n > 9000 * 1024);
	buf_free(&big);
}

static void held_ones_leave(void **state)
{
	struct peer *p[3];
	(void)state;
	t.window = 500;
	sm_links();
	for (unsigned i = 0; i < 3; i++)
		p[i] = log_in(i);
	t.deaf = true;
	say(p[0],
		"<message to='bob@localhost'><body>....................................................................................</body></message>");
	while (smlink_window(t.w.smlink)) {
		say(p[0],
			"<message to='bob@localhost'><body>....................................................................................</body></message>");
		turn();
	}
	for (unsigned i = 0; i < 3; i++) {
		conn_touch(conn(p[i]));
		turn();
		assert_true(conn(p[i])->relay.held);
	}
	assert_ptr_equal(t.w.held, conn(p[0]));
	conn_event(conn(p[1]), ON_hangup, NULL);
	assert_ptr_equal(conn(p[0])->relay.next_held, conn(p[2]));
	assert_ptr_equal(conn(p[2])->relay.previous_held, conn(p[0]));
	conn_event(conn(p[2]), ON_hangup, NULL);
	assert_ptr_equal(t.w.held_last, conn(p[0]));
	t.deaf = false;
	UNTIL(!t.w.held && t.count[MSG_closed] == 2);
	assert_null(t.w.held_last);
}

static void vanished(void **state)
{
	struct peer *p;
	(void)state;
	sm_links();
	p = log_in(0);
	close(p->fd);
	p->fd = -1;
	UNTIL(t.count[MSG_closed] == 1 && !t.w.connections);
	assert_int_equal(t.last_cond, PROTO_CLOSED_HUNG_UP);
}

/* To an sm that says nothing to it. */
static struct peer *say_goodbye(const char *words)
{
	struct peer *p;
	sm_links();
	p = log_in(0);
	t.silent = true;
	say(p, words);
	UNTIL(t.count[MSG_closed] == 1);
	assert_int_equal(t.last_cond, COND_none);
	return p;
}

static void last_words(void **state)
{
	struct peer *p = say_goodbye("<iq type='get' id='last'/></stream:stream>");
	(void)state;
	CHECK(!shutdown(p->fd, SHUT_WR));
	UNTIL(conn(p)->client_ended);
	sm_delivers(p->conn, STR("<iq type='result' id='last'/>"));
	sm_ends(p->conn);
	UNTIL(p->ended && !t.w.connections);
	assert_true(heard(p, "<iq type='result' id='last'/></stream:stream>"));
}

static void no_last_words(void **state)
{
	struct peer *p = say_goodbye("</stream:stream>");
	(void)state;
	conn_event(conn(p), ON_deadline, NULL);
	UNTIL(p->ended && !t.w.connections && heard(p, "</stream:stream>"));
}

static void leaves_at_once(void **state)
{
	struct peer *p = say_goodbye("</stream:stream>");
	(void)state;
	conn_event(conn(p), ON_hangup, NULL);
	UNTIL(!t.w.connections);
	assert_int_equal(t.count[MSG_closed] + t.count[MSG_forget], 1);
}

static void out_of_time(void **state)
{
	(void)state;
	t.conf.negotiation_timeout = 1;
	t.conf.proxy_from = (struct conf_list){(const char *[]){"127.0.0.1"}, 1};
	arrive(0);
	UNTIL(heard(&t.peers[0], "<connection-timeout"));
	conn_deadline(&t.w.conn_list->timer); /* that these words have gone is no reason to wait again */
	assert_null(t.w.conn_list);
}

static void refused(void **state)
{
	struct peer *p;
	(void)state;
	t.conf.connections_per_address = 1;
	uint64_t before = log_count(EVENT_refuse);
	t.w.refusals[LIMIT_ADDRESS].silent_until = UINT64_MAX; /* there was a line just now */
	arrive(0);
	for (unsigned i = 1; i < CLIENTS; i++) {
		p = arrive(i);
		UNTIL(p->ended);
		assert_true(heard(p, "<resource-constraint"));
		close(p->fd);
		p->fd = -1;
	}
	assert_int_equal(log_count(EVENT_refuse) - before, CLIENTS - 1);
	assert_int_equal(t.w.refusals[LIMIT_ADDRESS].unsaid, CLIENTS - 1);
	t.w.refusals[LIMIT_ADDRESS].silent_until = 0;
	p = arrive(1);
	UNTIL(p->ended);
	assert_int_equal(t.w.refusals[LIMIT_ADDRESS].unsaid, 0);
	t.w.refusals[LIMIT_ADDRESS].silent_until = 0;
	t.conf.connections_per_address = 0;
	t.w.most_connections = 1;
	p = arrive(2);
	UNTIL(p->ended);
	assert_int_equal(t.w.connections, 1);
}

static void stopped(void **state)
{
	struct peer *p;
	(void)state;
	sm_links();
	p = log_in(0);
	arrive(1);
	conn_stop_all(&t.w);
	UNTIL(heard(p, "<system-shutdown") && heard(&t.peers[1], "<system-shutdown"));
	UNTIL(t.count[MSG_closed] == 1);
}

static void gone_while_deriving(void **state)
{
	struct peer *p;
	(void)state;
	sm_links();
	p = arrive(0);
	say(p, HEADER AUTH);
	UNTIL(t.w.derivations == 1);
	close(p->fd);
	p->fd = -1;
	UNTIL(!t.w.connections);
	assert_int_equal(t.w.derivations, 0);
}

static void small(void **state)
{
	(void)state;
	assert_true(sizeof(struct conn) < 1200);
}

#define TEST(title, function) \
	{ \
		title, function, set_up, tear_down, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("smlink: a client logs in, is relayed both ways, and says goodbye", a_session),
		TEST("smlink: a password that sm accepted is derived once, and sm asked each time",
			a_password_is_derived_once),
		TEST("smlink: a question is asked again when the link was lost before its answer", asked_again),
		TEST("smlink: who comes before the link waits for it", before_the_link),
		TEST("smlink: while sm is away stanzas wait up to the window, then the client; all arrive once, in order",
			sm_away),
		TEST("smlink: a connection without acknowledgements is held, another is not", one_connection_held),
		TEST("smlink: a yes for a connection that is gone is given back", too_late),
		TEST("smlink: an sm that breaks the protocol is cut off, sessions stay", sm_at_fault),
		TEST("smlink: an sm that does not read loses its link, not the worker its memory", sm_does_not_read),
		TEST("relay: a client that does not read is ended when its queue is full, others are served",
			slow_reader),
		TEST("relay: one stanza longer than the queue is no fault, and no memory stays behind", long_stanza),
		TEST("relay: over worker-queue-bytes the longest queue goes", longest_queue_goes),
		TEST("conn: a client that has closed its half still gets what waits for it", half_closed),
		TEST("relay: clients that are held may leave, in any order", held_ones_leave),
		TEST("conn: what a last stanza made reaches a client that has closed its half", last_words),
		TEST("conn: a goodbye that sm does not answer ends all the same", no_last_words),
		TEST("conn: who does not wait for our goodbye is gone at once", leaves_at_once),
		TEST("conn: a client that vanishes is told to sm and freed", vanished),
		TEST("conn: a login that takes too long ends with connection-timeout, behind a proxy too", out_of_time),
		TEST("conn: over a limit a client is told resource-constraint", refused),
		TEST("conn: every stream ends with system-shutdown when the worker stops", stopped),
		TEST("conn: a client may go while its password is being derived", gone_while_deriving),
		TEST("conn: a connection is small", small),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

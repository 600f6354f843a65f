/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * floor PORT TLS-PORT CERTIFICATE KEY WORKERS DERIVE NAP: parent and workers of the floor (floor.h). Says "ready" when
 * it listens, and ends with its standard input. DERIVE 1: PLAIN costs a PBKDF2, 0: only the look into a cache. NAP: so
 * many us are slept before each turn, which costs next to no CPU: messages gather then as they do before a server that
 * has more to do, and a turn's system calls are shared by as many. */
#include "t/bench/floor.h"

#include "common/crypt.h"
#include "common/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MOST 64
#define CONNS 65536
#define ROUNDS 4096

struct conn {
	int fd;
	uint64_t id;
	struct floor_tls *tls;
	bool proven, closing, dirty, secures;
	struct conn *next_dirty;
	struct buf plain, wire; /* to be encrypted, to be written */
};

struct listener {
	int fd;
	bool direct;
};

static struct {
	unsigned number, generation;
	bool derives, house_waits;
	useconds_t nap;
	int epoll, house;
	struct listener listener[2];
	struct conn *by_fd[CONNS];
	struct conn *dirty;
	struct buf to_house, from_house, text;
	char read[FLOOR_READ];
} worker;

#define STREAM \
	"<?xml version='1.0'?><stream:stream id='0123456789abcdef' from='localhost' version='1.0' xml:lang='en' " \
	"xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
#define MECHANISMS \
	"<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256</mechanism>" \
	"<mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms>"
#define BEFORE_TLS \
	"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>" MECHANISMS "</stream:features>"
#define BEFORE_PROOF "<stream:features>" MECHANISMS "</stream:features>"
#define BEFORE_BIND \
	"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>" \
	"<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session></stream:features>"
/* r=(48 letters),s=QSXCR+Q6sek8bf92QSXCRA==,i=4096 */
#define CHALLENGE \
	"<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" \
	"cj1mZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmLHM9UVNYQ1IrUTZzZWs4YmY5MlFTWENSQT09LGk9NDA5Ng==" \
	"</challenge>"
#define SUCCESS "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>dj1ybUY5cHFWOFM3c3VBb1pXamE0ZEpSa0ZzS1E9</success>"
#define BOUND \
	"<iq type='result' id='u00000'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>" \
	"<jid>u00000@localhost/bench</jid></bind></iq>"
#define PONG "<iq type='result' id='storm' from='localhost' to='u00000@localhost/bench'/>"

static void touch(struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->next_dirty = worker.dirty;
	worker.dirty = c;
}

static void say(struct conn *c, struct str words)
{
	buf_put(&c->plain, words);
	touch(c);
}

static void ask(struct conn *c, enum floor_kind kind, struct str rest)
{
	floor_frame_put(&worker.to_house, kind, c->id, rest);
}

static void drop(struct conn *c)
{
	if (!c->closing)
		ask(c, FLOOR_CLOSED, STR_NONE);
	worker.by_fd[c->fd] = NULL;
	close(c->fd);
	c->fd = -1;
	touch(c); /* freed at the end of the turn */
}

/* what clients say */

static void header(struct conn *c)
{
	uint8_t id[8];

	rand_bytes(id, sizeof id);
	say(c, STR(STREAM));
	if (c->proven)
		say(c, STR(BEFORE_BIND));
	else if (c->tls)
		say(c, STR(BEFORE_PROOF));
	else
		say(c, STR(BEFORE_TLS));
}

/* What PLAIN needs before it can ask: derivation, or a keyed hash to look it up. */
static void derive(struct str words)
{
	uint8_t key[HASH_MAX];

	if (worker.derives)
		pbkdf2(HASH_SHA1, STR("bench"), STR("0123456789abcdef"), ROUNDS, key);
	else
		hmac_bytes(HASH_SHA256, STR("0123456789abcdef0123456789abcdef"), words, key);
	hmac_bytes(HASH_SHA1, STR("0123456789abcdef0123"), STR("Client Key"), key);
}

static void begin(struct conn *c, struct str words)
{
	if (memmem(words.p, words.n, "PLAIN", 5))
		derive(words);
	ask(c, FLOOR_SALT, str_head(words, 40));
}

static void salted(struct conn *c, bool plain)
{
	if (plain)
		ask(c, FLOOR_PROVE, STR("0123456789abcdef0123"));
	else
		say(c, STR(CHALLENGE));
}

static void leave(struct conn *c)
{
	say(c, STR("</stream:stream>"));
	ask(c, FLOOR_CLOSED, STR_NONE);
	c->closing = true;
}

static void hear(struct conn *c, struct str words)
{
	static const struct str goodbye = {"</stream:stream>", 16};
	bool leaves = words.n > goodbye.n && str_ends(words, goodbye);

	if (leaves)
		words.n -= goodbye.n;
	if (str_starts(words, STR("<?xml"))) {
		header(c);
	} else if (str_starts(words, STR("<starttls"))) {
		say(c, STR("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
		c->secures = true;
	} else if (str_starts(words, STR("<auth"))) {
		begin(c, words);
	} else if (str_starts(words, STR("<response"))) {
		ask(c, FLOOR_PROVE, words);
	} else if (str_starts(words, STR("<iq id='u"))) {
		ask(c, FLOOR_OPEN, str_skip(words, 9));
	} else if (str_starts(words, STR("<iq"))) {
		say(c, STR(PONG));
	} else if (str_starts(words, STR("</stream"))) {
		leave(c);
	} else {
		ask(c, FLOOR_STANZA, words);
	}
	if (leaves)
		leave(c);
}

/* connections */

static void take_bytes(struct conn *c, struct str bytes)
{
	int got;

	if (!c->tls) {
		hear(c, bytes);
		return;
	}
	for (;;) {
		buf_clear(&worker.text);
		got = floor_tls_read(c->tls, &bytes, &worker.text, &c->wire);
		touch(c);
		if (got <= 0)
			break;
		hear(c, buf_str(&worker.text));
	}
	if (got < 0 && !c->closing)
		drop(c);
}

static void read_conn(struct conn *c)
{
	ssize_t n = read(c->fd, worker.read, sizeof worker.read);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		drop(c);
	else
		take_bytes(c, str_at(worker.read, (size_t)n));
}

static void write_conn(struct conn *c)
{
	ssize_t n;

	if (c->plain.n && c->tls)
		(void)!floor_tls_write(c->tls, buf_str(&c->plain), &c->wire);
	else if (c->plain.n)
		buf_put(&c->wire, buf_str(&c->plain));
	buf_free(&c->plain);
	if (c->closing && c->tls)
		floor_tls_goodbye(c->tls, &c->wire);
	n = c->wire.n ? write(c->fd, c->wire.p, c->wire.n) : 0;
	/* What the kernel has no room for would wait in a real server; here no scene comes to that. */
	CHECK(n < 0 || (size_t)n == c->wire.n);
	buf_free(&c->wire);
	if (c->closing)
		shutdown(c->fd, SHUT_WR);
	if (c->secures && !c->tls)
		c->tls = floor_tls_new();
}

/* The house may wait for us, we never for it: so the two cannot wait for each other. */
static void flush_house(void)
{
	ssize_t n = worker.to_house.n ? write(worker.house, worker.to_house.p, worker.to_house.n) : 0;
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = &worker.house};
	bool waits;

	if (n < 0 && errno != EAGAIN)
		_exit(1);
	if (n > 0 && (size_t)n == worker.to_house.n)
		buf_clear(&worker.to_house);
	else if (n > 0)
		buf_drop(&worker.to_house, (size_t)n);
	waits = worker.to_house.n;
	if (waits == worker.house_waits)
		return;
	worker.house_waits = waits;
	if (waits)
		e.events |= EPOLLOUT;
	CHECK(epoll_ctl(worker.epoll, EPOLL_CTL_MOD, worker.house, &e) == 0);
}

static void end_turn(void)
{
	while (worker.dirty) {
		struct conn *c = worker.dirty;

		worker.dirty = c->next_dirty;
		c->dirty = false;
		if (c->fd >= 0) {
			write_conn(c);
			continue;
		}
		floor_tls_free(c->tls);
		buf_free(&c->plain);
		buf_free(&c->wire);
		mem_free(c);
	}
	flush_house();
}

static void welcome(int fd, bool direct)
{
	struct conn *c = mem_new(sizeof *c);
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	int on = 1;

	CHECK(fd < CONNS);
	c->fd = fd;
	c->id = (uint64_t)worker.number << 56 | (uint64_t)(worker.generation++ & 0xffffff) << 32 | (unsigned)fd;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (direct)
		c->tls = floor_tls_new();
	worker.by_fd[fd] = c;
	CHECK(epoll_ctl(worker.epoll, EPOLL_CTL_ADD, fd, &e) == 0);
}

static void accept_some(const struct listener *l)
{
	for (int i = 0; i < 16; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		welcome(fd, l->direct);
	}
}

/* what the house says */

static struct conn *conn_of(uint64_t id)
{
	struct conn *c = worker.by_fd[id & 0xffff];

	return c && c->id == id && !c->closing ? c : NULL;
}

static void deliver(struct str rest, uint64_t n)
{
	struct str words = str_skip(rest, n * 8);
	uint64_t id;

	while (n-- && str_take_u64(&rest, &id)) {
		struct conn *c = conn_of(id);

		if (c)
			say(c, words);
	}
}

static void answered(const struct floor_frame *f)
{
	struct conn *c;

	if (f->kind == FLOOR_DELIVER) {
		deliver(f->rest, f->conn);
		return;
	}
	c = conn_of(f->conn);
	if (!c)
		return;
	if (f->kind == FLOOR_SALTED) {
		salted(c, !c->tls); /* PLAIN is what is used without TLS */
	} else if (f->kind == FLOOR_PROVEN) {
		c->proven = true;
		say(c, STR(SUCCESS));
	} else {
		say(c, STR(BOUND));
	}
}

static void hear_house(void)
{
	ssize_t n = read(worker.house, buf_room(&worker.from_house, FLOOR_LINK), FLOOR_LINK);
	struct floor_frame f;
	struct str in;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		_exit(0);
	buf_grew(&worker.from_house, (size_t)n);
	in = buf_str(&worker.from_house);
	while (floor_frame_take(&in, &f))
		answered(&f);
	if (in.n)
		buf_drop(&worker.from_house, worker.from_house.n - in.n);
	else
		buf_clear(&worker.from_house);
}

/* processes */

static void watch(int fd, void *what)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = what};

	CHECK(epoll_ctl(worker.epoll, EPOLL_CTL_ADD, fd, &e) == 0);
}

static void work(void)
{
	static struct epoll_event events[FLOOR_BATCH];

	worker.epoll = epoll_create1(EPOLL_CLOEXEC);
	watch(worker.listener[0].fd, &worker.listener[0]);
	watch(worker.listener[1].fd, &worker.listener[1]);
	watch(worker.house, &worker.house);
	for (;;) {
		int n;

		if (worker.nap)
			usleep(worker.nap);
		n = epoll_wait(worker.epoll, events, COUNT(events), -1);
		for (int i = 0; i < n; i++) {
			void *what = events[i].data.ptr;

			if (what == &worker.house)
				hear_house();
			else if (what == &worker.listener[0] || what == &worker.listener[1])
				accept_some(what);
			else if (((struct conn *)what)->fd >= 0)
				read_conn(what);
		}
		end_turn();
	}
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, SOMAXCONN) != 0) {
		perror("floor: listening");
		_exit(1);
	}
	return fd;
}

static void start_worker(unsigned number, uint16_t port, uint16_t tls_port, int house, const char *certificate,
	const char *key)
{
	worker.number = number;
	worker.listener[0] = (struct listener){listen_on(port), false};
	worker.listener[1] = (struct listener){listen_on(tls_port), true};
	worker.house = house;
	if (fork() != 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, "floor c2s");
	if (!floor_tls_start(certificate, key))
		_exit(1);
	work();
}

static void start_house(const int *fds, size_t n)
{
	if (fork() != 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, "floor sm");
	floor_house(fds, n);
	_exit(0);
}

static uint64_t number(const char *text, uint64_t most)
{
	uint64_t n;

	if (str_u64(str_of(text), &n) && n <= most)
		return n;
	fprintf(stderr, "floor: %s is no number up to %llu\n", text, (unsigned long long)most);
	_exit(2);
}

/* A turn of either side should fit: each time it does not, the two must take turns on their core. */
static void make_room(int fd)
{
	int bytes = FLOOR_LINK;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

int main(int n, char **arguments)
{
	int ends[WORKERS_MOST][2], houses[WORKERS_MOST];
	struct rlimit files;
	size_t workers;
	char byte;

	if (n != 8) {
		fprintf(stderr, "floor PORT TLS-PORT CERTIFICATE KEY WORKERS DERIVE NAP\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)!setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	workers = number(arguments[5], WORKERS_MOST);
	worker.derives = number(arguments[6], 1);
	worker.nap = (useconds_t)number(arguments[7], 100000);
	for (size_t i = 0; i < workers; i++) {
		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends[i]) == 0);
		make_room(ends[i][0]);
		make_room(ends[i][1]);
		CHECK(fcntl(ends[i][1], F_SETFL, O_NONBLOCK) == 0);
		houses[i] = ends[i][0];
	}
	start_house(houses, workers);
	for (size_t i = 0; i < workers; i++)
		start_worker((unsigned)i, (uint16_t)number(arguments[1], 65535), (uint16_t)number(arguments[2], 65535),
			ends[i][1], arguments[3], arguments[4]);
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From "ADDRESS:PORT" to bound sockets. */
#include "c2s/listen.h"
#include "common/address.h"
#include "common/log.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG SOMAXCONN

/* A client whose network is gone is found out within ten minutes: nothing comes back to five probes
 * after five quiet minutes, or to data for ten. */
#define QUIET_S 300
#define PROBE_S 60
#define PROBES 5
#define UNANSWERED_MS 600000

/* What the kernel takes of a client's bytes beyond those on their way: the rest waits with us, who
 * count it, hold it to a limit and see it move. */
#define UNSENT_BYTES 131072

/* One address of one setting, for as long as it is being bound. */
struct place {
	const char *words; /* as the file has it */
	const char *setting;
	struct sockaddr_storage address;
	socklen_t n;
	bool wildcard;
	bool tls;
};

/* NULL: not an address. Free with freeaddrinfo. */
static struct addrinfo *resolve(const char *words, bool *wildcard)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	struct buf host = {0};
	uint16_t port;
	char service[8];

	if (address_cut(words, &host, &port)) {
		*wildcard = host.n == 0;
		snprintf(service, sizeof service, "%u", port);
		if (getaddrinfo(*wildcard ? NULL : buf_cstr(&host), service, &hints, &found) != 0)
			found = NULL;
	}
	buf_free(&host);
	return found;
}

static uint16_t *port_of(struct place *p)
{
	if (p->address.ss_family == AF_INET6)
		return &((struct sockaddr_in6 *)&p->address)->sin6_port;
	return &((struct sockaddr_in *)&p->address)->sin_port;
}

/* Accepted sockets inherit these from the listening one. */
static bool set_options(int fd)
{
	const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, QUIET_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, PROBE_S},
		{IPPROTO_TCP, TCP_KEEPCNT, PROBES},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, UNANSWERED_MS},
		{IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES},
	};

	for (size_t i = 0; i < COUNT(options); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			    sizeof options[i].value) != 0)
			return false;
	return true;
}

/* A socket bound to the place; -1: errno says why not. `shared`: as one of a reuse-port group. */
static int bind_one(struct place *p, bool shared)
{
	int fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, saved;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
		(!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
		(p->address.ss_family != AF_INET6 ||
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
		set_options(fd) && bind(fd, (const struct sockaddr *)&p->address, p->n) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* A second c2s of the same user could join the group and take half of the connections without
 * anybody noticing: so the first bind is done without sharing, and finds out. */
static bool is_free(struct place *p)
{
	int fd = *port_of(p) ? bind_one(p, false) : -2;

	if (fd >= 0)
		close(fd);
	return fd != -1;
}

static bool add(struct place *p, struct listen_slot *slot)
{
	int **fds = p->tls ? &slot->tls : &slot->starttls;
	size_t *n = p->tls ? &slot->tls_n : &slot->starttls_n;
	int fd = bind_one(p, true);
	int *more;

	if (fd < 0)
		return false;
	more = mem_resize(*fds, (*n + 1) * sizeof **fds);
	CHECK(more);
	*fds = more;
	more[(*n)++] = fd;
	/* port 0: the kernel has chosen one, the other slots follow */
	return getsockname(fd, (struct sockaddr *)&p->address, &p->n) == 0;
}

static void log_place(const struct place *p)
{
	char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";

	getnameinfo((const struct sockaddr *)&p->address, p->n, host, sizeof host, port,
		sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	log_event(listen, LOG_TEXT("address", host), LOG_TEXT("port", port),
		LOG_TEXT("tls", p->tls ? "direct" : "starttls"));
}

static bool is_missing_family(const struct place *p, int code)
{
	return code == EAFNOSUPPORT || (p->wildcard && code == EADDRNOTAVAIL);
}

/* False: errno says why. */
static bool bind_place(struct place *p, struct listen_slot *slots, unsigned count)
{
	if (!is_free(p))
		return false;
	for (unsigned i = 0; i < count; i++)
		if (!add(p, &slots[i]))
			return false;
	log_place(p);
	return true;
}

static void say_why(struct buf *why, const struct conf *conf, int line, const struct place *p,
	const char *what)
{
	buf_printf(why, "%s:%d: %s: \"%s\": %s", conf->path, line, p->setting, p->words, what);
}

/* Every family of one entry. False: `why` says what is wrong with it. */
static bool bind_entry(struct place *p, const struct conf *conf, int line,
	struct listen_slot *slots, unsigned count, struct buf *why)
{
	struct addrinfo *found = resolve(p->words, &p->wildcard);
	bool good = found != NULL, any = false;

	if (!found)
		say_why(why, conf, line, p, ADDRESS_EXPECTED);
	for (struct addrinfo *a = found; a && good; a = a->ai_next) {
		memcpy(&p->address, a->ai_addr, a->ai_addrlen);
		p->n = a->ai_addrlen;
		if (bind_place(p, slots, count)) {
			any = true;
		} else if (is_missing_family(p, errno)) {
			log_event(listen_failed, LOG_TEXT("address", p->words),
				LOG_TEXT("cause", strerror(errno)),
				LOG_TEXT("family", a->ai_family == AF_INET6 ? "IPv6" : "IPv4"));
		} else {
			say_why(why, conf, line, p, strerror(errno));
			good = false;
		}
	}
	if (good && !any && p->wildcard) {
		say_why(why, conf, line, p, "this machine has neither IPv4 nor IPv6");
		good = false;
	}
	if (found)
		freeaddrinfo(found);
	return good;
}

static bool bind_list(const struct conf *conf, struct conf_list list, int line, struct place p,
	struct listen_slot *slots, unsigned count, struct buf *why)
{
	for (size_t i = 0; i < list.n; i++) {
		p.words = list.words[i];
		if (!bind_entry(&p, conf, line, slots, count, why))
			return false;
	}
	return true;
}

bool listen_bind(const struct conf *conf, struct listen_slot *slots, unsigned count,
	struct buf *why)
{
	const struct place starttls = {.setting = "listen", .tls = false},
			   tls = {.setting = "listen-tls", .tls = true};
	const struct conf_list none = {0};
	bool good;

	memset(slots, 0, count * sizeof *slots);
	good = bind_list(conf, conf->listen, conf->line.listen, starttls, slots, count, why) &&
		bind_list(conf, conf_has_certificate(conf) ? conf->listen_tls : none,
			conf->line.listen_tls, tls, slots, count, why);
	if (good && !slots[0].starttls_n && !slots[0].tls_n) {
		buf_printf(why, "%s:%d: listen: there is no address to listen on", conf->path,
			conf->line.listen);
		good = false;
	}
	if (!good)
		listen_close(slots, count);
	return good;
}

static bool open_list(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (listen(fds[i], BACKLOG) < 0)
			return false;
	return true;
}

bool listen_open(const struct listen_slot *slot)
{
	return open_list(slot->starttls, slot->starttls_n) && open_list(slot->tls, slot->tls_n);
}

static void close_list(int **fds, size_t *n)
{
	for (size_t i = 0; i < *n; i++)
		close((*fds)[i]);
	mem_free(*fds);
	*fds = NULL;
	*n = 0;
}

void listen_close(struct listen_slot *slots, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		close_list(&slots[i].starttls, &slots[i].starttls_n);
		close_list(&slots[i].tls, &slots[i].tls_n);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Links to sm, made and introduced. The parent's own link comes first, so that sm hears the roll
 * call before any worker joins. */
#include "c2s/broker.h"
#include "c2s/parent.h"
#include "common/log.h"
#include "proto/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME "c2s.sock"
#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 1000
#define LINK_EVERY_MS 100         /* for one worker: sm may cut it off at once, again and again */
#define MESSAGE_MOST FRAME_MAX    /* what sm has to say to the parent is short */
#define UNREAD_MOST (1024 * 1024) /* sm does not read our link: it is of no use */

struct broker_worker {
	uint32_t incarnation; /* 0: no worker in this slot */
	pid_t pid;
	int fd;
	bool wants_link;
	uint64_t link_at; /* ms; not before */
};

struct broker {
	struct sockaddr_un address;
	void (*expel)(void *ctx, uint32_t incarnation);
	void (*reload)(void *ctx, uint64_t request);                     /* NULL: nobody minds */
	void (*ban)(void *ctx, struct network prefix, uint64_t seconds); /* the same */
	void *ctx;
	struct buf expiries;
	int fd;                 /* the parent's own link; -1: down */
	struct channel channel; /* over it */
	bool told_down;         /* the log knows that sm is away */
	bool failed;            /* since the last try: wait a little before the next */
	uint64_t retry_at;      /* ms; nothing is tried before */
	unsigned retry_ms;
	unsigned slots;
	struct broker_worker workers[];
};

struct broker *broker_new(const char *run_directory, unsigned slots,
	void (*expel)(void *ctx, uint32_t incarnation), void *ctx)
{
	struct broker *b = mem_new(sizeof *b + slots * sizeof b->workers[0]);
	size_t room = sizeof b->address.sun_path;

	b->address.sun_family = AF_UNIX;
	if ((size_t)snprintf(b->address.sun_path, room, "%s/%s", run_directory, SOCKET_NAME) >=
		room) {
		log_event(config,
			LOG_TEXT("cause", "run-directory is too long a path for a socket in it"));
		mem_free(b);
		return NULL;
	}
	b->expel = expel;
	b->ctx = ctx;
	b->fd = -1;
	b->retry_ms = RETRY_FIRST_MS;
	b->slots = slots;
	channel_start(&b->channel, ROLE_PARENT, ROLE_SM, MESSAGE_MOST);
	return b;
}

void broker_free(struct broker **b)
{
	if (!*b)
		return;
	if ((*b)->fd >= 0)
		close((*b)->fd);
	channel_end(&(*b)->channel);
	buf_free(&(*b)->expiries);
	mem_free(*b);
	*b = NULL;
}

static void down(struct broker *b, const char *cause)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	b->failed = true;
	channel_cut(&b->channel);
	if (!b->told_down)
		log_event(link_down, LOG_TEXT("cause", cause),
			LOG_TEXT("path", b->address.sun_path));
	b->told_down = true;
}

/* Takes sm for what it says that it is: our own user, or root. -1: not now; errno says why. */
static int connect_to_sm(const struct broker *b)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct ucred who = {0};
	socklen_t n = sizeof who;

	if (fd < 0)
		return -1;
	/* a Unix socket is connected at once, or not: EAGAIN says that sm's backlog is full */
	if (connect(fd, (const struct sockaddr *)&b->address, sizeof b->address) == 0 &&
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0) {
		if (who.uid == 0 || who.uid == geteuid())
			return fd;
		errno = EPERM;
	}
	n = (socklen_t)errno;
	close(fd);
	errno = (int)n;
	return -1;
}

static struct message introduction(unsigned slot, uint32_t incarnation, pid_t pid)
{
	struct message m = {.code = MSG_introduce};

	m.as.introduce.low = PROTO_VERSION_LOW;
	m.as.introduce.high = PROTO_VERSION_HIGH;
	m.as.introduce.slot = (uint16_t)slot;
	m.as.introduce.incarnation = incarnation;
	m.as.introduce.pid = (uint32_t)pid;
	return m;
}

/* the parent's own link */

static void write_out(struct broker *b)
{
	struct buf *out = &b->channel.out;

	while (out->n) {
		ssize_t n = send(b->fd, out->p, out->n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && out->n <= UNREAD_MOST)
			return;
		if (n < 0) {
			down(b, errno == EAGAIN ? "sm does not read" : strerror(errno));
			return;
		}
		buf_drop(out, (size_t)n);
	}
}

static void call_roll(struct broker *b)
{
	struct message m = {.code = MSG_roll_call};
	uint64_t *alive = mem_new((b->slots + 1) * sizeof *alive);
	size_t n = 0;

	for (unsigned i = 0; i < b->slots; i++)
		if (b->workers[i].incarnation)
			alive[n++] = b->workers[i].incarnation;
	m.as.roll_call.incarnations = list_of(alive, n);
	channel_send(&b->channel, &m);
	mem_free(alive);
	write_out(b);
}

static bool connect_own(struct broker *b)
{
	struct message m = introduction(PROTO_SLOT_PARENT, 0, getpid());

	b->fd = connect_to_sm(b);
	if (b->fd < 0) {
		down(b, strerror(errno));
		return false;
	}
	channel_send(&b->channel, &m);
	call_roll(b);
	return b->fd >= 0;
}

void broker_on_reload(struct broker *b, void (*reload)(void *ctx, uint64_t request))
{
	b->reload = reload;
}

void broker_expiries(struct broker *b, struct str lines)
{
	buf_clear(&b->expiries);
	buf_put(&b->expiries, lines);
}

/* Only queued: a message may be under way in the other direction. */
void broker_on_ban(struct broker *b,
	void (*ban)(void *ctx, struct network prefix, uint64_t seconds))
{
	b->ban = ban;
}

static void tell_reloaded(struct broker *b, uint64_t request, bool failed, struct str report)
{
	struct message m = {.code = MSG_reloaded};

	m.as.reloaded.request = request;
	m.as.reloaded.failed = failed;
	m.as.reloaded.report = report;
	m.as.reloaded.expiries = buf_str(&b->expiries);
	channel_send(&b->channel, &m);
}

void broker_reloaded(struct broker *b, uint64_t request, bool failed, struct str report)
{
	if (b->fd < 0)
		return; /* who asked is gone; the expiries are told at the next link */
	tell_reloaded(b, request, failed, report);
	write_out(b);
}

static void take_ban(const struct broker *b, const struct msg_ban *m)
{
	struct network prefix = {0};

	if (b->ban && (m->prefix.n == 0 || network_parse(m->prefix, &prefix)))
		b->ban(b->ctx, prefix, m->seconds);
}

static bool on_message(void *ctx, const struct message *m)
{
	struct broker *b = ctx;

	if (m->code == MSG_welcome) {
		unsigned version = m->as.welcome.version;

		if (hello_agree(PROTO_VERSION_LOW, PROTO_VERSION_HIGH, version, version) == 0) {
			log_event(link_refused,
				LOG_TEXT("cause",
					"sm speaks no version of the channel that we know"),
				LOG_U64("version", version));
			return false;
		}
		b->told_down = false;
		b->retry_ms = RETRY_FIRST_MS;
		log_event(link_up, LOG_TEXT("whose", "parent"), LOG_U64("version", version));
		if (b->expiries.n)
			tell_reloaded(b, 0, false, STR_NONE);
	} else if (m->code == MSG_expel) {
		b->expel(b->ctx, m->as.expel.incarnation);
	} else if (m->code == MSG_log_level && m->as.log_level.level <= LOG_DEBUG) {
		log_level_set((enum log_level)m->as.log_level.level); /* new workers inherit it */
	} else if (m->code == MSG_ban) {
		take_ban(b, &m->as.ban);
	} else if (m->code == MSG_reload && b->reload) {
		b->reload(b->ctx, m->as.reload.request);
	}
	return true; /* whatever else: meant for workers, or newer than we are */
}

static void read_in(struct broker *b)
{
	char bytes[4096];
	ssize_t n = recv(b->fd, bytes, sizeof bytes, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		down(b, n < 0 ? strerror(errno) : "sm closed it");
		return;
	}
	if (!channel_feed(&b->channel, str_at(bytes, (size_t)n), on_message, b)) {
		if (b->channel.fault)
			log_event(link_refused, LOG_TEXT("cause", b->channel.fault));
		down(b, "it broke the protocol");
	}
}

/* the workers' links */

void broker_worker_started(struct broker *b, unsigned slot, uint32_t incarnation, pid_t pid, int fd)
{
	b->workers[slot] = (struct broker_worker){.incarnation = incarnation, .pid = pid, .fd = fd};
	if (b->fd >= 0)
		call_roll(b);
}

void broker_worker_linked(struct broker *b, unsigned slot)
{
	b->workers[slot].link_at = 1;
}

void broker_worker_died(struct broker *b, unsigned slot)
{
	struct message m = {.code = MSG_worker_died};

	m.as.worker_died.incarnation = b->workers[slot].incarnation;
	b->workers[slot] = (struct broker_worker){.fd = -1};
	if (b->fd < 0)
		return; /* the next roll call will be without it */
	channel_send(&b->channel, &m);
	call_roll(b);
}

void broker_worker_wants_link(struct broker *b, unsigned slot)
{
	b->workers[slot].wants_link = b->workers[slot].incarnation != 0;
}

bool broker_settled(const struct broker *b)
{
	for (unsigned i = 0; i < b->slots; i++) {
		const struct broker_worker *w = &b->workers[i];

		if (w->incarnation && (w->wants_link || !w->link_at))
			return false;
	}
	return b->fd >= 0;
}

/* Writes the introduction on a link that is new and empty, so that all of it fits. */
static bool introduce(const struct broker *b, unsigned slot, int link)
{
	struct message m = introduction(slot, b->workers[slot].incarnation, b->workers[slot].pid);
	struct channel c;
	ssize_t n;
	bool whole;

	channel_start(&c, ROLE_PARENT, ROLE_SM, MESSAGE_MOST);
	channel_send(&c, &m);
	n = send(link, c.out.p, c.out.n, MSG_NOSIGNAL);
	whole = n >= 0 && (size_t)n == c.out.n;
	channel_end(&c);
	return whole;
}

static bool give_link(struct broker *b, unsigned slot, uint64_t now_ms)
{
	int link = connect_to_sm(b);
	bool given;

	if (link < 0)
		return false;
	given = introduce(b, slot, link) && parent_say(b->workers[slot].fd, PARENT_LINK, link);
	close(link);
	if (given) {
		b->workers[slot].wants_link = false;
		b->workers[slot].link_at = now_ms + LINK_EVERY_MS;
	}
	return given;
}

static void make_links(struct broker *b, uint64_t now_ms)
{
	if (b->fd < 0 && !connect_own(b))
		return;
	for (unsigned i = 0; i < b->slots; i++) {
		const struct broker_worker *w = &b->workers[i];

		if (w->wants_link && w->link_at <= now_ms && !give_link(b, i, now_ms))
			b->failed = true;
	}
}

/* When there is something to try; UINT64_MAX: never. */
static uint64_t next_try(const struct broker *b)
{
	uint64_t at = b->fd < 0 ? 0 : UINT64_MAX;

	for (unsigned i = 0; i < b->slots; i++)
		if (b->workers[i].wants_link && b->workers[i].link_at < at)
			at = b->workers[i].link_at;
	return at > b->retry_at ? at : b->retry_at;
}

static void wait_a_little(struct broker *b, uint64_t now_ms)
{
	b->failed = false;
	b->retry_at = now_ms + b->retry_ms;
	b->retry_ms = b->retry_ms * 2 < RETRY_LAST_MS ? b->retry_ms * 2 : RETRY_LAST_MS;
}

/* the parent's loop */

int broker_fd(const struct broker *b, short *events)
{
	*events = POLLIN | (b->channel.out.n ? POLLOUT : 0);
	return b->fd;
}

int broker_wait(const struct broker *b, uint64_t now_ms)
{
	uint64_t at = next_try(b);

	if (at == UINT64_MAX)
		return -1;
	return at > now_ms ? (int)(at - now_ms) : 0;
}

void broker_turn(struct broker *b, short happened, uint64_t now_ms)
{
	if (b->fd >= 0 && (happened & POLLOUT))
		write_out(b);
	if (b->fd >= 0 && (happened & (POLLIN | POLLHUP | POLLERR)))
		read_in(b);
	if (b->failed)
		wait_a_little(b, now_ms);
	if (next_try(b) > now_ms)
		return;
	make_links(b, now_ms);
	if (b->failed)
		wait_a_little(b, now_ms);
}

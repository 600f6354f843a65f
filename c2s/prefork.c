/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A plain poll loop over a signalfd, the broker's link and the workers' pairs.
 *
 * Every listening socket is made here, and stays open here: when a worker dies, its backlog waits
 * in the kernel for the next one in that slot. Sockets of the slots up to max-workers are bound at
 * start, while we may still be root, but listen only when their slot gets a worker, so that nobody
 * ever waits where no one serves. */
#include "c2s/prefork.h"
#include "c2s/parent.h"
#include "c2s/prefork_work.h"
#include "c2s/worker.h"
#include "common/log.h"
#include "common/log_sink.h"
#include "common/notify.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILL_AFTER_MS 2000   /* beyond shutdown-timeout: the worker does not hear us */
#define SM_PATIENCE_MS 10000 /* after which we are ready without sm: clients may wait here too */
#define WORDS_A_TURN 8       /* from one worker, so that none keeps us busy */

/* the loop */

static void announce(struct prefork *p)
{
	for (unsigned i = 0; i < p->workers; i++)
		if (!p->children[i].ready)
			return;
	if (p->announced)
		return;
	log_event(start, LOG_U64("workers", p->workers));
	p->announced = true;
	p->notify_at = prefork_now() + SM_PATIENCE_MS;
}

/* All workers serve, and are linked to sm; or they serve, and sm keeps us waiting. */
static void notify_when_ready(struct prefork *p, uint64_t now)
{
	bool settled = p->announced && broker_settled(p->broker);

	if (p->notify_at == UINT64_MAX || p->stopping || (!settled && now < p->notify_at))
		return;
	notify_ready(settled ? "serving" : "waiting for sm");
	p->notify_at = UINT64_MAX;
}

static void hear_child(struct prefork *p, unsigned slot)
{
	struct child *c = &p->children[slot];
	enum parent_word word;
	enum parent_heard heard = PARENT_WORD;

	for (int i = 0; i < WORDS_A_TURN && heard == PARENT_WORD; i++) {
		heard = parent_hear(c->fd, &word, NULL);
		if (heard != PARENT_WORD)
			break;
		if (word == PARENT_WANT_LINK && !p->stopping)
			broker_worker_wants_link(p->broker, slot);
		if (word == PARENT_TAKEN || word == PARENT_NOT_TAKEN)
			prefork_taken(p, slot, word == PARENT_TAKEN);
		c->ready |= word == PARENT_READY;
	}
	if (heard == PARENT_GONE) { /* it is ending; should it only pretend to, it is ended */
		prefork_drop_pair(c);
		kill(c->pid, SIGKILL);
	}
	announce(p);
}

/* Called while the broker reads: done at the end of the turn. */
static void want_reload(void *ctx, uint64_t request)
{
	struct prefork *p = ctx;

	p->reload.wanted = true;
	p->reload.wanted_by = request;
}

/* sm has heard of too many failed logins from there. */
static void ban(void *ctx, struct network prefix, uint64_t seconds)
{
	struct prefork *p = ctx;

	if (!prefix.family)
		door_unban_all(p->door);
	else if (network_is_peer(prefix)) /* a larger network's proofs are refused by sm alone */
		door_ban(p->door, door_key(prefix), seconds ? prefork_now() + seconds * 1000 : 0);
}

static void stop_all(struct prefork *p)
{
	if (p->stopping)
		return;
	p->stopping = true;
	notify_stopping();
	p->kill_at = prefork_now() + (uint64_t)p->conf->shutdown_timeout * 1000 + KILL_AFTER_MS;
	log_event(stop, LOG_TEXT("text", "asking the workers to end their streams"));
	for (unsigned i = 0; i < p->places; i++) {
		struct child *c = &p->children[i];

		if (c->pid && (c->fd < 0 || !parent_say(c->fd, PARENT_STOP, -1)))
			kill(c->pid, SIGTERM);
	}
}

static void kill_all(struct prefork *p)
{
	p->kill_at = UINT64_MAX;
	for (unsigned i = 0; i < p->places; i++)
		if (p->children[i].pid)
			kill(p->children[i].pid, SIGKILL);
}

static void take_signals(struct prefork *p)
{
	struct signalfd_siginfo s;

	while (read(p->signals, &s, sizeof s) == sizeof s) {
		if (s.ssi_signo == SIGCHLD)
			prefork_reap(p);
		else if (s.ssi_signo == SIGHUP)
			p->reload.wanted = true;
		else if (s.ssi_signo == SIGUSR2)
			p->upgrade = true;
		else
			stop_all(p);
	}
}

/* Confined workers open nothing: a new log file is handed to them. One that does not take it now
 * writes into the old one. */
static void follow_log(struct prefork *p)
{
	if (!log_sink_follow())
		return;
	for (unsigned i = 0; i < p->places; i++) {
		const struct child *c = &p->children[i];

		if (c->fd >= 0 && !parent_say(c->fd, PARENT_LOG, STDERR_FILENO))
			log_event(log_failed, LOG_U64("slot", i), LOG_TEXT("why", strerror(errno)));
	}
}

static bool any_alive(const struct prefork *p)
{
	for (unsigned i = 0; i < p->places; i++)
		if (p->children[i].pid)
			return true;
	return false;
}

/* ms until something is due; -1: nothing is. */
static int wait_for(const struct prefork *p, uint64_t now)
{
	uint64_t at = p->stopping ? p->kill_at : UINT64_MAX;
	int broker = broker_wait(p->broker, now), own = -1;

	for (unsigned i = 0; i < p->workers && !p->stopping; i++)
		if (!p->children[i].pid && p->children[i].start_at < at)
			at = p->children[i].start_at;
	if (!p->stopping && p->notify_at < at)
		at = p->notify_at;
	if (!p->stopping && p->tickets.rotate_at < at)
		at = p->tickets.rotate_at;
	if (at != UINT64_MAX)
		own = at > now ? (int)(at - now) : 0;
	if (broker < 0 || own < 0)
		return broker > own ? broker : own;
	return broker < own ? broker : own;
}

static void turn(struct prefork *p)
{
	struct pollfd fds[2 + PREFORK_PLACES_MOST];
	uint64_t now;

	fds[0] = (struct pollfd){.fd = p->signals, .events = POLLIN};
	fds[1].fd = broker_fd(p->broker, &fds[1].events);
	for (unsigned i = 0; i < p->places; i++)
		fds[2 + i] = (struct pollfd){.fd = p->children[i].fd, .events = POLLIN};
	if (poll(fds, 2 + p->places, log_sink_wait(wait_for(p, prefork_now()))) < 0) {
		CHECK(errno == EINTR);
		return;
	}
	/* words before ends, and both before the broker, which acts on them */
	for (unsigned i = 0; i < p->places; i++)
		if (fds[2 + i].revents && p->children[i].fd == fds[2 + i].fd)
			hear_child(p, i);
	if (fds[0].revents)
		take_signals(p);
	now = prefork_now();
	broker_turn(p->broker, fds[1].revents, now);
	if (p->reload.wanted)
		prefork_reload(p);
	if (p->upgrade)
		prefork_upgrade(p);
	prefork_tickets(p, now);
	prefork_start_due(p, now);
	notify_when_ready(p, now);
	follow_log(p);
	if (p->stopping && now >= p->kill_at)
		kill_all(p);
}

/* the beginning and the end */

static int catch_signals(void)
{
	sigset_t ours;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGHUP);
	sigaddset(&ours, SIGUSR2);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	return signalfd(-1, &ours, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void count_slots(struct prefork *p)
{
	p->workers = p->conf->workers ? (unsigned)p->conf->workers : service_cores();
	p->slots = p->conf->max_workers > p->workers ? (unsigned)p->conf->max_workers : p->workers;
	CHECK(p->slots <= SERVICE_WORKERS_MOST);
}

static void make_places(struct prefork *p)
{
	p->places = p->slots;
	p->children = mem_new(p->slots * sizeof *p->children);
	p->ports = mem_new(p->slots * sizeof *p->ports);
	for (unsigned i = 0; i < p->slots; i++)
		p->children[i].fd = -1;
}

/* Everything from the beginning, perhaps as root. */
static bool open_all(struct prefork *p, struct buf *why)
{
	count_slots(p);
	make_places(p);
	return service_start(&p->service, p->conf, why) &&
		listen_bind(p->conf, p->ports, p->slots, why);
}

static bool open_listeners(struct prefork *p, struct buf *why)
{
	for (unsigned i = 0; i < p->workers; i++) {
		if (listen_open(&p->ports[i]))
			continue;
		buf_printf(why, "%s:%d: listen: %s", p->conf->path, p->conf->line.listen,
			strerror(errno));
		return false;
	}
	return true;
}

/* Not before we are who we shall be: it is opened anew by that user. What cannot start is said on
 * standard error. */
static bool open_log(const struct conf *conf, struct buf *why)
{
	struct buf cause = {0};
	bool good = log_sink_open(conf->log, &cause);

	if (!good)
		buf_printf(why, "%s:%d: log: %s", conf->path, conf->line.log, buf_cstr(&cause));
	buf_free(&cause);
	return good;
}

static void introduce_us(struct prefork *p)
{
	struct buf expiries = {0};

	broker_on_reload(p->broker, want_reload);
	broker_on_ban(p->broker, ban);
	setup_expiries(p->setup, &expiries);
	broker_expiries(p->broker, buf_str(&expiries));
	buf_free(&expiries);
}

/* False: `why` is set; nothing is left open but what prefork_end closes. */
static bool prefork_start(struct prefork *p, struct buf *why)
{
	bool inherited = false;

	service_raise_limits();
	if (!prefork_inherit(p, &inherited, why) || (!inherited && !open_all(p, why)) ||
		!open_listeners(p, why))
		return false;
	if (!service_drop_root(p->conf, why) || !open_log(p->conf, why))
		return false;
	p->door = door_new(p->slots);
	p->signals = catch_signals();
	p->broker = broker_new(p->conf->run_directory, p->places, prefork_expel, p);
	if (!p->broker)
		buf_printf(why, "%s:%d: run-directory: too long a path for a socket in it",
			p->conf->path, p->conf->line.run_directory);
	else
		introduce_us(p);
	if (p->broker)
		prefork_drain(p);
	prefork_tickets(p, prefork_now());
	return p->broker && p->signals >= 0;
}

static void prefork_end(struct prefork *p)
{
	broker_free(&p->broker);
	door_free(&p->door);
	if (p->signals >= 0)
		close(p->signals);
	listen_close(p->ports, p->slots);
	service_end(&p->service);
	prefork_reload_end(p);
	tickets_wipe(&p->tickets);
	buf_free(&p->program);
	mem_free(p->ports);
	mem_free(p->children);
}

int prefork_run(struct setup **setup)
{
	struct prefork p = {.conf = (*setup)->conf,
		.setup = *setup,
		.signals = -1,
		.notify_at = UINT64_MAX,
		.service.lock = -1};
	struct buf why = {0};
	int status = EXIT_SUCCESS;

	*setup = NULL;
	prefork_upgrade_note(&p);
	if (prefork_start(&p, &why)) {
		prefork_start_due(&p, prefork_now());
		while (!p.stopping || any_alive(&p))
			turn(&p);
		log_event(stop, LOG_U64("workers", p.workers));
	} else {
		log_event(config, LOG_STR("cause", buf_str(&why)));
		status = EXIT_FAILURE;
	}
	prefork_end(&p);
	buf_free(&why);
	return status;
}

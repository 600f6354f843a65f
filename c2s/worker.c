/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From fork to exit: warm up, put up the sandbox, serve the slot's listeners, and leave when the
 * parent says so. Listeners are accepted from here and not by uv_listen, which would close every
 * waiting connection when descriptors run out. */
#include "c2s/worker.h"
#include "c2s/confine.h"
#include "c2s/conn_admit.h"
#include "c2s/key_cache.h"
#include "c2s/parent.h"
#include "common/log.h"
#include "common/log_sink.h"
#include "common/table.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_BATCH 16      /* from one listener in one turn, so that nobody starves */
#define ACCEPT_PAUSE_MS 500  /* when the system has no descriptors or no memory for us */
#define DESCRIPTORS_APART 96 /* of the limit: all that is not a client, and who is refused */
#define POOL_THREADS "2"     /* for PBKDF2; there is a worker on each core already */

struct life;

struct listener {
	uv_poll_t poll;
	struct life *life;
	int fd;
	bool direct_tls;
};

struct life {
	struct worker worker;
	const struct worker_start *start;
	struct listener *listeners;
	size_t listener_count;
	uv_poll_t parent;
	uv_signal_t term;
	uv_prepare_t turn;    /* runs while the end is waited for */
	struct timer respite; /* set: accepting pauses because the system lacks something */
	struct timer grace;   /* shutdown-timeout */
	struct timer drain;   /* drain-timeout */
	bool draining;        /* no new connections, and the end when the last one has gone */
	bool accepting, over;
};

static struct life *life_of(struct worker *w)
{
	return (struct life *)((char *)w - offsetof(struct life, worker));
}

/* accepting */

static void on_listener(uv_poll_t *poll, int status, int events);

static void accept_all(struct life *l, bool on)
{
	l->accepting = on;
	for (size_t i = 0; i < l->listener_count; i++) {
		int failed = on ? uv_poll_start(&l->listeners[i].poll, UV_READABLE, on_listener)
				: uv_poll_stop(&l->listeners[i].poll);

		CHECK(!failed);
	}
}

/* For good. The descriptors too: should the parent be gone, its successor wants these addresses. */
static void close_listeners(struct life *l)
{
	l->accepting = false;
	for (size_t i = 0; i < l->listener_count; i++) {
		if (uv_is_closing((uv_handle_t *)&l->listeners[i].poll))
			continue;
		uv_close((uv_handle_t *)&l->listeners[i].poll, NULL);
		close(l->listeners[i].fd);
	}
}

/* Accepts again when nothing speaks against it any more. */
static void accept_again(struct life *l)
{
	if (!l->accepting && !l->respite.link && !l->worker.stopping && !l->draining)
		accept_all(l, true);
}

static void on_respite(struct timer *t)
{
	accept_again((struct life *)((char *)t - offsetof(struct life, respite)));
}

static void pause_for_the_system(struct life *l, int why)
{
	log_event(refuse, LOG_TEXT("cause", strerror(why)), LOG_U64("slot", l->worker.slot),
		LOG_U64("connections", l->worker.connections));
	accept_all(l, false);
	wheel_set(&l->worker.wheel, &l->respite, ACCEPT_PAUSE_MS, on_respite);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
	struct listener *from = (struct listener *)poll;
	struct life *l = from->life;

	(void)events;
	for (int i = 0; i < ACCEPT_BATCH && status == 0 && l->accepting; i++) {
		struct sockaddr_storage client = {0};
		struct sockaddr *address = (struct sockaddr *)&client;
		socklen_t n = sizeof client;
		int fd = accept4(from->fd, address, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			conn_accept(&l->worker, fd, address, from->direct_tls);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			pause_for_the_system(l, errno);
			return;
		}
		/* else it was about that one connection (accept(2), "Error handling") */
	}
}

/* the parent, and the end */

static void stop(struct life *l);

/* Once a turn while stopping or draining: has the last connection gone, and does sm know what it
 * said? */
static void on_turn(uv_prepare_t *turn)
{
	struct life *l = turn->data;

	if (l->draining && l->worker.connections == 0)
		stop(l);
	if (!l->worker.stopping)
		return;
	if (l->worker.connections == 0 && smlink_settled(l->worker.smlink))
		l->over = true;
	if (l->over)
		uv_stop(&l->worker.loop);
}

static void on_grace(struct timer *t)
{
	struct life *l = (struct life *)((char *)t - offsetof(struct life, grace));

	l->over = true;
}

static void stop(struct life *l)
{
	struct worker *w = &l->worker;

	if (w->stopping)
		return;
	w->stopping = true;
	close_listeners(l);
	wheel_set(&w->wheel, &l->grace, (uint64_t)w->conf->shutdown_timeout * 1000, on_grace);
	uv_prepare_start(&l->turn, on_turn);
	conn_stop_all(w);
}

static void on_drained(struct timer *t)
{
	stop((struct life *)((char *)t - offsetof(struct life, drain)));
}

/* After an upgrade: our successor takes the new clients, ours may stay for a while. */
static void drain(struct life *l)
{
	struct worker *w = &l->worker;

	smlink_ask_again(w->smlink);
	if (w->stopping || l->draining)
		return;
	l->draining = true;
	close_listeners(l);
	log_event(upgrade, LOG_U64("slot", w->slot), LOG_U64("keeps", w->connections));
	wheel_set(&w->wheel, &l->drain, (uint64_t)w->conf->drain_timeout * 1000, on_drained);
	uv_prepare_start(&l->turn, on_turn);
}

static void on_term(uv_signal_t *term, int number)
{
	(void)number;
	stop(term->data);
}

static void say(struct life *l, enum parent_word word)
{
	/* The parent reads faster than one worker asks; when it is gone, on_parent hears of it. */
	if (!parent_say(l->start->parent_fd, word, -1))
		log_event(link_down, LOG_TEXT("cause", "the parent does not listen"),
			LOG_U64("slot", l->worker.slot));
}

static unsigned mark_of(const struct conf *conf)
{
	struct rlimit files;
	rlim_t room = 0;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > DESCRIPTORS_APART)
		room = files.rlim_cur - DESCRIPTORS_APART;
	if (conf->connections_per_worker && (rlim_t)conf->connections_per_worker < room)
		room = (rlim_t)conf->connections_per_worker;
	return room < UINT_MAX / 2 ? (unsigned)room : UINT_MAX / 2;
}

/* Takes connections under the terms of this setup from now on. False: it cannot be used; `why`. */
static bool set_terms(struct worker *w, struct setup **setup, struct buf *why)
{
	struct terms *terms;

	if (w->conf)
		conf_inherit((*setup)->conf, w->conf);
	terms = terms_new(setup, w->tickets, why);
	if (!terms)
		return false;
	terms_drop(&w->terms);
	w->terms = terms;
	w->conf = terms->conf;
	w->most_connections = mark_of(w->conf);
	w->most_negotiating = (unsigned)w->conf->negotiations_per_worker;
	key_cache_limit(w->keys, (size_t)w->conf->password_cache);
	log_level_set((enum log_level)w->conf->log_level);
	return true;
}

/* A reload: `memory` has what to work with. It is new connections that notice. */
static void take_setup(struct life *l, int memory)
{
	struct buf why = {0};
	struct setup *setup = setup_unseal(memory, &why);
	bool taken = setup && set_terms(&l->worker, &setup, &why);

	close(memory);
	if (!taken)
		log_event(reload_failed, LOG_U64("slot", l->worker.slot),
			LOG_STR("why", buf_str(&why)));
	buf_free(&why);
	say(l, taken ? PARENT_TAKEN : PARENT_NOT_TAKEN);
}

/* Without the new keys tickets of other workers are of no use here, and ours there. */
static void take_tickets(struct life *l, int memory)
{
	if (!tickets_unseal(l->worker.tickets, memory))
		log_event(ticket_keys_lost, LOG_U64("slot", l->worker.slot));
	close(memory);
}

static void on_parent(uv_poll_t *poll, int status, int events)
{
	struct life *l = poll->data;
	enum parent_word word;
	enum parent_heard heard = status == 0 ? PARENT_WORD : PARENT_GONE;
	int passed = -1;

	(void)events;
	while (heard == PARENT_WORD) {
		heard = parent_hear(l->start->parent_fd, &word, &passed);
		if (heard != PARENT_WORD)
			break;
		if (word == PARENT_STOP)
			stop(l);
		else if (word == PARENT_DRAIN)
			drain(l);
		else if (word == PARENT_LINK && passed >= 0)
			smlink_attach(l->worker.smlink, passed);
		else if (word == PARENT_LOG && passed >= 0)
			log_sink_take(passed);
		else if (word == PARENT_SETUP && passed >= 0)
			take_setup(l, passed);
		else if (word == PARENT_TICKETS && passed >= 0)
			take_tickets(l, passed);
		else if (passed >= 0)
			close(passed);
	}
	if (heard == PARENT_GONE) {
		uv_poll_stop(poll);
		stop(l); /* nobody would give us a link to sm, or hear of our end */
	}
}

void worker_want_link(struct worker *w)
{
	say(life_of(w), PARENT_WANT_LINK);
}

/* After four thousand million connections the numbers are used up: the next worker in this slot has
 * an incarnation, and so numbers, of its own. */
uint64_t worker_conn_id(struct worker *w)
{
	uint64_t id = (uint64_t)w->incarnation << 32 | w->next_conn++;

	if (!w->next_conn)
		stop(life_of(w));
	return id;
}

/* the beginning */

static void nothing(uv_work_t *work)
{
	(void)work;
}

static void nothing_after(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
}

/* What the sandbox will forbid. The thread pool starts at its first work, all of it. The loop wants
 * a spare descriptor with its first stream, and would try to open one with each that follows. */
static void warm_up(uv_loop_t *loop)
{
	uv_work_t work;
	uv_tcp_t stream;
	int failed;

	failed = uv_tcp_init(loop, &stream);
	CHECK(!failed);
	uv_close((uv_handle_t *)&stream, NULL);
	setenv("UV_THREADPOOL_SIZE", POOL_THREADS, 0);
	failed = uv_queue_work(loop, &work, nothing, nothing_after);
	CHECK(!failed);
	uv_run(loop, UV_RUN_DEFAULT);
}

static void put_up_sandbox(void)
{
	switch (confine()) {
	case CONFINE_DONE:
		break;
	case CONFINE_OFF:
		log_event(confine_failed, LOG_TEXT("cause", "this build is for tests: no sandbox"));
		break;
	case CONFINE_FAILED:
		log_event(confine_failed, LOG_TEXT("cause", strerror(errno)));
		break;
	}
}

static void set_signals(void)
{
	sigset_t none;

	signal(SIGINT, SIG_IGN); /* Ctrl-C reaches us too; the parent decides the order of things */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* False: a certificate cannot be used, and the log says so. */
static bool set_first_terms(struct worker *w, const struct worker_start *start)
{
	struct setup *setup = start->setup;
	struct buf why = {0};
	bool good = set_terms(w, &setup, &why);

	if (!good)
		log_event(config, LOG_STR("cause", buf_str(&why)));
	buf_free(&why);
	return good;
}

static void add_listener(struct life *l, int fd, bool direct_tls)
{
	struct listener *one = &l->listeners[l->listener_count++];
	int failed = uv_poll_init(&l->worker.loop, &one->poll, fd);

	CHECK(!failed);
	one->life = l;
	one->fd = fd;
	one->direct_tls = direct_tls;
}

static void open_handles(struct life *l)
{
	uv_loop_t *loop = &l->worker.loop;
	const struct worker_start *s = l->start;
	bool failed = uv_poll_init(loop, &l->parent, s->parent_fd) ||
		uv_signal_init(loop, &l->term) || uv_prepare_init(loop, &l->turn) ||
		uv_idle_init(loop, &l->worker.share);

	CHECK(!failed);
	l->parent.data = l->term.data = l->turn.data = l;
	l->worker.share.data = &l->worker;
	failed = uv_poll_start(&l->parent, UV_READABLE, on_parent) ||
		uv_signal_start(&l->term, on_term, SIGTERM);
	CHECK(!failed);
	wheel_start(&l->worker.wheel, loop);
	conn_admit_start(&l->worker);
	l->listeners = mem_new((s->listener_count + s->tls_listener_count) * sizeof *l->listeners);
	for (size_t i = 0; i < s->listener_count; i++)
		add_listener(l, s->listeners[i], false);
	for (size_t i = 0; i < s->tls_listener_count; i++)
		add_listener(l, s->tls_listeners[i], true);
}

static void close_handles(struct life *l)
{
	uv_close((uv_handle_t *)&l->parent, NULL);
	uv_close((uv_handle_t *)&l->term, NULL);
	uv_close((uv_handle_t *)&l->turn, NULL);
	uv_close((uv_handle_t *)&l->worker.share, NULL);
	close_listeners(l);
	wheel_stop(&l->worker.wheel);
	conn_admit_stop(&l->worker);
}

static void life_start(struct life *l, const struct worker_start *start)
{
	struct worker *w = &l->worker;
	int failed = uv_loop_init(&w->loop);

	CHECK(!failed);
	l->start = start;
	w->loop.data = w;
	w->slot = start->slot;
	w->incarnation = start->incarnation;
	w->door = start->door;
	w->next_conn = 1;
	w->conns = table_new();
	w->read_buffer = mem_new(WORKER_READ_BYTES);
	warm_up(&w->loop);
	open_handles(l);
	w->smlink = smlink_new(w);
}

/* After the last connection has gone. What did not go in time is left to the kernel: the process
 * ends. */
static void life_end(struct life *l)
{
	struct worker *w = &l->worker;

	smlink_free(&w->smlink);
	sm_terms_end(&w->sm);
	key_cache_free(&w->keys);
	tickets_wipe(w->tickets);
	close_handles(l);
	if (w->connections)
		return;
	uv_run(&w->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&w->loop) != 0)
		return;
	conn_admit_end(w);
	terms_drop(&w->terms);
	table_free(&w->conns);
	mem_free(w->read_buffer);
	mem_free(l->listeners);
}

int worker_run(const struct worker_start *start)
{
	static struct life life; /* one a process */
	struct life *l = &life;

	set_signals();
	l->worker.keys = key_cache_new();
	l->worker.tickets = start->tickets;
	if (!set_first_terms(&l->worker, start))
		return EXIT_FAILURE;
	life_start(l, start);
	put_up_sandbox();
	say(l, PARENT_READY);
	worker_want_link(&l->worker);
	accept_all(l, true);
	while (!l->over)
		uv_run(&l->worker.loop, UV_RUN_DEFAULT);
	life_end(l);
	return EXIT_SUCCESS;
}

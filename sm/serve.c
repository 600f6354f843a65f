/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The parent decides nothing and touches no database, so that it has nothing to crash of. When the
 * child dies, the listening sockets stay open here: whoever connects meanwhile waits in their
 * backlog. */
#include "sm/serve.h"

#include "common/conf_change.h"
#include "common/log.h"
#include "common/log_sink.h"
#include "common/notify.h"
#include "sm/guard.h"
#include "sm/house.h"
#include "sm/run_directory.h"
#include "sm/upgrade.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_MOST_MS 5000
#define STEADY_MS 10000 /* a child that lived so long begins with no back-off again */
#define EXIT_CANNOT 71  /* sysexits.h EX_OSERR */

struct parent {
	const struct conf *conf;
	struct conf *own_conf; /* the same, after a reload; before it, NULL: our caller's */
	struct run_directory run;
	sigset_t signals;
	pid_t child;
	int64_t child_since; /* monotonic ms */
	int64_t start_at;    /* when the next child is due */
	unsigned back_off;   /* ms */
	bool stopping;
	bool announced; /* whoever started us knows that we are ready */
	int status;     /* of the child that ended in order */
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void raise_limits(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return;
	l.rlim_cur = l.rlim_max;
	(void)!setrlimit(RLIMIT_NOFILE, &l);
	log_event(limits, LOG_U64("descriptors", l.rlim_cur));
}

/* the child */

/* To the parent: the child answers. */
static void tell_ready(void)
{
	kill(getppid(), SIGUSR2);
}

/* To the parent: the configuration is another. */
static void tell_reloaded(void)
{
	kill(getppid(), SIGUSR1);
}

/* Without its parent nobody would hold its sockets or end it, and another sm could not start.
 * Killing loses nothing: that is what the turn log is for. */
static void be_child(struct parent *p, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EXIT_CANNOT);
	sigdelset(&p->signals, SIGHUP); /* waits until it can be served */
	sigprocmask(SIG_UNBLOCK, &p->signals, NULL);
	exit(house_run(p->conf, p->run.c2s_fd, p->run.control_fd, tell_ready, tell_reloaded));
}

static void start_child(struct parent *p)
{
	pid_t us = getpid();
	pid_t pid = fork();

	if (pid == 0)
		be_child(p, us);
	if (pid < 0) {
		log_event(internal, LOG_TEXT("what", "fork"), LOG_TEXT("why", strerror(errno)));
		p->start_at = now_ms() + BACK_OFF_MOST_MS;
		return;
	}
	p->child = pid;
	p->child_since = now_ms();
	log_event(child_start, LOG_U64("pid", pid));
}

/* At once the first time, then slower and slower while it keeps dying early. */
static void plan_restart(struct parent *p)
{
	if (now_ms() - p->child_since > STEADY_MS)
		p->back_off = 0;
	p->start_at = now_ms() + p->back_off;
	p->back_off = p->back_off ? p->back_off * 2 : BACK_OFF_FIRST_MS;
	if (p->back_off > BACK_OFF_MOST_MS)
		p->back_off = BACK_OFF_MOST_MS;
}

/* A fault that was asked for is for one child: one that dies at its first turn would have no
 * successor that lives. */
static void spend_fault(void)
{
#ifdef FAULTS
	unsetenv("GATEHOUSE_FAULT");
#endif
}

static void note_end(struct parent *p, int status)
{
	p->child = 0;
	spend_fault();
	if (WIFEXITED(status) && (p->stopping || WEXITSTATUS(status) != 0))
		p->status = WEXITSTATUS(status);
	if (p->stopping)
		return;
	if (WIFSIGNALED(status))
		log_event(child_end, LOG_TEXT("signal", strsignal(WTERMSIG(status))));
	else
		log_event(child_end, LOG_U64("status", WEXITSTATUS(status)));
	/* What the first cannot do at its start (the database is of a newer schema, say), the next
	 * cannot either. When one has served, it is the disk or the like, and that may change: our
	 * clients wait meanwhile. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == HOUSE_CANNOT_START && !p->announced)
		p->stopping = true;
	else
		plan_restart(p);
}

static void reap(struct parent *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == p->child)
			note_end(p, status);
	}
}

/* the loop */

static void stop(struct parent *p)
{
	p->stopping = true;
	notify_stopping();
	if (p->child)
		kill(p->child, SIGTERM);
}

/* The next child begins with what is in effect in this one. What it may open is what it was. */
static void take_conf(struct parent *p)
{
	struct buf why = {0};
	struct conf *next = conf_load(p->conf->path, &why);

	if (next) {
		conf_inherit(next, p->conf);
		conf_free(&p->own_conf);
		p->conf = p->own_conf = next;
		log_level_set((enum log_level)next->log_level);
	} else {
		log_event(reload_failed, LOG_STR("why", buf_str(&why)));
	}
	buf_free(&why);
}

static void reload(struct parent *p)
{
	if (p->child)
		kill(p->child, SIGHUP); /* which tells us when it has taken it */
	else
		take_conf(p);
}

/* From our child: it is ready. From anybody else who may: an upgrade. */
static void announce(struct parent *p, const siginfo_t *from)
{
	if (from->si_pid != p->child && !p->stopping)
		upgrade(&p->run, p->conf, p->child);
	if (from->si_pid != p->child || p->announced)
		return;
	p->announced = true;
	notify_ready("serving");
}

static void wait_for_signal(struct parent *p)
{
	siginfo_t from;
	int64_t wait = p->child ? BACK_OFF_MOST_MS : p->start_at - now_ms();
	struct timespec t;

	if (wait < 0)
		wait = 0;
	wait = log_sink_wait((int)wait);
	t = (struct timespec){wait / 1000, wait % 1000 * 1000000};
	switch (sigtimedwait(&p->signals, &from, &t)) {
	case SIGTERM:
	case SIGINT:
		stop(p);
		break;
	case SIGHUP:
		reload(p);
		break;
	case SIGUSR1:
		if (from.si_pid == p->child)
			take_conf(p);
		break;
	case SIGUSR2:
		announce(p, &from);
		break;
	default: /* SIGCHLD, or the time is over */
		break;
	}
	reap(p);
}

static int run(struct parent *p)
{
	while (!p->stopping || p->child) {
		if (!p->child && !p->stopping && now_ms() >= p->start_at)
			start_child(p);
		wait_for_signal(p);
		log_sink_follow();
	}
	return p->status;
}

/* False: `why`. The child of a predecessor is asked to go; another one of ours follows, at once,
 * and the workers join that. */
static bool open_all(struct parent *p, struct buf *why)
{
	if (!upgrade_inherit(&p->run, p->conf, &p->child, why))
		return !why->n && run_directory_open(&p->run, p->conf, why);
	p->child_since = now_ms();
	if (p->child)
		kill(p->child, SIGTERM);
	return true;
}

int serve(const struct conf *conf, const char *conf_path)
{
	struct parent p = {.conf = conf};
	struct buf why = {0};

	sigemptyset(&p.signals);
	sigaddset(&p.signals, SIGTERM);
	sigaddset(&p.signals, SIGINT);
	sigaddset(&p.signals, SIGCHLD);
	sigaddset(&p.signals, SIGHUP);
	sigaddset(&p.signals, SIGUSR1);
	sigaddset(&p.signals, SIGUSR2);
	sigprocmask(SIG_BLOCK, &p.signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is a full disk, not an end */
	upgrade_note();
	if (!open_all(&p, &why) || !log_sink_open(conf->log, &why)) {
		log_event(config, LOG_TEXT("file", conf_path), LOG_STR("why", buf_str(&why)));
		buf_free(&why);
		return EXIT_CANNOT;
	}
	raise_limits();
	guard_share();
	log_event(start, LOG_TEXT("conf", conf_path), LOG_TEXT("run", conf->run_directory),
		LOG_U64("uid", geteuid()));
	p.status = 0;
	run(&p);
	run_directory_close(&p.run);
	conf_free(&p.own_conf);
	log_event(stop, LOG_U64("status", p.status));
	return p.status;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A worker's beginning and end, as its parent has them. */
#include "c2s/parent.h"
#include "c2s/prefork_work.h"
#include "c2s/worker.h"
#include "common/log.h"
#include "common/log_sink.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS 100
#define BACKOFF_LAST_MS 5000
#define BACKOFF_FORGET_MS 10000 /* of life, after which an end was not one at the start */

uint64_t prefork_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* starting a worker */

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes whatever is not for this worker: other workers' pairs, above all, whose end would never be
 * seen otherwise. */
static void close_others(const struct listen_slot *ports, int pair)
{
	size_t n = 0;
	int *keep = mem_new((ports->starttls_n + ports->tls_n + 2) * sizeof *keep);
	unsigned from = STDERR_FILENO + 1;

	keep[n++] = pair;
	if (log_sink_socket() >= 0)
		keep[n++] = log_sink_socket();
	for (size_t i = 0; i < ports->starttls_n; i++)
		keep[n++] = ports->starttls[i];
	for (size_t i = 0; i < ports->tls_n; i++)
		keep[n++] = ports->tls[i];
	qsort(keep, n, sizeof *keep, compare_fds);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned)keep[i] > from)
			close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	close_range(from, ~0U, 0);
	mem_free(keep);
}

static noreturn void be_worker(struct prefork *p, unsigned slot, int pair)
{
	const struct child *c = &p->children[slot];
	const struct listen_slot *ports = &p->ports[slot];
	const struct worker_start start = {
		.setup = p->setup,
		.tickets = &p->tickets,
		.door = p->door,
		.slot = (uint16_t)slot,
		.incarnation = c->incarnation,
		.parent_fd = pair,
		.listeners = ports->starttls,
		.listener_count = ports->starttls_n,
		.tls_listeners = ports->tls,
		.tls_listener_count = ports->tls_n,
	};

	close_others(ports, pair);
	exit(worker_run(&start));
}

static void try_again_later(struct child *c)
{
	c->backoff_ms = c->backoff_ms ? c->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (c->backoff_ms > BACKOFF_LAST_MS)
		c->backoff_ms = BACKOFF_LAST_MS;
	c->start_at = prefork_now() + c->backoff_ms;
}

static void start_child(struct prefork *p, unsigned slot)
{
	struct child *c = &p->children[slot];
	int pair[2];
	pid_t pid;

	if (!parent_pair(pair)) {
		log_event(internal, LOG_TEXT("cause", strerror(errno)), LOG_U64("slot", slot));
		try_again_later(c);
		return;
	}
	c->incarnation = service_incarnation(&p->service);
	c->ready = false;
	c->passed = 0;
	pid = fork();
	if (pid == 0)
		be_worker(p, slot, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		log_event(internal, LOG_TEXT("cause", strerror(errno)), LOG_U64("slot", slot));
		close(pair[0]);
		try_again_later(c);
		return;
	}
	c->pid = pid;
	c->fd = pair[0];
	c->started_at = prefork_now();
	broker_worker_started(p->broker, slot, c->incarnation, pid, c->fd);
	log_event(child_start, LOG_U64("slot", slot), LOG_I64("pid", pid),
		LOG_U64("incarnation", c->incarnation));
}

void prefork_start_due(struct prefork *p, uint64_t now)
{
	for (unsigned i = 0; i < p->workers && !p->stopping; i++)
		if (!p->children[i].pid && p->children[i].start_at <= now)
			start_child(p, i);
}

/* the end of a worker */

void prefork_drop_pair(struct child *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void log_end(const struct prefork *p, unsigned slot, int status)
{
	const struct log_field in_slot = LOG_U64("slot", slot);
	const struct log_field pid = LOG_I64("pid", p->children[slot].pid);

	if (WIFSIGNALED(status))
		log_event(child_end, in_slot, pid, LOG_TEXT("signal", strsignal(WTERMSIG(status))));
	else if ((p->stopping || slot >= p->slots) && WEXITSTATUS(status) == 0)
		log_event(stop, in_slot, pid);
	else
		log_event(child_end, in_slot, pid, LOG_I64("status", WEXITSTATUS(status)));
}

static void child_ended(struct prefork *p, unsigned slot, int status)
{
	struct child *c = &p->children[slot];

	log_end(p, slot, status);
	if (slot < p->slots) /* one that was inherited has a door of its own */
		door_forget(p->door, slot);
	broker_worker_died(p->broker, slot);
	prefork_drop_pair(c);
	c->pid = 0;
	prefork_untaken(p, slot);
	if (prefork_now() - c->started_at >= BACKOFF_FORGET_MS)
		c->backoff_ms = 0;
	try_again_later(c);
}

void prefork_reap(struct prefork *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < p->places; i++)
			if (p->children[i].pid == pid)
				child_ended(p, i, status);
}

void prefork_expel(void *ctx, uint32_t incarnation)
{
	struct prefork *p = ctx;

	for (unsigned i = 0; i < p->places; i++) {
		if (!p->children[i].pid || p->children[i].incarnation != incarnation)
			continue;
		log_event(link_refused, LOG_TEXT("cause", "sm wants this worker gone"),
			LOG_U64("slot", i), LOG_I64("pid", p->children[i].pid));
		kill(p->children[i].pid, SIGKILL);
	}
}

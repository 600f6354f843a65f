/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See meter.h. */
#include "t/bench/meter.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_NS (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK))

/* The start of a file under /proc; false: the process is gone. */
static bool slurp(const char *path, char *out, size_t room)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(out, 1, room - 1, f) : 0;

	out[n] = 0;
	if (f)
		fclose(f);
	return n > 0;
}

/* Time on a core, time waiting for one, and how often it was put there. */
static void read_schedstat(struct meter_process *p, const char *tid)
{
	char path[300], text[128];
	uint64_t cpu, waited, wakes;

	snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)p->pid, tid);
	if (!slurp(path, text, sizeof text) ||
		sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &cpu, &waited, &wakes) != 3)
		return;
	p->cpu += cpu;
	p->wakes += wakes;
}

/* read and write of any file; not send, recv and their like. */
static void read_calls(struct meter_process *p)
{
	char path[64], text[512];
	const char *calls;

	snprintf(path, sizeof path, "/proc/%d/io", (int)p->pid);
	if (!slurp(path, text, sizeof text) || !(calls = strstr(text, "syscr:")) ||
		sscanf(calls, "syscr: %" SCNu64, &p->calls) != 1 || !(calls = strstr(calls, "syscw:")))
		return;
	p->calls += strtoull(calls + strlen("syscw:"), NULL, 10);
}

static void add_children(struct meter *m, pid_t pid, const char *tid);

/* Threads' times and threads' children. */
static void read_threads(struct meter *m, struct meter_process *p)
{
	char path[64];
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", (int)p->pid);
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		read_schedstat(p, e->d_name);
		add_children(m, p->pid, e->d_name);
	}
	if (d)
		closedir(d);
}

/* proc(5): fields 2, 16 and 17 of stat: name, cutime, cstime. */
static void read_stat(struct meter_process *p)
{
	char path[64], text[1024];
	char *name, *rest;
	uint64_t user = 0, kernel = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)p->pid);
	if (!slurp(path, text, sizeof text) || !(name = strchr(text, '(')) || !(rest = strrchr(text, ')')))
		return;
	*rest = 0;
	snprintf(p->name, sizeof p->name, "%s%s", name + 1, p->root ? "" : " (child)");
	if (sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user,
		    &kernel) == 2)
		p->gone = (user + kernel) * TICK_NS;
}

static void add_process(struct meter *m, pid_t pid, bool root)
{
	struct meter_process *p = &m->process[m->n];

	CHECK(m->n < METER_PROCESSES);
	m->n++;
	*p = (struct meter_process){.pid = pid, .root = root};
	read_stat(p);
	read_calls(p);
	read_threads(m, p);
}

static void add_children(struct meter *m, pid_t pid, const char *tid)
{
	char path[300], text[4096];

	snprintf(path, sizeof path, "/proc/%d/task/%s/children", (int)pid, tid);
	if (!slurp(path, text, sizeof text))
		return;
	for (char *at = text, *end; *at; at = end) {
		long child = strtol(at, &end, 10);

		if (end == at)
			break;
		add_process(m, (pid_t)child, false);
	}
}

void meter_read(struct meter *m, const pid_t *roots, size_t n)
{
	m->n = 0;
	for (size_t i = 0; i < n; i++)
		add_process(m, roots[i], true);
}

const struct meter_process *meter_before(const struct meter *before, const struct meter *now, size_t i)
{
	for (size_t k = 0; k < before->n; k++)
		if (before->process[k].pid == now->process[i].pid)
			return &before->process[k];
	return NULL;
}

uint64_t meter_spent_by(const struct meter *before, const struct meter *now, size_t i)
{
	const struct meter_process *p = &now->process[i], *old = meter_before(before, now, i);
	uint64_t then = old ? old->cpu + old->gone : 0;

	/* a thread that ended takes its time with it */
	return p->cpu + p->gone > then ? p->cpu + p->gone - then : 0;
}

uint64_t meter_spent(const struct meter *before, const struct meter *now)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < now->n; i++)
		sum += meter_spent_by(before, now, i);
	return sum;
}

static uint64_t memory_of(pid_t pid)
{
	char path[64], text[4096];
	const char *pss;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	if (!slurp(path, text, sizeof text) || !(pss = strstr(text, "\nPss:")))
		return 0;
	return strtoull(pss + 5, NULL, 10) * 1024;
}

uint64_t meter_memory(const struct meter *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->n; i++)
		sum += memory_of(m->process[i].pid);
	return sum;
}

/* proc(5) */
static uint64_t own_of(pid_t pid)
{
	char path[64], text[4096];
	const char *own;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	if (!slurp(path, text, sizeof text) || !(own = strstr(text, "\nRssAnon:")))
		return 0;
	return strtoull(own + 9, NULL, 10) * 1024;
}

uint64_t meter_own(const struct meter *m)
{
	uint64_t most = 0;

	for (size_t i = 0; i < m->n; i++) {
		uint64_t own = own_of(m->process[i].pid);

		most = own > most ? own : most;
	}
	return most;
}

/* Exact below HISTOGRAM_PART; above, each doubling has HISTOGRAM_PART / 2 steps. */
static size_t step_of(uint64_t value)
{
	unsigned shift = 0;

	while (value >> shift >= HISTOGRAM_PART)
		shift++;
	return shift * (HISTOGRAM_PART / 2) + (size_t)(value >> shift);
}

static uint64_t value_of(size_t step)
{
	size_t shift;

	if (step < HISTOGRAM_PART)
		return step;
	shift = (step - HISTOGRAM_PART / 2) / (HISTOGRAM_PART / 2);
	return (uint64_t)(step - shift * (HISTOGRAM_PART / 2)) << shift;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	size_t step = step_of(value);

	h->count[step < COUNT(h->count) ? step : COUNT(h->count) - 1]++;
	h->n++;
	if (value > h->most)
		h->most = value;
}

uint64_t histogram_at(const struct histogram *h, double part)
{
	uint64_t wanted = (uint64_t)((double)h->n * part), seen = 0;

	for (size_t i = 0; i < COUNT(h->count); i++) {
		seen += h->count[i];
		if (seen > wanted)
			return value_of(i);
	}
	return h->most;
}

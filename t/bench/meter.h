/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the server's processes cost, read from /proc: CPU time of every thread of every process (the kernel's own sum,
 * in ns), memory as PSS, so that what processes share counts once. And a histogram for latencies. */
#ifndef T_BENCH_METER_H
#define T_BENCH_METER_H

#include "common/base.h"

#include <sys/types.h>

#define METER_PROCESSES 128

struct meter_process {
	pid_t pid;
	bool root; /* was named, not found as somebody's child */
	char name[32];
	uint64_t cpu;   /* ns */
	uint64_t gone;  /* ns, of its children that ended (in clock ticks, so coarse) */
	uint64_t wakes; /* times that its threads were put on a core */
	uint64_t calls; /* its reads and writes */
};

struct meter {
	struct meter_process process[METER_PROCESSES];
	size_t n;
};

/* These processes and all their descendants. */
void meter_read(struct meter *m, const pid_t *roots, size_t n);
/* What `now` has more than `before`: ns of all, or of process i of now. */
uint64_t meter_spent(const struct meter *before, const struct meter *now);
uint64_t meter_spent_by(const struct meter *before, const struct meter *now, size_t i);
/* Process i of `now` as it was before; NULL: it was not there. */
const struct meter_process *meter_before(const struct meter *before, const struct meter *now, size_t i);
/* Bytes of PSS of all of them. */
uint64_t meter_memory(const struct meter *m);
/* What the one that has most has of its own, in bytes: without files that are mapped. */
uint64_t meter_own(const struct meter *m);

#define HISTOGRAM_PART 64
struct histogram {
	uint64_t count[HISTOGRAM_PART * 40];
	uint64_t n, most;
};

void histogram_add(struct histogram *h, uint64_t value);
/* The value that `part` of all do not exceed, within 1.6 %. */
uint64_t histogram_at(const struct histogram *h, double part);

#endif

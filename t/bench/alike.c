/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How long a refused login takes, in c2s and sm together and without the network, for an account that exists, one that
 * does not, one without credentials for the mechanism, and one that is disabled: medians in microseconds over rounds
 * in which each has its turn, with the spread (half of them lie in it) to judge a difference by. t/unit/alike.c checks
 * what can be checked without a clock. */
#include "c2s/client.h"
#include "sm/verify.h"
#include "t/lib/sasl_play.h"
#include <time.h>

#define ROUNDS 2000
#define WARM_UP 100

static const struct {
	const char *mech;
	const struct player *player;
} kinds[] = {
	{"SCRAM-SHA-512-PLUS", &player_scram},
	{"SCRAM-SHA-256", &player_scram},
	{"SCRAM-SHA-1", &player_scram},
	{"DIGEST-MD5", &player_digest},
	{"CRAM-MD5", &player_cram},
	{"PLAIN", &player_plain},
};

static const struct {
	enum twist twist;
	const char *words;
} people[] = {
	{TWIST_wrong_password, "exists"},
	{TWIST_unknown, "unknown"},
	{TWIST_bare, "no verifier"},
	{TWIST_disabled_wrong, "disabled"},
};

static double samples[COUNT(people)][ROUNDS];

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* One exchange on a connection that is there already. */
static double once(size_t kind, size_t person)
{
	struct play p = {.player = kinds[kind].player};
	struct world *w = world_connect("localhost");
	double start, took;

	attempt_start(&p.attempt, w, kinds[kind].mech, people[person].twist);
	start = now_us();
	play_run(&p);
	took = now_us() - start;
	CHECK(!strcmp(p.heard.condition, "not-authorized"));
	world_free(w);
	play_free(&p);
	return took;
}

static void measure(size_t kind)
{
	for (size_t round = 0; round < ROUNDS + WARM_UP; round++) {
		for (size_t person = 0; person < COUNT(people); person++) {
			double took = once(kind, (person + round) % COUNT(people));

			if (round >= WARM_UP)
				samples[(person + round) % COUNT(people)][round - WARM_UP] = took;
		}
	}
	for (size_t person = 0; person < COUNT(people); person++) {
		double *s = samples[person];

		qsort(s, ROUNDS, sizeof *s, by_size);
		printf("%-20s %-12s %8.2f %8.2f %8.2f %+8.2f\n", kinds[kind].mech, people[person].words, s[ROUNDS / 4],
			s[ROUNDS / 2], s[3 * ROUNDS / 4], s[ROUNDS / 2] - samples[0][ROUNDS / 2]);
	}
}

int main(void)
{
	house_start();
	printf("%-20s %-12s %8s %8s %8s %8s\n", "us", "", "25 %", "median", "75 %", "differs");
	for (size_t kind = 0; kind < COUNT(kinds); kind++)
		measure(kind);
	house_end();
	return 0;
}

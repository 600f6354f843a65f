/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The scene offline: senders fill the store of one account that is not there, then it comes and is handed all of it;
 * all the while pairs of others talk at a steady pace, and what they wait is told for before, during storing and during
 * handing out. They are a process of their own: else they would wait for this one, too. A sender knows that the store
 * has what it sent when an error comes back for a message to nobody, which goes the same way. Every message has its
 * sender's number and its own: each must come once, in order. */
#include "t/bench/client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#define PAIRS 20
#define PACE_NS 50000000 /* between the messages of a pair */
#define PEAK_NS 5000000  /* between two looks at the server's memory */
#define BURST 32         /* messages that a sender has on their way to the store */
#define BEFORE_NS 3000000000

/* With the process of the pairs. */
static struct shared {
	struct histogram others[LOAD_PHASES];
	_Atomic size_t phase; /* that it is, and 1; 0: none */
	_Atomic bool ready, failed;
} * shared;

static struct client *people; /* the receiver and the senders; or the pairs */
static size_t people_count, started, present, gone;
static uint64_t said, stored, heard; /* of the messages that are to wait */
static struct load_phase *phase;
static bool closing;

/* --- the pairs ---------------------------------------------------------------------------------------------------- */

static void talk(struct client *c)
{
	char words[200];
	int n = snprintf(words, sizeof words,
		"<message to='u%05u@" LOAD_DOMAIN "/%s' type='chat'><body>%010llu</body></message>", c->partner->number,
		c->partner->resource, (unsigned long long)c->sent);

	c->sent_at[c->sent++ % COUNT(c->sent_at)] = load_clock();
	client_say(c, str_at(words, (size_t)n));
	client_flush(c);
}

static void on_talk(struct client *c, struct str element)
{
	size_t at = atomic_load(&shared->phase);
	uint64_t number;

	if (!str_starts(element, STR("<message")))
		return;
	if (!str_u64(client_find(element, "<body>", '<'), &number) || number != c->heard) {
		load_fail("a message of the others is not the next one");
		return;
	}
	c->heard++;
	if (at)
		histogram_add(&shared->others[at - 1],
			(load_clock() - c->partner->sent_at[number % COUNT(c->sent_at)]) / 1000);
}

/* Each pair's first one speaks when it is its time. */
static void let_them_talk(void)
{
	static uint64_t next[PAIRS];
	uint64_t now = load_clock();

	for (size_t i = 0; i < PAIRS; i++) {
		struct client *c = &people[2 * i];

		if (now < next[i] || c->step != CLIENT_ONLINE)
			continue;
		next[i] = (next[i] ? next[i] : now + i * PACE_NS / PAIRS) + PACE_NS;
		if (next[i] < now)
			next[i] = now + PACE_NS;
		talk(c);
	}
}

static void turn(void)
{
	static uint64_t next;
	uint64_t own;

	load_turn(2);
	if (load_clock() < next)
		return;
	next = load_clock() + PEAK_NS;
	own = meter_own(&phase->before);
	phase->peak = own > phase->peak ? own : phase->peak;
}

/* --- filling the store -------------------------------------------------------------------------------------------- */

static void send_burst(struct client *c)
{
	char words[400];

	c->sent_at[0] = load_clock();
	for (unsigned i = 0; i < BURST && said < load.o.messages; i++, said++) {
		int n = snprintf(words, sizeof words,
			"<message to='u00000@" LOAD_DOMAIN
			"' type='chat' id='m%010llu'><body>%05u %010llu the quick brown fox "
			"jumps over the lazy dog, and the dog does not mind it</body></message>",
			(unsigned long long)c->sent, c->place, (unsigned long long)c->sent);

		c->sent++;
		client_say(c, str_at(words, (size_t)n));
	}
	client_say(c, STR("<message to='nobody@" LOAD_DOMAIN "' type='chat' id='stored'><body>.</body></message>"));
	client_flush(c);
}

static void on_stored(struct client *c, struct str element)
{
	if (!str_starts(element, STR("<message")))
		return;
	if (!memmem(element.p, element.n, "service-unavailable", 19) || !memmem(element.p, element.n, "stored", 6)) {
		load_fail("a message was refused");
		return;
	}
	load_count(c->sent_at[0]);
	stored += c->sent - c->heard; /* heard: of a sender, how many of its own are stored */
	c->heard = c->sent;
	if (said < load.o.messages)
		send_burst(c);
}

/* --- emptying it -------------------------------------------------------------------------------------------------- */

static void on_handed(struct client *c, struct str element)
{
	struct str body = client_find(element, "<body>", '<');
	struct client *from;
	uint64_t place, number;

	(void)c;
	if (!str_starts(element, STR("<message")))
		return;
	if (!str_u64(str_head(body, 5), &place) || place >= people_count ||
		!str_u64(str_head(str_skip(body, 6), 10), &number)) {
		load_fail("what was handed out is none of ours");
		return;
	}
	from = &people[place];
	heard++;
	load.done++;
	load.operations++;
	if (number == from->sent_at[1]) /* of a sender: the next one that is to be handed out */
		from->sent_at[1]++;
	else if (number < from->sent_at[1])
		load.doubled++;
	else
		load.disordered++;
}

/* --- the play ----------------------------------------------------------------------------------------------------- */

static void on_online(struct client *c)
{
	present++;
	if (c->stanza != on_stored)
		client_say(c, STR("<presence/>"));
}

static void on_ended(struct client *c, bool properly)
{
	(void)c;
	(void)properly;
	if (!closing)
		load_fail("a client was sent away");
	gone++;
}

static void introduce(struct client *c, unsigned number, void (*stanza)(struct client *c, struct str element))
{
	c->wire.fd = -1;
	c->number = number;
	c->online = on_online;
	c->ended = on_ended;
	c->stanza = stanza;
	snprintf(c->resource, sizeof c->resource, LOAD_RESOURCE);
}

static void assemble(size_t n)
{
	people = mem_new(n * sizeof *people);
	people_count = n;
	started = present = gone = 0;
}

static void bring_on(size_t from)
{
	started = from;
	while (present + gone + from < people_count && !load_late() && !load.failed) {
		while (started < people_count && started - from - present - gone < 16)
			client_start(&people[started++]);
		load_turn(100);
	}
}

/* The process of the pairs, until it is killed. */
static void play_pairs(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(load.epoll);
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	assemble(2 * PAIRS);
	for (size_t i = 0; i < people_count; i++) {
		introduce(&people[i], 1 + (unsigned)i, on_talk);
		people[i].partner = &people[i ^ 1];
	}
	bring_on(0);
	atomic_store(&shared->ready, true);
	while (!load.failed) {
		load_turn(2);
		let_them_talk();
	}
	fprintf(stderr, "load: %s\n", load.why);
	atomic_store(&shared->failed, true);
	_exit(1);
}

static void phase_begin(const char *name)
{
	struct load_phase *p = &load.phases[load.phase_count++];

	p->name = name;
	meter_read(&p->before, load.o.servers, load.o.server_count);
	p->began = load_clock();
	phase = p;
	atomic_store(&shared->phase, load.phase_count);
}

static void phase_end(uint64_t operations)
{
	phase->ended = load_clock();
	phase->operations = operations;
	meter_read(&phase->after, load.o.servers, load.o.server_count);
	atomic_store(&shared->phase, 0);
	phase->others = shared->others[load.phase_count - 1];
	if (shared->failed)
		load_fail("the others had trouble");
	phase = NULL;
}

static void fill(void)
{
	phase_begin("storing");
	for (size_t i = 1; i < people_count; i++)
		send_burst(&people[i]);
	while (stored < load.o.messages && !load_late() && !load.failed)
		turn();
	phase_end(stored);
}

static void empty(void)
{
	phase_begin("handing out");
	client_start(&people[0]);
	while (heard < load.o.messages && !load_late() && !load.failed)
		turn();
	phase_end(heard);
	load.lost = load.o.messages - (heard < load.o.messages ? heard : load.o.messages);
}

static pid_t start_pairs(void)
{
	pid_t pid;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		play_pairs();
	while (!shared->ready && !shared->failed && !load_late())
		load_turn(20);
	return pid;
}

static void look_before(void)
{
	uint64_t until = load_clock() + BEFORE_NS;

	phase_begin("before");
	while (load_clock() < until && !load.failed)
		turn();
	phase_end(0);
}

void scene_offline(void)
{
	pid_t pairs = start_pairs();

	assemble(1 + load.o.clients);
	introduce(&people[0], 0, on_handed);
	for (size_t i = 1; i < people_count; i++) {
		people[i].place = (unsigned)i;
		introduce(&people[i], 2 * PAIRS + (unsigned)i, on_stored);
	}
	bring_on(1);
	look_before();
	load_begin();
	fill();
	empty();
	load_end();
	closing = true;
	for (size_t i = 0; i < people_count; i++)
		client_drop(&people[i]);
	mem_free(people);
	kill(pairs, SIGKILL);
	waitpid(pairs, NULL, 0);
}

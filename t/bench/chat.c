/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The scene chat: pairs who hand messages to and fro, so many in flight in each pair. Every message has its sender's
 * sequence number, and its receiver knows which must come next. */
#include "t/bench/client.h"

#include <stdio.h>
#include <string.h>

#define WARM_NS 700000000
#define TOGETHER 64

static struct client *people;
static size_t people_count, present, gone;
static uint64_t said, heard;
static bool closing;

static const char words_of_no_meaning[] =
	"the quick brown fox jumps over the lazy dog, and the dog does not mind it";

static void say(struct client *c)
{
	char words[300];
	int n = snprintf(words, sizeof words,
		"<message to='u%05u@" LOAD_DOMAIN "/%s' type='chat' id='m%010llu'>"
		"<body>%010llu %s</body></message>",
		c->partner->number, c->partner->resource, (unsigned long long)c->sent,
		(unsigned long long)c->sent, words_of_no_meaning);

	c->sent_at[c->sent % COUNT(c->sent_at)] = load_clock();
	c->sent++;
	said++;
	client_say(c, str_at(words, (size_t)n));
	client_flush(c); /* one send a stanza, as clients do */
}

static void on_message(struct client *c, struct str element)
{
	struct str body = client_find(element, "<body>", '<');
	uint64_t number;

	if (!str_starts(element, STR("<message")))
		return;
	if (!str_u64(str_head(body, 10), &number)) {
		load_fail("a message came back, or without its body");
		return;
	}
	if (number < c->heard) {
		load.doubled++;
		return;
	}
	if (number > c->heard)
		load.disordered += number -
			c->heard; /* they may come yet, as doubled: one failure is enough */
	c->heard = number + 1;
	heard++;
	load_count(c->partner->sent_at[number % COUNT(c->sent_at)]);
	if (!closing)
		say(c);
}

static void on_online(struct client *c)
{
	(void)c;
	present++;
	client_say(c, STR("<presence/>"));
}

static void on_ended(struct client *c, bool properly)
{
	(void)c;
	if (properly)
		load_fail("a client was sent away");
	gone++;
}

static void introduce(size_t i)
{
	struct client *c = &people[i];

	c->wire.fd = -1;
	c->number = (unsigned)i;
	c->place = (unsigned)i;
	c->partner = &people[i ^ 1];
	c->online = on_online;
	c->stanza = on_message;
	c->ended = on_ended;
	snprintf(c->resource, sizeof c->resource, LOAD_RESOURCE);
}

static void bring_on(void)
{
	size_t started = 0;

	while (present + gone < people_count && !load_late() && !load.failed) {
		while (started < people_count && started - present - gone < TOGETHER)
			client_start(&people[started++]);
		load_turn(100);
	}
}

static void talk(uint64_t ns)
{
	uint64_t until = load_clock() + ns;

	while (load_clock() < until && !load.failed)
		load_turn(20);
}

static void begin(void)
{
	for (size_t i = 0; i < people_count; i += 2) {
		for (uint64_t k = 0; k < load.o.window; k++)
			say(&people[i]);
	}
}

void scene_chat(void)
{
	people_count = 2 * load.o.clients;
	people = mem_new(people_count * sizeof *people);
	for (size_t i = 0; i < people_count; i++)
		introduce(i);
	bring_on();
	talk(WARM_NS);
	begin();
	talk(WARM_NS);
	load_begin();
	talk(load.o.seconds * 1000000000);
	load_end();
	closing = true;
	while (heard < said && !load_late() && !load.failed)
		load_turn(100);
	load.lost = said - heard;
	for (size_t i = 0; i < people_count; i++)
		client_drop(&people[i]);
	mem_free(people);
}

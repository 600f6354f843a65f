/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The scenes without conversation: login, idle, storm, presence. Each brings its clients on, measures, and lets them
 * go. */
#include "t/bench/client.h"
#include "t/bench/mechanism.h"

#include <stdio.h>
#include <string.h>

#define WARM_NS 700000000 /* before measuring */
#define TOGETHER 64       /* logging in at the same time, where that is not what is measured */
#define SETTLE_NS 2000000000

static struct client *cast;
static size_t cast_count, started, present, gone;
static bool closing; /* nobody comes any more */

static void on_ended_early(struct client *c, bool properly)
{
	(void)c;
	if (properly)
		load_fail("a client was sent away");
	gone++;
}

static void assemble(size_t n)
{
	cast = mem_new(n * sizeof *cast);
	cast_count = n;
	started = present = gone = 0;
	closing = false;
	for (size_t i = 0; i < n; i++) {
		cast[i].wire.fd = -1;
		cast[i].place = (unsigned)i;
		cast[i].number = (unsigned)(i % load.o.accounts);
		cast[i].ended = on_ended_early;
		snprintf(cast[i].resource, sizeof cast[i].resource, "%s%zu", LOAD_RESOURCE, i / load.o.accounts);
	}
}

static void dismiss(void)
{
	for (size_t i = 0; i < cast_count; i++)
		client_drop(&cast[i]);
	mem_free(cast);
	cast = NULL;
}

/* Brings all of them online, a few at the same time; `present` counts in their online(). */
static void bring_on(void)
{
	while (present + gone < cast_count && !load_late() && !load.failed) {
		while (started < cast_count && started - present - gone < TOGETHER)
			client_start(&cast[started++]);
		load_turn(100);
	}
}

static void pass(uint64_t ns)
{
	uint64_t until = load_clock() + ns;

	while (load_clock() < until && !load.failed)
		load_turn(20);
}

/* login: from connecting to the server's last byte, `clients` at the same time */

static unsigned next_account;

static void login_online(struct client *c)
{
	client_say(c, STR("<presence/>"));
	client_leave(c);
}

static bool is_in(unsigned number)
{
	for (size_t i = 0; i < cast_count; i++) {
		if (cast[i].wire.fd >= 0 && cast[i].number == number)
			return true;
	}
	return false;
}

/* One whose password is not remembered yet takes longer than all others together: it is not replaced meanwhile. */
static void login_again(struct client *c)
{
	if (load.o.once && next_account >= load.o.accounts)
		return;
	c->number = next_account++ % (unsigned)load.o.accounts;
	for (uint64_t tries = 1; tries < load.o.accounts && is_in(c->number); tries++)
		c->number = next_account++ % (unsigned)load.o.accounts;
	started++;
	client_start(c);
}

static void login_ended(struct client *c, bool properly)
{
	gone++;
	if (properly)
		load_count(c->since);
	if (!closing && load.failed < 100)
		login_again(c);
}

static bool login_goes_on(void)
{
	if (load_late() || load.failed >= 100)
		return false;
	if (load.o.once)
		return gone < started;
	return load_clock() < load.began + load.o.seconds * 1000000000;
}

void scene_login(void)
{
	assemble(load.o.clients);
	next_account = 0;
	for (size_t i = 0; i < cast_count; i++) {
		cast[i].online = login_online;
		cast[i].ended = login_ended;
		login_again(&cast[i]);
	}
	if (!load.o.once)
		pass(WARM_NS);
	while (load.mechanism->tokens && next_account < 2 * load.o.accounts && !load_late() && load.failed < 100)
		load_turn(100); /* until all have their tokens */
	load_begin();
	while (login_goes_on())
		load_turn(100);
	load_end();
	closing = true;
	while (gone < started && !load_late())
		load_turn(100);
	dismiss();
}

/* idle: what a connection holds that says nothing */

static void idle_online(struct client *c)
{
	present++;
	load.done++;
	client_say(c, STR("<presence/>"));
}

void scene_idle(void)
{
	struct meter now;
	uint64_t before, after;

	meter_read(&now, load.o.servers, load.o.server_count);
	before = meter_memory(&now);
	assemble(load.o.clients);
	for (size_t i = 0; i < cast_count; i++)
		cast[i].online = idle_online;
	bring_on();
	pass(SETTLE_NS);
	meter_read(&now, load.o.servers, load.o.server_count);
	after = meter_memory(&now);
	load.operations = present;
	load.connection_bytes = ((double)after - (double)before) / (double)cast_count;
	load_begin();
	pass(load.o.seconds * 1000000000);
	load_end();
	dismiss();
}

/* storm: all of them at once, until each is online and has had an answer */

static void storm_online(struct client *c)
{
	client_say(c, STR("<presence/>"));
	client_say(c, STR("<iq id='storm' type='get' to='" LOAD_DOMAIN "'><ping xmlns='urn:xmpp:ping'/></iq>"));
}

static void storm_stanza(struct client *c, struct str element)
{
	if (!str_starts(element, STR("<iq")))
		return;
	present++;
	load_count(c->since);
}

void scene_storm(void)
{
	assemble(load.o.clients);
	for (size_t i = 0; i < cast_count; i++) {
		cast[i].online = storm_online;
		cast[i].stanza = storm_stanza;
	}
	load_begin();
	while (started < cast_count)
		client_start(&cast[started++]);
	while (present + gone < cast_count && !load_late())
		load_turn(100);
	load_end();
	load.lost += cast_count - present - gone;
	dismiss();
}

/* presence: one account's resources, or with several accounts the first one's contacts; the first says something new,
 * all hear it, then it says the next */

static uint64_t round_number, round_heard, round_began, last_presence;

static void presence_say(void)
{
	char words[100];
	int n = snprintf(words, sizeof words, "<presence><show>away</show><status>%010llu</status></presence>",
		(unsigned long long)++round_number);

	round_heard = 0;
	round_began = load_clock();
	client_say(&cast[0], str_at(words, (size_t)n));
	client_flush(&cast[0]);
}

static void presence_online(struct client *c)
{
	present++;
	client_say(c, STR("<presence/>"));
}

/* Servers differ in quotes, and in whether `to` comes before `from`. */
static bool is_from_first(struct str element)
{
	struct str from = client_find(element, " from='", '\'');

	if (!from.n)
		from = client_find(element, " from=\"", '"');
	return str_ends(from, STR("/" LOAD_RESOURCE "0"));
}

/* Some give it an xml:lang. */
static struct str status_of(struct str element)
{
	struct str text = client_find(element, "<status", '<');
	size_t at = str_find(text, '>');

	return at < text.n ? str_skip(text, at + 1) : STR_NONE;
}

static void presence_stanza(struct client *c, struct str element)
{
	uint64_t number;

	last_presence = load_clock();
	if (!str_starts(element, STR("<presence")) || !is_from_first(element) || !str_u64(status_of(element), &number))
		return;
	if (number <= c->heard) {
		load.doubled++;
		return;
	}
	if (number != c->heard + 1)
		load.disordered++;
	c->heard = number;
	if (c == cast)
		return; /* its own; not every server tells it */
	load_count(round_began);
	if (++round_heard == cast_count - 1 && !closing)
		presence_say();
}

void scene_presence(void)
{
	assemble(load.o.clients);
	for (size_t i = 0; i < cast_count; i++) {
		snprintf(cast[i].resource, sizeof cast[i].resource, LOAD_RESOURCE "%zu", i);
		cast[i].online = presence_online;
		cast[i].stanza = presence_stanza;
	}
	bring_on();
	do {
		pass(SETTLE_NS); /* those who came hear of each other, however long that takes */
	} while (load_clock() - last_presence < SETTLE_NS / 2 && !load_late() && !load.failed);
	round_number = 0;
	presence_say();
	pass(WARM_NS);
	load_begin();
	pass(load.o.seconds * 1000000000);
	load_end();
	closing = true;
	while (round_heard < cast_count - 1 && !load_late() && !load.failed)
		load_turn(100);
	load.lost += cast_count - 1 - round_heard;
	dismiss();
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load KEY=VALUE...: plays one scene against a server on this machine's loopback and prints its figures as one JSON
 * object. Exit status 1: something was lost, doubled, out of order, or failed. t/bench/run starts it; t/bench/README.md
 * explains. */
#include "t/bench/client.h"
#include "t/bench/mechanism.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_S 90 /* a scene, besides what it measures */
#define PROGRESS_NS 500000000

struct load load;

uint64_t load_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void show_progress(bool last)
{
	static uint64_t shown, shown_done;
	static int tty = -1;
	uint64_t now = load_clock();

	if (tty < 0)
		tty = isatty(STDERR_FILENO);
	if (!tty || (!last && now - shown < PROGRESS_NS))
		return;
	fprintf(stderr,
		"\r  %-10s %10" PRIu64 " done  %8.0f/s  lost %" PRIu64 " doubled %" PRIu64 " disordered %" PRIu64
		" failed %" PRIu64 "%s",
		load.o.scene, load.done, shown ? (double)(load.done - shown_done) * 1e9 / (double)(now - shown) : 0.0,
		load.lost, load.doubled, load.disordered, load.failed, last ? "\r\033[K" : " ");
	fflush(stderr);
	shown = now;
	shown_done = load.done;
}

void load_turn(int milliseconds)
{
	struct epoll_event events[256];
	int n = epoll_wait(load.epoll, events, COUNT(events), milliseconds);

	for (int i = 0; i < n; i++) {
		struct client *c = events[i].data.ptr;

		if (c->step != CLIENT_OFF)
			client_event(c, events[i].events);
	}
	show_progress(false);
}

void load_begin(void)
{
	meter_read(&load.before, load.o.servers, load.o.server_count);
	load.measuring = true;
	load.began = load_clock();
}

void load_end(void)
{
	load.ended = load_clock();
	load.measuring = false;
	meter_read(&load.after, load.o.servers, load.o.server_count);
}

void load_count(uint64_t since)
{
	load.done++;
	if (!load.measuring)
		return;
	load.operations++;
	histogram_add(&load.latency, (load_clock() - since) / 1000);
}

void load_trips(unsigned n)
{
	if (!load.measuring)
		return;
	if (load.trips.least == 0 || n < load.trips.least)
		load.trips.least = n;
	if (n > load.trips.most)
		load.trips.most = n;
}

void load_fail(const char *why)
{
	if (load.failed++ == 0)
		snprintf(load.why, sizeof load.why, "%s", why);
}

bool load_late(void)
{
	return load_clock() > load.deadline;
}

/* arguments */

static bool read_servers(struct options *o, struct str list)
{
	struct str one;
	uint64_t pid;

	while (list.n) {
		str_cut(list, ',', &one, &list);
		if (o->server_count == COUNT(o->servers) || !str_u64(one, &pid))
			return false;
		o->servers[o->server_count++] = (pid_t)pid;
	}
	return true;
}

static bool read_tls(struct options *o, struct str word)
{
	static const char *const words[] = {[TLS_NONE] = "none", [TLS_STARTTLS] = "starttls", [TLS_DIRECT] = "direct"};

	for (size_t i = 0; i < COUNT(words); i++) {
		if (str_is(word, words[i])) {
			o->tls = (enum load_tls)i;
			return true;
		}
	}
	return false;
}

static bool read_option(struct options *o, char *argument)
{
	struct {
		const char *name;
		uint64_t *number;
		const char **text;
	} rows[] = {
		{"scene", NULL, &o->scene},
		{"mechanism", NULL, &o->mechanism},
		{"password", NULL, &o->password},
		{"port", &o->port, NULL},
		{"tls-port", &o->tls_port, NULL},
		{"clients", &o->clients, NULL},
		{"accounts", &o->accounts, NULL},
		{"window", &o->window, NULL},
		{"messages", &o->messages, NULL},
		{"seconds", &o->seconds, NULL},
		{"once", &o->once, NULL},
		{"resume", &o->resume, NULL},
		{"sasl2", &o->sasl2, NULL},
		{"pipeline", &o->pipeline, NULL},
		{"session", &o->session, NULL},
		{"iq-auth", &o->iq_auth, NULL},
		{"certificate", NULL, &o->certificate},
		{"key", NULL, &o->key},
		{"lenient", &o->lenient, NULL},
		{"kicks", &o->kicks, NULL},
	};
	struct str name, value;

	str_cut(str_of(argument), '=', &name, &value);
	if (str_is(name, "servers"))
		return read_servers(o, value);
	if (str_is(name, "tls"))
		return read_tls(o, value);
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!str_is(name, rows[i].name))
			continue;
		if (rows[i].number)
			return str_u64(value, rows[i].number);
		*rows[i].text = value.p;
		return true;
	}
	return false;
}

static bool options_fit(const struct options *o)
{
	uint64_t most = !strcmp(o->scene, "chat") ? LOAD_CLIENTS_MOST / 2 : LOAD_CLIENTS_MOST;

	return load.mechanism && (!load.mechanism->tokens || o->sasl2) && (!o->pipeline || o->sasl2) && o->port &&
		o->port < 65536 && o->tls_port < 65536 && o->accounts && o->accounts <= 99999 && o->clients &&
		o->clients <= most && o->window && o->window <= 32 && o->seconds && o->seconds <= 3600 &&
		(strcmp(o->scene, "chat") || o->accounts >= 2 * o->clients);
}

/* the figures */

static void print_process(size_t i)
{
	static const struct meter_process none;
	const struct meter_process *p = &load.after.process[i], *old = meter_before(&load.before, &load.after, i);
	double each = load.operations ? 1 / (double)load.operations : 0;

	old = old ? old : &none;
	printf("%s{\"name\": \"%s\", \"pid\": %d, \"cpu_us\": %.3f, \"wakes\": %.4f, \"calls\": %.4f}", i ? ", " : "",
		p->name, (int)p->pid, (double)meter_spent_by(&load.before, &load.after, i) * 1e-3 * each,
		(double)(p->wakes - old->wakes) * each, (double)(p->calls - old->calls) * each);
}

static void print_processes(void)
{
	for (size_t i = 0; i < load.after.n; i++)
		print_process(i);
}

static void print_text(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 32 || c > 126)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_phase(const struct load_phase *p)
{
	double seconds = (double)(p->ended - p->began) / 1e9;
	double cpu = (double)meter_spent(&p->before, &p->after);

	printf("{\"name\": \"%s\", \"operations\": %" PRIu64 ", \"seconds\": %.3f, \"rate\": %.1f, ", p->name, p->operations,
		seconds, (double)p->operations / seconds);
	printf("\"cpu_us\": %.3f, \"cpu_share\": %.3f, \"peak_bytes\": %" PRIu64 ", ",
		p->operations ? cpu / 1e3 / (double)p->operations : 0.0, cpu / 1e9 / seconds, p->peak);
	printf("\"others_p50_us\": %" PRIu64 ", \"others_p99_us\": %" PRIu64 ", \"others_max_us\": %" PRIu64 "}",
		histogram_at(&p->others, 0.5), histogram_at(&p->others, 0.99), p->others.most);
}

static void print_phases(void)
{
	printf("\"phases\": [");
	for (size_t i = 0; i < load.phase_count; i++) {
		fputs(i ? ", " : "", stdout);
		print_phase(&load.phases[i]);
	}
	printf("], ");
}

static void print_figures(void)
{
	const struct load *l = &load;
	double seconds = (double)(l->ended - l->began) / 1e9;
	double cpu = (double)meter_spent(&l->before, &l->after);

	printf("{\"operations\": %" PRIu64 ", \"seconds\": %.3f, \"rate\": %.1f, ", l->operations, seconds,
		(double)l->operations / seconds);
	printf("\"p50_us\": %" PRIu64 ", \"p99_us\": %" PRIu64 ", \"max_us\": %" PRIu64 ", ",
		histogram_at(&l->latency, 0.5), histogram_at(&l->latency, 0.99), l->latency.most);
	printf("\"cpu_us\": %.3f, \"cpu_share\": %.3f, ", l->operations ? cpu / 1e3 / (double)l->operations : 0.0,
		cpu / 1e9 / seconds);
	printf("\"trips_least\": %u, \"trips_most\": %u, ", l->trips.least, l->trips.most);
	printf("\"connection_bytes\": %.0f, ", l->connection_bytes);
	printf("\"lost\": %" PRIu64 ", \"doubled\": %" PRIu64 ", \"disordered\": %" PRIu64 ", \"failed\": %" PRIu64
	       ", \"why\": ",
		l->lost, l->doubled, l->disordered, l->failed);
	print_text(l->why);
	printf(", ");
	print_phases();
	printf("\"processes\": [");
	print_processes();
	printf("]}\n");
}

static const struct {
	const char *name;
	void (*play)(void);
} scenes[] = {
	{"login", scene_login},
	{"idle", scene_idle},
	{"storm", scene_storm},
	{"presence", scene_presence},
	{"chat", scene_chat},
	{"offline", scene_offline},
};

static bool play(void)
{
	for (size_t i = 0; i < COUNT(scenes); i++) {
		if (strcmp(scenes[i].name, load.o.scene) != 0)
			continue;
		scenes[i].play();
		show_progress(true);
		return true;
	}
	return false;
}

static void raise_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)!setrlimit(RLIMIT_NOFILE, &files);
	}
}

int main(int count, char **arguments)
{
	load.o = (struct options){.scene = "",
		.mechanism = "SCRAM-SHA-1",
		.password = "bench",
		.clients = 1,
		.accounts = 1,
		.window = 1,
		.seconds = 1};
	for (int i = 1; i < count; i++) {
		if (!read_option(&load.o, arguments[i])) {
			fprintf(stderr, "load: what is %s? See t/bench/README.md\n", arguments[i]);
			return 2;
		}
	}
	load.mechanism = mechanism_named(load.o.mechanism);
	if (!options_fit(&load.o)) {
		fprintf(stderr, "load: these options make no scene\n");
		return 2;
	}
	raise_descriptors();
	wire_library();
	if (load.o.resume)
		wire_resume();
	if (load.o.certificate && !wire_certificate(load.o.certificate, load.o.key)) {
		fprintf(stderr, "load: no certificate and key in %s, %s\n", load.o.certificate, load.o.key);
		return 2;
	}
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	load.deadline = load_clock() + (DEADLINE_S + load.o.seconds) * 1000000000;
	if (load.epoll < 0 || !play())
		return 2;
	print_figures();
	return load.lost || load.doubled || load.disordered || load.failed ? 1 : 0;
}

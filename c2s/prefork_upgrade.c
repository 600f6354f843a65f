/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An upgrade in place: this process executes the binary that is on the disk now, and so keeps its
 * number, its children, its listening sockets with whoever waits there, and the lock. What is what
 * is told in the environment, as numbers:
 *   our pid, the lock, the slots; for each slot a count and its STARTTLS listeners, a count and its
 *   direct ones; a count of workers, for each its pid, our end of its pair, and its incarnation;
 *   each behind its count, the addresses as `listen` and `listen-tls` had them;
 *   and sealed memory with the keys of session tickets.
 * Binaries of other versions read this: whatever is added goes to the end. */
#include "c2s/parent.h"
#include "c2s/prefork_work.h"
#include "common/arena.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define VARIABLE "GATEHOUSE_C2S_INHERITS"

void prefork_upgrade_note(struct prefork *p)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path);

	if (n > 0 && n < (ssize_t)sizeof path)
		buf_put(&p->program, str_at(path, (size_t)n));
}

/* leaving */

static bool failed(const char *why)
{
	log_event(upgrade_failed, LOG_TEXT("why", why));
	return false;
}

/* Can the other binary read configuration and certificates, as the user that we are by now? Its
 * complaints go where our log goes. */
static bool is_sound(struct prefork *p)
{
	const char *program = buf_cstr(&p->program);
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl(program, program, "--config", p->conf->path, "--check", (char *)NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	return failed("it does not find its configuration and certificates good");
}

/* What is inherited is held against the file: nothing of it would fit another run directory. */
static bool stays_here(const struct prefork *p)
{
	struct buf why = {0};
	struct conf *next = conf_load(p->conf->path, &why);
	bool stays = next && strcmp(next->run_directory, p->conf->run_directory) == 0;

	conf_free(&next);
	buf_free(&why);
	return stays || failed("run-directory is another one now: that waits for a restart");
}

static bool keep_open(int fd, bool keep)
{
	return fcntl(fd, F_SETFD, keep ? 0 : FD_CLOEXEC) == 0;
}

static bool keep_list(const int *fds, size_t n, bool keep, struct buf *words)
{
	bool good = true;

	buf_printf(words, " %zu", n);
	for (size_t i = 0; i < n; i++) {
		buf_printf(words, " %d", fds[i]);
		good = keep_open(fds[i], keep) && good;
	}
	return good;
}

/* Workers whose pair is not open are ending. */
static unsigned inheritable(const struct prefork *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->places; i++)
		n += p->children[i].pid && p->children[i].fd >= 0;
	return n;
}

static void tell_addresses(struct conf_list list, struct buf *words)
{
	buf_printf(words, " %zu", list.n);
	for (size_t i = 0; i < list.n; i++)
		buf_printf(words, " %s", list.words[i]);
}

/* Says in `words` what there is, and sets or clears whether it survives. */
static bool keep_all(struct prefork *p, bool keep, struct buf *words)
{
	bool good = keep_open(p->service.lock, keep);

	buf_printf(words, "%d %d %u", (int)getpid(), p->service.lock, p->slots);
	for (unsigned i = 0; i < p->slots; i++) {
		const struct listen_slot *s = &p->ports[i];

		good = keep_list(s->starttls, s->starttls_n, keep, words) && good;
		good = keep_list(s->tls, s->tls_n, keep, words) && good;
	}
	buf_printf(words, " %u", inheritable(p));
	for (unsigned i = 0; i < p->places; i++) {
		const struct child *c = &p->children[i];

		if (!c->pid || c->fd < 0)
			continue;
		buf_printf(words, " %d %d %lu", (int)c->pid, c->fd, (unsigned long)c->incarnation);
		good = keep_open(c->fd, keep) && good;
	}
	tell_addresses(p->conf->listen, words);
	tell_addresses(p->conf->listen_tls, words);
	return good;
}

/* Without it our successor makes new keys, and tickets of ours are of no use. */
static int keep_tickets(const struct prefork *p, struct buf *words)
{
	int memory = tickets_seal(&p->tickets);

	if (memory >= 0 && keep_open(memory, true))
		buf_printf(words, " %d", memory);
	return memory;
}

static void go(struct prefork *p)
{
	const char *program = buf_cstr(&p->program);
	struct buf words = {0};
	bool kept = keep_all(p, true, &words);
	int memory = keep_tickets(p, &words);

	if (kept && setenv(VARIABLE, buf_cstr(&words), 1) == 0) {
		log_event(upgrade, LOG_TEXT("binary", program), LOG_U64("workers", inheritable(p)));
		execl(program, program, "--config", p->conf->path, (char *)NULL);
	}
	failed(strerror(errno));
	unsetenv(VARIABLE);
	if (memory >= 0)
		close(memory);
	buf_clear(&words);
	if (!keep_all(p, false, &words))
		failed("descriptors stay open for programs that we do not start");
	buf_free(&words);
}

void prefork_upgrade(struct prefork *p)
{
	p->upgrade = false;
	if (p->stopping)
		return;
	if (!p->program.n)
		failed("the path of our binary is not known");
	else if (inheritable(p) + p->slots > PREFORK_PLACES_MOST)
		failed("too many workers from before are still there");
	else if (is_sound(p) && stays_here(p))
		go(p);
}

/* arriving */

static bool take(struct str *words, uint64_t most, uint64_t *number)
{
	struct str word;

	str_cut(*words, ' ', &word, words);
	return str_u64(word, number) && *number <= most;
}

static bool is_socket(int fd, int type)
{
	int is = 0;
	socklen_t n = sizeof is;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &is, &n) == 0 && is == type &&
		keep_open(fd, false);
}

static bool take_list(struct str *words, int **fds, size_t *n)
{
	uint64_t count, fd;

	if (!take(words, INT_MAX / sizeof **fds, &count) ||
		!(*fds = mem_try((count + 1) * sizeof **fds)))
		return false;
	for (*n = 0; *n < count; (*n)++) {
		if (!take(words, INT_MAX, &fd) || !is_socket((int)fd, SOCK_STREAM))
			return false;
		(*fds)[*n] = (int)fd;
	}
	return true;
}

static bool take_slots(struct prefork *p, struct str *words)
{
	uint64_t slots;

	if (!take(words, SERVICE_WORKERS_MOST, &slots) || !slots)
		return false;
	p->ports = mem_new(slots * sizeof *p->ports);
	p->slots = (unsigned)slots;
	for (unsigned i = 0; i < p->slots; i++)
		if (!take_list(words, &p->ports[i].starttls, &p->ports[i].starttls_n) ||
			!take_list(words, &p->ports[i].tls, &p->ports[i].tls_n))
			return false;
	return true;
}

/* They get the places behind the slots. */
static bool take_children(struct prefork *p, struct str *words)
{
	uint64_t count, pid, fd, incarnation;

	if (!take(words, PREFORK_PLACES_MOST - p->places, &count))
		return false;
	for (; count; count--) {
		struct child *c = &p->children[p->places];

		if (!take(words, INT_MAX, &pid) || pid < 2 || !take(words, INT_MAX, &fd) ||
			!take(words, UINT32_MAX, &incarnation) ||
			!is_socket((int)fd, SOCK_SEQPACKET))
			return false;
		p->places++;
		*c = (struct child){.pid = (pid_t)pid,
			.fd = (int)fd,
			.incarnation = (uint32_t)incarnation,
			.started_at = prefork_now(),
			.ready = true};
	}
	return true;
}

/* The listeners are what they were: a file that has other addresses waits for a restart, and a
 * reload says so. */
static bool take_addresses(struct conf *conf, struct conf_list *list, struct str *words)
{
	struct str word;
	uint64_t n;

	if (!take(words, INT_MAX, &n) || n > words->n)
		return false;
	list->n = (size_t)n;
	list->words = arena_new(conf->memory, (list->n + 1) * sizeof *list->words);
	for (size_t i = 0; i < list->n; i++) {
		str_cut(*words, ' ', &word, words);
		list->words[i] = arena_copy(conf->memory, word).p;
	}
	return true;
}

static void count_workers(struct prefork *p)
{
	p->workers = p->conf->workers ? (unsigned)p->conf->workers : service_cores();
	if (p->workers > p->slots)
		p->workers = p->slots;
}

/* Our predecessor may have known none. */
static void take_tickets(struct prefork *p, struct str *words)
{
	uint64_t memory;

	if (!words->n || !take(words, INT_MAX, &memory))
		return;
	if (!tickets_unseal(&p->tickets, (int)memory))
		log_event(ticket_keys_lost, LOG_TEXT("why", strerror(errno)));
	close((int)memory);
}

static bool take_all(struct prefork *p, struct str words, struct buf *why)
{
	uint64_t lock;

	if (!take(&words, INT_MAX, &lock) ||
		!service_resume(&p->service, (int)lock, p->conf, why) ||
		!keep_open((int)lock, false) || !take_slots(p, &words))
		return false;
	p->places = p->slots;
	p->children = mem_new(PREFORK_PLACES_MOST * sizeof *p->children);
	for (unsigned i = 0; i < PREFORK_PLACES_MOST; i++)
		p->children[i].fd = -1;
	count_workers(p);
	if (!take_children(p, &words) ||
		!take_addresses(p->setup->conf, &p->setup->conf->listen, &words) ||
		!take_addresses(p->setup->conf, &p->setup->conf->listen_tls, &words))
		return false;
	take_tickets(p, &words);
	return true;
}

bool prefork_inherit(struct prefork *p, bool *inherited, struct buf *why)
{
	struct str words = str_of(getenv(VARIABLE));
	struct buf copy = {0};
	uint64_t pid;
	bool good = true;

	buf_put(&copy, words);
	unsetenv(VARIABLE);
	words = buf_str(&copy);
	/* one that leaked into another process is not for it */
	*inherited = words.n && take(&words, INT_MAX, &pid) && (pid_t)pid == getpid();
	if (*inherited)
		good = take_all(p, words, why);
	if (!good && !why->n)
		buf_puts(why, VARIABLE ": what it names is not there");
	buf_free(&copy);
	return good;
}

void prefork_drain(struct prefork *p)
{
	for (unsigned i = p->slots; i < p->places; i++) {
		const struct child *c = &p->children[i];

		broker_worker_started(p->broker, i, c->incarnation, c->pid, c->fd);
		broker_worker_linked(p->broker, i);
		if (!parent_say(c->fd, PARENT_DRAIN, -1))
			kill(c->pid, SIGTERM);
	}
	prefork_reap(p); /* who died meanwhile */
}

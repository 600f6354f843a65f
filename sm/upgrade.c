/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See upgrade.h. The environment says what is what: our pid, the lock, the two sockets, the child
 * (0: none). */
#include "sm/upgrade.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define VARIABLE "GATEHOUSE_SM_INHERITS"
#define PROBE_MS 10000

static char program[PATH_MAX];

void upgrade_note(void)
{
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

	program[n > 0 ? n : 0] = '\0';
}

/* leaving */

static void failed(const char *why)
{
	log_event(upgrade_failed, LOG_TEXT("why", why));
}

static void be_probe(const struct conf *conf)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(nowhere, STDOUT_FILENO);
	execl(program, program, "status", "--config", conf->path, (char *)NULL);
	_exit(127);
}

/* Has it ended? Whoever reaps it is still to hear of it. */
static bool has_ended(pid_t child)
{
	siginfo_t end = {0};

	return child == 0 || waitid(P_PID, (id_t)child, &end, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		end.si_pid == child;
}

/* The sockets are ours: without a child to answer on them the probe would wait for one that we are
 * not there to start. */
static int end_of_probe(pid_t probe, pid_t child)
{
	const struct timespec pause = {.tv_nsec = 100000000};
	unsigned patience = PROBE_MS / 100;
	int status = -1;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGCHLD);
	while (!has_ended(probe)) {
		if (has_ended(child) || !patience)
			kill(probe, SIGKILL);
		else if (sigtimedwait(&ends, NULL, &pause) < 0)
			patience--;
	}
	waitpid(probe, &status, 0);
	return status;
}

/* Does the other binary run here, read the configuration, and reach our child? It says on our
 * standard error why not. */
static bool is_sound(const struct conf *conf, pid_t child)
{
	pid_t probe = fork();
	int status;

	if (probe == 0)
		be_probe(conf);
	if (probe < 0)
		return false;
	status = end_of_probe(probe, child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool keep(const struct run_directory *r, bool yes)
{
	const int flags = yes ? 0 : FD_CLOEXEC;

	return fcntl(r->pid_fd, F_SETFD, flags) == 0 && fcntl(r->c2s_fd, F_SETFD, flags) == 0 &&
		fcntl(r->control_fd, F_SETFD, flags) == 0;
}

static void go(const struct run_directory *r, const struct conf *conf, pid_t child)
{
	struct buf words = {0};

	buf_printf(&words, "%d %d %d %d %d", (int)getpid(), r->pid_fd, r->c2s_fd, r->control_fd,
		(int)child);
	if (keep(r, true) && setenv(VARIABLE, buf_cstr(&words), 1) == 0) {
		log_event(upgrade, LOG_TEXT("binary", program));
		execl(program, program, "serve", "--config", conf->path, (char *)NULL);
	}
	failed(strerror(errno));
	unsetenv(VARIABLE);
	if (!keep(r, false))
		failed("descriptors stay open for programs that we do not start");
	buf_free(&words);
}

void upgrade(const struct run_directory *r, const struct conf *conf, pid_t child)
{
	if (!*program)
		failed("the path of our binary is not known");
	else if (!is_sound(conf, child))
		failed("it cannot tell the status of what runs");
	else
		go(r, conf, child);
}

/* arriving */

static bool take(struct str *words, int *number)
{
	struct str word;
	uint64_t n;

	str_cut(*words, ' ', &word, words);
	if (!str_u64(word, &n) || n > INT_MAX)
		return false;
	*number = (int)n;
	return true;
}

static bool is_listening(int fd)
{
	int is = 0;
	socklen_t n = sizeof is;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &n) == 0 && is;
}

static bool is_our_lock(int fd, const struct conf *conf)
{
	struct buf path = {0};
	struct stat held, named;
	bool is;

	buf_printf(&path, "%s/sm.pid", conf->run_directory);
	is = fstat(fd, &held) == 0 && stat(buf_cstr(&path), &named) == 0 &&
		held.st_dev == named.st_dev && held.st_ino == named.st_ino &&
		flock(fd, LOCK_EX | LOCK_NB) == 0;
	buf_free(&path);
	return is;
}

bool upgrade_inherit(struct run_directory *r, const struct conf *conf, pid_t *child,
	struct buf *why)
{
	struct buf copy = {0};
	struct str words;
	int pid = 0;
	bool good = false;

	buf_put(&copy, str_of(getenv(VARIABLE)));
	unsetenv(VARIABLE);
	words = buf_str(&copy);
	/* one that leaked into another process is not for it */
	if (words.n && take(&words, &pid) && pid == (int)getpid()) {
		r->path = conf->run_directory;
		good = take(&words, &r->pid_fd) && take(&words, &r->c2s_fd) &&
			take(&words, &r->control_fd) && take(&words, &pid) &&
			is_our_lock(r->pid_fd, conf) && is_listening(r->c2s_fd) &&
			is_listening(r->control_fd) && keep(r, false);
		*child = (pid_t)pid;
		if (!good)
			buf_puts(why, VARIABLE ": what it names is not there");
	}
	buf_free(&copy);
	return good;
}

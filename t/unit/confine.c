/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The sandbox, each time in a child: what a worker needs still works, what an intruder wants does
 * not. */
#include "c2s/confine.h"
#include "c2s/derive.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FINE, WRONG, OFF = 77 };

/* Runs `part` confined in a child; returns the wait status. */
static int confined(int (*part)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		enum confine_result r = confine();

		_exit(r == CONFINE_DONE ? part() : r == CONFINE_OFF ? OFF : WRONG);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void expect_fine(int (*part)(void))
{
	int status = confined(part);

	if (WIFEXITED(status) && WEXITSTATUS(status) == OFF)
		skip(); /* a sanitizer build */
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), FINE);
}

static int use_what_is_needed(void)
{
	void *large = malloc(1 << 20), *small = malloc(100);
	struct epoll_event e = {.events = EPOLLIN};
	char random[16];

	memset(large, 1, 1 << 20);
	large = realloc(large, 8 << 20);
	free(large);
	free(small);
	if (getrandom(random, sizeof random, 0) != sizeof random || fcntl(1, F_GETFL) < 0)
		return WRONG;
	if (epoll_wait(-1, &e, 1, 0) != -1 || errno != EBADF) /* not EPERM: it is allowed */
		return WRONG;
	return accept4(-1, NULL, NULL, 0) == -1 && errno == EBADF ? FINE : WRONG;
}

static bool refused(long result)
{
	return result == -1 && errno == EPERM;
}

static int open_something(void)
{
	struct sockaddr_un sm = {.sun_family = AF_UNIX, .sun_path = "/tmp/nowhere"};

	return refused(open("/etc/passwd", O_RDONLY)) && refused(open("/dev/urandom", O_RDONLY)) &&
			refused(socket(AF_UNIX, SOCK_STREAM, 0)) &&
			refused(socket(AF_INET, SOCK_STREAM, 0)) &&
			refused(connect(0, (struct sockaddr *)&sm, sizeof sm)) &&
			refused(unlink("/tmp/nowhere")) && refused(fork())
		? FINE
		: WRONG;
}

static int meddle(void)
{
	return refused(kill(getppid(), 0)) && refused(kill(getpid(), SIGUSR1)) &&
			refused(prctl(PR_GET_DUMPABLE)) &&
			refused(fcntl(1, F_SETOWN, getppid())) &&
			refused(fcntl(1, F_SETSIG, SIGKILL)) &&
			mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				0) == MAP_FAILED
		? FINE
		: WRONG;
}

/* Behind the loop goes a thread by itself, to its one place; nobody else is sent there, nor back. */
static int give_way(void)
{
	return setpriority(PRIO_PROCESS, 0, DERIVE_NICE) == 0 &&
			refused(setpriority(PRIO_PROCESS, 0, 0)) &&
			refused(setpriority(PRIO_PROCESS, 0, DERIVE_NICE + 1)) &&
			refused(setpriority(PRIO_PROCESS, (id_t)getppid(), DERIVE_NICE)) &&
			refused(setpriority(PRIO_USER, 0, DERIVE_NICE))
		? FINE
		: WRONG;
}

static int exec_something(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return WRONG;
}

static int abort_oneself(void)
{
	abort();
}

static void needed(void **state)
{
	(void)state;
	expect_fine(use_what_is_needed);
}

static void nothing_is_opened(void **state)
{
	(void)state;
	expect_fine(open_something);
}

static void nobody_is_meddled_with(void **state)
{
	(void)state;
	expect_fine(meddle);
}

static void a_thread_gives_way(void **state)
{
	(void)state;
	expect_fine(give_way);
}

static void expect_signal(int (*part)(void), int number)
{
	int status = confined(part);

	if (WIFEXITED(status) && WEXITSTATUS(status) == OFF)
		skip();
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), number);
}

static void exec_kills(void **state)
{
	(void)state;
	expect_signal(exec_something, SIGSYS);
}

static void abort_still_works(void **state)
{
	(void)state;
	expect_signal(abort_oneself, SIGABRT);
}

static int start_here[2], result_here[2];

/* A thread that was there before is held to the same. */
static void *be_thread(void *nothing)
{
	char byte;

	(void)nothing;
	if (read(start_here[0], &byte, 1) != 1)
		return NULL;
	byte = refused(open("/etc/passwd", O_RDONLY)) ? FINE : WRONG;
	return write(result_here[1], &byte, 1) == 1 ? NULL : &start_here;
}

static int ask_thread(void)
{
	char byte = WRONG;

	return write(start_here[1], "x", 1) == 1 && read(result_here[0], &byte, 1) == 1 ? byte
											: WRONG;
}

static void threads_too(void **state)
{
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(start_here) | pipe(result_here), 0);
	child = fork();
	if (child == 0) {
		pthread_t thread;
		enum confine_result r;

		pthread_create(&thread, NULL, be_thread, NULL);
		r = confine();
		_exit(r == CONFINE_DONE ? ask_thread() : r == CONFINE_OFF ? FINE : WRONG);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(start_here[0]);
	close(start_here[1]);
	close(result_here[0]);
	close(result_here[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"confine: memory, randomness and sockets can be used", needed, NULL, NULL, NULL},
		{"confine: no file, no socket, no connection, no process can be had",
			nothing_is_opened, NULL, NULL, NULL},
		{"confine: no signal to others, no code made at run time", nobody_is_meddled_with,
			NULL, NULL, NULL},
		{"confine: a thread may step behind the others, and nothing else with priorities",
			a_thread_gives_way, NULL, NULL, NULL},
		{"confine: execve kills the process", exec_kills, NULL, NULL, NULL},
		{"confine: a failed CHECK can still abort", abort_still_works, NULL, NULL, NULL},
		{"confine: threads that were started before are held too", threads_too, NULL, NULL,
			NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (strstr(getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "", "vgpreload")) {
		puts("1..0 # SKIP valgrind lives in the process and needs what the sandbox forbids");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

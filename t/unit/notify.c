/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What arrives at the socket that $NOTIFY_SOCKET names. */
#include "common/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* Listens at an abstract name, which needs no folder, and names it in the environment. */
static int listen_at(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	size_t n = strlen(name);

	memcpy(at.sun_path, name, n);
	at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void hears(int fd, const char *words)
{
	char got[512];
	ssize_t n = recv(fd, got, sizeof got - 1, 0);

	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, words);
}

static void says(void **state)
{
	char name[64], words[128];
	int fd;

	(void)state;
	snprintf(name, sizeof name, "@gatehouse-test-%d", (int)getpid());
	fd = listen_at(name);
	assert_true(notify_ready("2 workers"));
	snprintf(words, sizeof words, "READY=1\nMAINPID=%d\nSTATUS=2 workers", (int)getpid());
	hears(fd, words);
	assert_true(notify_stopping());
	hears(fd, "STOPPING=1");
	assert_true(notify_reloading());
	assert_true(recv(fd, words, sizeof words, 0) > (ssize_t)strlen("RELOADING=1\nMONOTONIC_USEC="));
	close(fd);
	assert_false(notify_ready("nobody listens any more"));
}

static void says_nothing(void **state)
{
	char long_name[200];

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_false(notify_ready(""));
	memset(long_name, 'x', sizeof long_name - 1);
	long_name[sizeof long_name - 1] = '\0';
	long_name[0] = '/';
	setenv("NOTIFY_SOCKET", long_name, 1);
	assert_false(notify_ready(""));
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_false(notify_stopping());
	setenv("NOTIFY_SOCKET", "", 1);
	assert_false(notify_reloading());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"notify: ready, reloading and stopping are a datagram each", says, NULL, NULL, NULL},
		{"notify: without a socket, or with a name that is none, nothing is said", says_nothing, NULL, NULL,
			NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where lines go: files that are moved away, and a syslog socket that comes and goes. Standard error belongs to the
 * test. */
#include "common/log_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"

static char folder[] = "/tmp/gatehouse-log-XXXXXX";
static char path[PATH_MAX];

static int make_folder(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "%s/log", mkdtemp(folder));
	return 0;
}

static const char *text_of(const char *name)
{
	static char text[4096];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void places(void **state)
{
	char long_path[PATH_MAX + 2];

	(void)state;
	assert_true(log_sink_is_place("stderr"));
	assert_true(log_sink_is_place("syslog"));
	assert_true(log_sink_is_place("syslog:/dev/log"));
	assert_true(log_sink_is_place("/a/file"));
	assert_false(log_sink_is_place(""));
	assert_false(log_sink_is_place("file"));
	assert_false(log_sink_is_place("syslog:"));
	assert_false(log_sink_is_place("syslog:relative"));
	assert_false(log_sink_is_place("syslogs"));
	assert_false(log_sink_is_place("stderr "));
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[sizeof long_path - 1] = '\0';
	long_path[0] = '/';
	assert_false(log_sink_is_place(long_path));
}

/* Follows until it looks: it does so at most once a second. */
static bool follow_in_time(void)
{
	bool moved = false;

	for (int i = 0; i < 300 && !moved; i++) {
		moved = log_sink_follow();
		usleep(moved ? 0 : 10000);
	}
	return moved;
}

static void follows(void **state)
{
	char old[PATH_MAX + 2];
	struct buf why = {0};
	struct stat s;
	int keep = dup(STDERR_FILENO);
	bool moved, opened, refused;

	(void)state;
	snprintf(old, sizeof old, "%s.1", path);
	refused = !log_sink_open("/nonexistent/folder/log", &why) && why.n > 0;
	opened = log_sink_open(path, &why);
	log_event(login, LOG_TEXT("n", "first"));
	rename(path, old);
	log_event(login, LOG_TEXT("n", "second"));
	moved = follow_in_time();
	log_event(login, LOG_TEXT("n", "third"));
	dup2(keep, STDERR_FILENO);
	close(keep);
	buf_free(&why);
	assert_true(refused && opened && moved);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0137, 0);
	assert_non_null(strstr(text_of(old), "n=first"));
	assert_non_null(strstr(text_of(old), "n=second"));
	assert_null(strstr(text_of(path), "n=second"));
	assert_non_null(strstr(text_of(path), "event=log_opened"));
	assert_non_null(strstr(text_of(path), "n=third"));
	assert_int_equal(log_sink_wait(-1), 1000);
	assert_int_equal(log_sink_wait(5000), 1000);
	assert_int_equal(log_sink_wait(10), 10);
	unlink(old);
	unlink(path);
}

static void is_handed_over(void **state)
{
	int keep = dup(STDERR_FILENO);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);

	(void)state;
	log_sink_take(fd);
	log_event(login, LOG_TEXT("n", "taken"));
	dup2(keep, STDERR_FILENO);
	close(keep);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_non_null(strstr(text_of(path), "n=taken"));
	unlink(path);
}

static int listen_as_syslog(const char *at)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(name.sun_path, sizeof name.sun_path, "%s", at);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
	return fd;
}

static void hears(int fd, const char *start, const char *end)
{
	char got[PIPE_BUF + 1];
	ssize_t n = recv(fd, got, PIPE_BUF, 0);

	assert_true(n > 0);
	got[n] = '\0';
	assert_int_equal(strncmp(got, start, strlen(start)), 0);
	assert_string_equal(got + n - strlen(end), end);
}

/* The last: there is no way back from syslog. */
static void speaks_syslog(void **state)
{
	char where[PATH_MAX + 16], line[64];
	struct buf why = {0};
	int keep, fd, file;

	(void)state;
	snprintf(where, sizeof where, "syslog:%s/socket", folder);
	fd = listen_as_syslog(where + strlen("syslog:"));
	assert_true(log_sink_open(where, &why));
	log_start("me", LOG_DEBUG);
	log_event(internal, LOG_TEXT("n", "error"));
	snprintf(line, sizeof line, "<27>me[%d]: error event=internal ", (int)getpid());
	hears(fd, line, " n=error");
	log_event(state, LOG_TEXT("n", "two words"));
	hears(fd, "<31>me[", " n=\"two words\"");
	close(fd);
	keep = dup(STDERR_FILENO);
	file = open(path, O_WRONLY | O_CREAT, 0600);
	dup2(file, STDERR_FILENO);
	close(file);
	log_event(login, LOG_TEXT("n", "alone"));
	dup2(keep, STDERR_FILENO);
	close(keep);
	assert_non_null(strstr(text_of(path), "n=alone\n"));
	unlink(where + strlen("syslog:"));
	fd = listen_as_syslog(where + strlen("syslog:"));
	log_event(login, LOG_TEXT("n", "back"));
	hears(fd, "<30>me[", " n=back");
	close(fd);
	unlink(where + strlen("syslog:"));
	unlink(path);
}

static int drop_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"log: stderr, syslog, a socket's and a file's absolute path are places, nothing else is", places, NULL,
			NULL, NULL},
		{"log: a file that was moved away is opened anew", follows, NULL, NULL, NULL},
		{"log: a process that opens nothing is handed the new file", is_handed_over, NULL, NULL, NULL},
		{"log: syslog gets a datagram a line; while it is away, standard error gets it", speaks_syslog, NULL,
			NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_folder, drop_folder);
}

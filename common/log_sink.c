/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See log_sink.h. There is no signal and no command for a rotation: whoever moves the file away
 * gets a new one within a second. */
#include "common/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define LOOK_EVERY_MS 1000
#define SYSLOG "syslog"
#define SYSLOG_SOCKET "/dev/log"

static char file[PATH_MAX]; /* empty: the log is no file */
static int64_t looked_at;   /* ms */
static bool complained;
static int syslog_fd = -1;
static struct sockaddr_un syslog_at = {.sun_family = AF_UNIX};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The socket that "syslog" or "syslog:SOCKET" means; NULL: it means none. */
static const char *syslog_socket(const char *where)
{
	if (strncmp(where, SYSLOG, strlen(SYSLOG)) != 0)
		return NULL;
	where += strlen(SYSLOG);
	if (!*where)
		return SYSLOG_SOCKET;
	if (where[0] != ':' || where[1] != '/' || strlen(where + 1) >= sizeof syslog_at.sun_path)
		return NULL;
	return where + 1;
}

bool log_sink_is_place(const char *where)
{
	if (where[0] == '/')
		return strlen(where) < sizeof file;
	return strcmp(where, "stderr") == 0 || syslog_socket(where);
}

/* False: errno says why. */
static bool open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	bool done;

	if (fd < 0)
		return false;
	done = dup3(fd, STDERR_FILENO, 0) >= 0;
	close(fd);
	return done;
}

static bool open_syslog(const char *path)
{
	syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (syslog_fd < 0)
		return false;
	memcpy(syslog_at.sun_path, path, strlen(path) + 1);
	return true;
}

bool log_sink_open(const char *where, struct buf *why)
{
	const char *socket_path = syslog_socket(where);
	bool good = log_sink_is_place(where);

	errno = EINVAL;
	if (socket_path)
		good = open_syslog(socket_path);
	else if (good && *where == '/')
		good = open_file(where);
	if (!good)
		buf_printf(why, "%s: %s", where, strerror(errno));
	else if (*where == '/')
		memcpy(file, where, strlen(where) + 1);
	return good;
}

/* Is standard error still what the path leads to? */
static bool in_place(void)
{
	struct stat ours, there;

	return stat(file, &there) == 0 && fstat(STDERR_FILENO, &ours) == 0 &&
		ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

bool log_sink_follow(void)
{
	int64_t now = *file ? now_ms() : 0;
	bool moved;

	if (!*file || now - looked_at < LOOK_EVERY_MS)
		return false;
	looked_at = now;
	if (in_place())
		return false;
	moved = open_file(file);
	if (moved)
		log_event(log_opened, LOG_TEXT("file", file));
	else if (!complained) /* into the old one, once; it is tried on */
		log_event(log_failed, LOG_TEXT("file", file), LOG_TEXT("why", strerror(errno)));
	complained = !moved;
	return moved;
}

int log_sink_wait(int ms)
{
	return *file && (ms < 0 || ms > LOOK_EVERY_MS) ? LOOK_EVERY_MS : ms;
}

void log_sink_take(int fd)
{
	(void)dup3(fd, STDERR_FILENO, 0); /* failing, it goes on with the old one */
	close(fd);
}

int log_sink_socket(void)
{
	return syslog_fd;
}

bool log_sink_is_syslog(void)
{
	return syslog_fd >= 0;
}

static bool send_line(const char *line, size_t n)
{
	ssize_t sent;

	do
		sent = sendto(syslog_fd, line, n, MSG_NOSIGNAL, (const struct sockaddr *)&syslog_at,
			sizeof syslog_at);
	while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

/* A log that nobody can take is not worth a second try: the service goes on. What syslog does not
 * take goes to standard error. */
void log_sink_write(const char *line, size_t n)
{
	if (log_sink_is_syslog() && send_line(line, n - 1))
		return;
	while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
		continue;
}

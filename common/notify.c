/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See notify.h. The address is looked up each time: it happens a few times in a life, and a process
 * that executes itself anew finds it where it was. */
#include "common/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A path, or '@' and an abstract name. 0: there is none, or it is no such address. */
static socklen_t find_address(struct sockaddr_un *to)
{
	const char *name = getenv("NOTIFY_SOCKET");
	size_t n = name ? strlen(name) : 0;

	*to = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n < 2 || n >= sizeof to->sun_path || (*name != '/' && *name != '@'))
		return 0;
	memcpy(to->sun_path, name, n);
	if (*name == '@')
		to->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

static bool say(const char *words)
{
	struct sockaddr_un to;
	socklen_t size = find_address(&to);
	ssize_t n;
	int fd;

	if (!size)
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	do
		n = sendto(fd, words, strlen(words), MSG_NOSIGNAL, (const struct sockaddr *)&to,
			size);
	while (n < 0 && errno == EINTR);
	close(fd);
	return n >= 0;
}

bool notify_ready(const char *status)
{
	char words[256];

	snprintf(words, sizeof words, "READY=1\nMAINPID=%d\nSTATUS=%.200s", (int)getpid(), status);
	return say(words);
}

bool notify_reloading(void)
{
	char words[64];
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(words, sizeof words, "RELOADING=1\nMONOTONIC_USEC=%lld",
		(long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	return say(words);
}

bool notify_stopping(void)
{
	return say("STOPPING=1");
}

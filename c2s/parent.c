/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Words between parent and worker, one byte each, so that the kernel keeps them apart and whole. */
#include "c2s/parent.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

bool parent_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0;
}

bool parent_say(int fd, enum parent_word word, int passed)
{
	char byte = (char)word;
	struct iovec bytes = {&byte, 1};
	union control control = {0};
	struct msghdr m = {.msg_iov = &bytes, .msg_iovlen = 1};
	ssize_t n;

	if (passed >= 0) {
		struct cmsghdr *c;

		m.msg_control = control.bytes;
		m.msg_controllen = sizeof control.bytes;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof passed);
		memcpy(CMSG_DATA(c), &passed, sizeof passed);
	}
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == 1;
}

/* There is room for one descriptor, so the kernel hands over no second one. */
static void take_passed(struct msghdr *m, int *passed)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
			c->cmsg_len == CMSG_LEN(sizeof *passed))
			memcpy(passed, CMSG_DATA(c), sizeof *passed);
}

enum parent_heard parent_hear(int fd, enum parent_word *word, int *passed)
{
	char byte = 0;
	struct iovec bytes = {&byte, 1};
	union control control = {0};
	struct msghdr m = {.msg_iov = &bytes, .msg_iovlen = 1};
	ssize_t n;

	if (passed) {
		*passed = -1;
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof control.bytes;
	}
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return PARENT_NOTHING;
	if (passed)
		take_passed(&m, passed);
	*word = (enum parent_word)byte;
	return n == 1 ? PARENT_WORD : PARENT_GONE;
}

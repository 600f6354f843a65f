/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Words between parent and worker, and the descriptors that go with them. */
#include "c2s/parent.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void words(void **state)
{
	enum parent_word word;
	int fd[2], passed;

	(void)state;
	assert_true(parent_pair(fd));
	assert_int_equal(parent_hear(fd[0], &word, NULL), PARENT_NOTHING);
	assert_true(parent_say(fd[1], PARENT_READY, -1));
	assert_true(parent_say(fd[1], PARENT_WANT_LINK, -1));
	assert_int_equal(parent_hear(fd[0], &word, &passed), PARENT_WORD);
	assert_int_equal(word, PARENT_READY);
	assert_int_equal(passed, -1);
	assert_int_equal(parent_hear(fd[0], &word, NULL), PARENT_WORD);
	assert_int_equal(word, PARENT_WANT_LINK);
	assert_int_equal(parent_hear(fd[0], &word, NULL), PARENT_NOTHING);
	close(fd[1]);
	assert_int_equal(parent_hear(fd[0], &word, NULL), PARENT_GONE);
	assert_false(parent_say(fd[0], PARENT_STOP, -1));
	close(fd[0]);
}

static void a_descriptor(void **state)
{
	enum parent_word word;
	int fd[2], link[2], passed;
	char byte;

	(void)state;
	assert_true(parent_pair(fd));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, link), 0);
	assert_true(parent_say(fd[0], PARENT_LINK, link[0]));
	close(link[0]);
	assert_int_equal(parent_hear(fd[1], &word, &passed), PARENT_WORD);
	assert_int_equal(word, PARENT_LINK);
	assert_true(passed >= 0);
	assert_true(fcntl(passed, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(link[1], "x", 1), 1);
	assert_int_equal(read(passed, &byte, 1), 1);
	close(passed);
	close(link[1]);
	close(fd[0]);
	close(fd[1]);
}

static void descriptors_nobody_asked_for(void **state)
{
	enum parent_word word;
	int fd[2], next;

	(void)state;
	assert_true(parent_pair(fd));
	next = dup(fd[0]);
	close(next);
	for (int i = 0; i < 10; i++) {
		assert_true(parent_say(fd[1], PARENT_WANT_LINK, fd[1]));
		assert_int_equal(parent_hear(fd[0], &word, NULL), PARENT_WORD);
	}
	assert_int_equal(dup(fd[0]), next); /* none has come in */
	close(next);
	close(fd[0]);
	close(fd[1]);
}

static void nonsense(void **state)
{
	enum parent_word word;
	int fd[2];

	(void)state;
	assert_true(parent_pair(fd));
	assert_int_equal(send(fd[1], "", 0, 0), 0);
	assert_int_equal(parent_hear(fd[0], &word, NULL), PARENT_GONE);
	while (parent_say(fd[1], PARENT_WANT_LINK, -1))
		continue; /* full: it fails, and does not wait */
	assert_int_equal(parent_hear(fd[0], &word, NULL), PARENT_WORD);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"parent: words arrive one by one, and the end is seen", words, NULL, NULL, NULL},
		{"parent: a descriptor comes with its word", a_descriptor, NULL, NULL, NULL},
		{"parent: descriptors that nobody asked for are not taken in",
			descriptors_nobody_asked_for, NULL, NULL, NULL},
		{"parent: nonsense is the end, a full socket is no wait", nonsense, NULL, NULL,
			NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

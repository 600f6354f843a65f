/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading a password without showing it. The terminal gets its echo back whatever ends the wait,
 * and the signal that ended it is then passed on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/prep.h"
#include "sm/cli.h"

#define LINE_MOST 4096 /* bytes */

static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

/* Without its newline. False: nothing came (the input ended or failed), or too much. */
static bool read_line(int fd, struct buf *line)
{
	char c;
	ssize_t n;

	buf_room(line, LINE_MOST); /* so that no copy of it stays behind in a block given back */
	for (;;) {
		n = read(fd, &c, 1);
		if (n < 0 && errno == EINTR && !caught)
			continue;
		if (n < 0 || line->n == LINE_MOST - 1)
			return false;
		if (n == 0)
			return line->n > 0;
		if (c == '\n')
			return true;
		buf_putc(line, c);
	}
}

static void say(int fd, const char *words)
{
	ssize_t n = write(fd, words, strlen(words));

	(void)n; /* a prompt that cannot be shown */
}

static bool ask(int fd, const char *prompt, struct buf *line)
{
	bool done;

	say(fd, prompt);
	done = read_line(fd, line);
	say(fd, "\n");
	return done;
}

/* Both lines are read with the echo off. */
static bool ask_twice(int fd, const char *account, struct buf *first, struct buf *second)
{
	struct sigaction act = {.sa_handler = on_signal}, before[COUNT(watched)];
	struct termios shown, hidden;
	struct buf prompt = {0};
	bool done;

	if (tcgetattr(fd, &shown) != 0)
		return false;
	for (size_t i = 0; i < COUNT(watched); i++)
		sigaction(watched[i], &act, &before[i]);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	tcsetattr(fd, TCSAFLUSH, &hidden);
	buf_printf(&prompt, "New password of %s: ", account);
	done = ask(fd, buf_cstr(&prompt), first) && ask(fd, "The same again: ", second);
	tcsetattr(fd, TCSAFLUSH, &shown);
	buf_free(&prompt);
	for (size_t i = 0; i < COUNT(watched); i++)
		sigaction(watched[i], &before[i], NULL);
	if (caught)
		raise(caught);
	return done;
}

/* SCRAM's proof is of one form of the password only. Clients that know RFC 5802's form, and not
 * that of RFC 8265, cannot prove one that differs (compatibility characters: x² is x2 to them). */
static void warn_of_older_clients(const struct buf *prepared)
{
	struct buf older = {0};

	buf_room(&older, LINE_MOST);
	if (!prep_saslprep(&older, buf_str(prepared)) ||
		!str_eq(buf_str(&older), buf_str(prepared)))
		fprintf(stderr,
			"note: older clients, which prepare passwords by SASLprep (RFC 4013), cannot "
			"log in with this one: it has characters that those change or refuse\n");
	buf_wipe(&older);
}

static enum exit_status prepare(struct buf *password, struct buf *prepared)
{
	buf_room(prepared, LINE_MOST);
	if (prep_password(prepared, buf_str(password))) {
		warn_of_older_clients(prepared);
		return CLI_DONE;
	}
	return cli_fail(CLI_REFUSED,
		"this cannot be a password: it is empty, too long, or has control characters");
}

static enum exit_status from_terminal(const char *account, struct buf *prepared)
{
	struct buf first = {0}, second = {0};
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	enum exit_status status;

	if (fd < 0)
		return cli_fail(CLI_REFUSED, "there is no terminal to ask for the password");
	if (!ask_twice(fd, account, &first, &second))
		status = cli_fail(CLI_REFUSED, "no password was given");
	else if (!str_eq(buf_str(&first), buf_str(&second)))
		status = cli_fail(CLI_REFUSED, "the two passwords differ");
	else
		status = prepare(&first, prepared);
	close(fd);
	buf_wipe(&first);
	buf_wipe(&second);
	return status;
}

enum exit_status cli_password(const char *account, struct buf *prepared)
{
	struct buf line = {0};
	enum exit_status status;

	if (isatty(STDIN_FILENO))
		return from_terminal(account, prepared);
	if (read_line(STDIN_FILENO, &line))
		status = prepare(&line, prepared);
	else
		status = cli_fail(CLI_REFUSED,
			"no password was given: it is expected as one line of standard input");
	buf_wipe(&line);
	return status;
}

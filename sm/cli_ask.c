/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Asking the running sm over its control socket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sm/cli.h"

/* -1: nobody is there; -2: it may not be asked; -3: said otherwise. */
static int connect_control(const struct cli *c)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int n = snprintf(to.sun_path, sizeof to.sun_path, "%s/control.sock",
		c->conf->run_directory);
	int fd, cause;

	if (n < 0 || (size_t)n >= sizeof to.sun_path) {
		cli_fail(CLI_CONFIG, "%s: the path of run-directory is too long",
			c->conf->run_directory);
		return -3;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	cause = errno;
	if (fd >= 0)
		close(fd);
	if (cause == ENOENT || cause == ECONNREFUSED || cause == ENOTDIR)
		return -1;
	if (cause == EACCES || cause == EPERM)
		return -2;
	cli_fail(CLI_NOT_RUNNING, "%s: %s", to.sun_path, strerror(cause));
	return -3;
}

/* A peer that answers before it has read everything is no failure: its answer says why. */
static void send_all(int fd, struct str bytes)
{
	while (bytes.n) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		bytes = str_skip(bytes, (size_t)n);
	}
	shutdown(fd, SHUT_WR);
}

static void receive_all(int fd, struct buf *out)
{
	ssize_t n;

	do {
		n = recv(fd, buf_room(out, 65536), 65536, 0);
		if (n > 0)
			buf_grew(out, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
}

/* Takes the status line and the last line off. */
static enum exit_status unpack(struct buf *answer)
{
	struct str head, body, number, why;
	uint64_t status;

	str_cut(buf_str(answer), '\n', &head, &body);
	str_cut(head, ' ', &number, &why);
	if (!str_u64(number, &status) || !str_ends(buf_str(answer), STR("\n.\n")))
		return cli_fail(CLI_REFUSED, "sm broke off its answer");
	if (status != 0)
		return cli_fail((enum exit_status)status, "%.*s", STR_ARG(why));
	answer->n -= strlen(".\n");
	buf_drop(answer, head.n + 1);
	return CLI_DONE;
}

int cli_send(const struct cli *c, struct str secret, enum exit_status *status)
{
	struct buf request = {0};
	int fd = connect_control(c);

	if (fd == -1)
		*status = CLI_NOT_RUNNING;
	else if (fd == -2)
		*status = cli_fail(CLI_NOT_PERMITTED, "you may not use sm's control socket");
	else if (fd < 0)
		*status = CLI_REFUSED;
	if (fd < 0)
		return -1;
	request_write(&request, &c->request);
	buf_put(&request, secret);
	send_all(fd, buf_str(&request));
	buf_wipe(&request);
	*status = CLI_DONE;
	return fd;
}

enum exit_status cli_exchange(const struct cli *c, struct str secret, struct buf *answer)
{
	enum exit_status status;
	int fd = cli_send(c, secret, &status);

	if (fd < 0)
		return status;
	receive_all(fd, answer);
	close(fd);
	return unpack(answer);
}

/* 0: standard output is no terminal. */
static unsigned terminal_columns(void)
{
	struct winsize size = {0};

	if (!isatty(STDOUT_FILENO))
		return 0;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

/* What fails shows in the end, in ferror. */
static void write_out(struct buf *out)
{
	(void)!fwrite(out->p, 1, out->n, stdout);
	buf_clear(out);
}

enum exit_status cli_print(const struct cli *c, struct str answer)
{
	const struct cli_form form = {c->json, terminal_columns(), write_out};
	struct buf out = {0};
	bool shown = cli_show(&out, answer, &form);

	if (shown)
		write_out(&out);
	buf_free(&out);
	if (!shown)
		return cli_fail(CLI_REFUSED,
			"sm's answer cannot be read: is it of another version?");
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_fail(CLI_REFUSED, "standard output cannot be written");
	return CLI_DONE;
}

enum exit_status cli_ask(const struct cli *c)
{
	struct buf answer = {0};
	enum exit_status status = cli_exchange(c, STR_NONE, &answer);

	if (status == CLI_NOT_RUNNING)
		cli_fail(status, "sm does not run: nobody listens in %s", c->conf->run_directory);
	else if (status == CLI_DONE)
		status = cli_print(c, buf_str(&answer));
	buf_free(&answer);
	return status;
}

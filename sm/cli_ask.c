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
#include "sm/cli_answer.h"

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

static enum exit_status written(struct buf *out)
{
	write_out(out);
	buf_free(out);
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_fail(CLI_REFUSED, "standard output cannot be written");
	return CLI_DONE;
}

static enum exit_status cannot_read(void)
{
	return cli_fail(CLI_REFUSED, "sm's answer cannot be read: is it of another version?");
}

enum exit_status cli_print(const struct cli *c, struct str answer)
{
	const struct cli_form form = {c->json, terminal_columns(), write_out};
	struct buf out = {0};

	if (cli_show(&out, answer, &form))
		return written(&out);
	buf_free(&out);
	return cannot_read();
}

/* --- an answer that is read while it comes ---------------------------------------------------- */

#define BLOCK ((size_t)256 * 1024)

struct reception {
	struct answer answer; /* borrows from the blocks, which are in its space and do not move */
	char *block;
	size_t size, n;
	size_t line; /* where in the block the line begins that is not whole yet */
	bool begun, ended;
	enum exit_status status; /* what sm said */
	struct str why;
};

/* Room for at least half a block more; the line that has begun goes along. */
static void make_room(struct reception *r)
{
	size_t begun = r->n - r->line;
	char *block;

	if (r->size - r->n >= BLOCK / 2)
		return;
	r->size = BLOCK + 2 * begun;
	block = space_new(&r->answer.space, r->size);
	if (begun)
		memcpy(block, r->block + r->line, begun);
	r->block = block;
	r->n = begun;
	r->line = 0;
}

static bool take_status(struct reception *r, struct str line)
{
	struct str number;
	uint64_t status;

	str_cut(line, ' ', &number, &r->why);
	if (!str_u64(number, &status) || status > UINT8_MAX)
		return false;
	r->begun = true;
	r->status = (enum exit_status)status;
	return true;
}

static bool take_line(struct reception *r, struct str line)
{
	if (!r->begun)
		return take_status(r, line);
	if (r->ended)
		return false;
	r->ended = str_is(line, ".");
	return r->ended || r->status != CLI_DONE || answer_line(&r->answer, line);
}

static bool take_lines(struct reception *r)
{
	struct str rest = str_at(r->block + r->line, r->n - r->line), line, behind;

	while (str_cut(rest, '\n', &line, &behind)) {
		rest = behind;
		if (!take_line(r, line))
			return false;
	}
	r->line = r->n - rest.n;
	return true;
}

/* False: malformed. */
static bool receive_lines(struct reception *r, int fd)
{
	ssize_t n;

	do {
		make_room(r);
		n = recv(fd, r->block + r->n, r->size - r->n, 0);
		if (n > 0)
			r->n += (size_t)n;
		if (n > 0 && !take_lines(r))
			return false;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return true;
}

static enum exit_status show(const struct cli *c, struct answer *a)
{
	struct buf out = {0};

	(void)setvbuf(stdout, NULL, _IONBF, 0); /* pieces leave as they are */
	answer_sort(a);
	if (c->json)
		answer_json(&out, a);
	else
		answer_text(&out, a, terminal_columns());
	return written(&out);
}

enum exit_status cli_follow(const struct cli *c, int fd)
{
	struct reception r = {.answer = {.json = c->json, .flush = write_out}};
	enum exit_status status;

	if (!receive_lines(&r, fd))
		status = cannot_read();
	else if (!r.ended)
		status = cli_fail(CLI_REFUSED, "sm broke off its answer");
	else if (r.status != CLI_DONE)
		status = cli_fail(r.status, "%.*s", STR_ARG(r.why));
	else
		status = show(c, &r.answer);
	answer_end(&r.answer);
	return status;
}

enum exit_status cli_ask(const struct cli *c)
{
	enum exit_status status;
	int fd = cli_send(c, STR_NONE, &status);

	if (fd >= 0) {
		status = cli_follow(c, fd);
		close(fd);
	} else if (status == CLI_NOT_RUNNING) {
		cli_fail(status, "sm does not run: nobody listens in %s", c->conf->run_directory);
	}
	return status;
}

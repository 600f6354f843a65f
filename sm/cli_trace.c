/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sm trace: prints the lines of an answer that has no end, as they come. A line that begins with
 * '#' says only that sm is still there. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sm/cli.h"
#include "sm/cli_cell.h"

#define LINE_MOST 65536

/* False: it cannot be printed. */
static bool print_words(struct str escaped)
{
	struct arena memory = {0};
	struct buf plain = {0};
	bool good = word_unescape(&plain, escaped);

	if (good) {
		struct str text = cell_text(&memory, NULL, 's', buf_str(&plain));

		good = printf("%.*s\n", STR_ARG(text)) >= 0 && fflush(stdout) == 0;
	}
	arena_end(&memory);
	buf_free(&plain);
	return good;
}

/* The status line. */
static enum exit_status take_head(struct str line)
{
	struct str number, why;
	uint64_t status;

	str_cut(line, ' ', &number, &why);
	if (!str_u64(number, &status))
		return cli_fail(CLI_REFUSED, "sm's answer cannot be read");
	if (status)
		return cli_fail((enum exit_status)status, "%.*s", STR_ARG(why));
	return CLI_DONE;
}

/* Takes the whole lines off the front of `in`. */
static enum exit_status take_lines(struct buf *in, bool *has_head)
{
	enum exit_status status = CLI_DONE;
	struct str rest = buf_str(in), line, tail;

	while (status == CLI_DONE && str_cut(rest, '\n', &line, &tail)) {
		rest = tail;
		if (!*has_head)
			status = take_head(line);
		else if (str_starts(line, STR("! ")) && !print_words(str_skip(line, 2)))
			status = cli_fail(CLI_REFUSED, "standard output cannot be written");
		*has_head = true;
	}
	buf_drop(in, in->n - rest.n);
	return status;
}

enum exit_status cli_trace(const struct cli *c)
{
	enum exit_status status = CLI_DONE;
	struct buf in = {0};
	bool has_head = false;
	int fd = cli_send(c, STR_NONE, &status);

	if (status == CLI_NOT_RUNNING)
		return cli_fail(status, "sm does not run: nobody listens in %s",
			c->conf->run_directory);
	while (status == CLI_DONE && in.n < LINE_MOST) {
		ssize_t n = recv(fd, buf_room(&in, 4096), 4096, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		buf_grew(&in, (size_t)n);
		status = take_lines(&in, &has_head);
	}
	buf_free(&in);
	if (fd >= 0)
		close(fd);
	return status == CLI_DONE ? cli_fail(CLI_NOT_RUNNING, "sm has gone") : status;
}

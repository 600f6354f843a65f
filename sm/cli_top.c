/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sm top: a page that says how the server is, each second anew, out of what `status` and `stats`
 * answer. 80 columns; lines that would not fit the terminal are left out from below. Rates are
 * differences between two pages; what workers count arrives every two seconds, so those are
 * averaged over the last four. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "sm/cli.h"
#include "sm/top.h"

#define EVERY_MS 1000

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
	(void)number;
	is_over = 1;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- asking ----------------------------------------------------------------------------------- */

static enum exit_status ask(const struct cli *c, const char *command, struct buf *answer)
{
	struct cli other = *c;
	struct str word = str_of(command);

	other.request = (struct request){.command = command_find(&word, 1)};
	return cli_exchange(&other, STR_NONE, answer);
}

static enum exit_status look(const struct cli *c, struct top_look *l)
{
	struct buf status = {0}, stats = {0};
	enum exit_status result = ask(c, "status", &status);

	if (result == CLI_DONE)
		result = ask(c, "stats", &stats);
	if (result == CLI_NOT_RUNNING)
		cli_fail(result, "sm does not run: nobody listens in %s", c->conf->run_directory);
	l->at = now_ms();
	if (result == CLI_DONE && !top_read(l, buf_str(&status), buf_str(&stats)))
		result = cli_fail(CLI_REFUSED,
			"sm's answer cannot be read: is it of another version?");
	buf_free(&status);
	buf_free(&stats);
	return result;
}

/* --- the terminal ----------------------------------------------------------------------------- */

/* False: the page cannot be written. */
static bool put(struct buf *page)
{
	bool done = fwrite(page->p, 1, page->n, stdout) == page->n && fflush(stdout) == 0;

	buf_clear(page);
	return done;
}

static unsigned rows_of_terminal(void)
{
	struct winsize size = {0};

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row ? size.ws_row : 24;
}

/* Keys are read as they come, and not shown. False: standard input is no terminal. */
static bool take_keys(struct termios *old)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, old) != 0)
		return false;
	raw = *old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void wait_for_key(bool has_keys, int ms)
{
	struct pollfd in = {.fd = has_keys ? STDIN_FILENO : -1, .events = POLLIN};
	char key;

	if (poll(&in, 1, ms < 0 ? 0 : ms) <= 0)
		return;
	if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
		is_over = 1;
}

static enum exit_status watch(const struct cli *c, bool has_keys)
{
	struct top_look looks[TOP_LOOKS] = {{0}};
	enum exit_status result = CLI_DONE;
	struct buf page = {0};

	while (!is_over && result == CLI_DONE) {
		int64_t begun = now_ms();

		memmove(looks + 1, looks, sizeof looks - sizeof looks[0]);
		looks[0] = (struct top_look){0};
		result = look(c, &looks[0]);
		if (result != CLI_DONE)
			break;
		buf_puts(&page, "\033[H");
		top_page(&page, looks, rows_of_terminal(), true);
		buf_puts(&page, "\033[J");
		if (!put(&page))
			result = CLI_REFUSED;
		wait_for_key(has_keys, (int)(begun + EVERY_MS - now_ms()));
	}
	buf_free(&page);
	return result;
}

/* The screen that was there comes back at the end, and what went wrong is said on it. */
static enum exit_status watch_on_terminal(const struct cli *c)
{
	const struct sigaction end = {.sa_handler = on_signal};
	struct termios old;
	bool has_keys = take_keys(&old);
	enum exit_status result;

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	fputs("\033[?1049h\033[?25l", stdout);
	result = watch(c, has_keys);
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &old);
	return result;
}

enum exit_status cli_top(const struct cli *c)
{
	struct top_look looks[TOP_LOOKS] = {{0}};
	struct buf page = {0};
	enum exit_status result;

	if (!request_option(&c->request, "once")) {
		if (isatty(STDOUT_FILENO))
			return watch_on_terminal(c);
		return cli_fail(CLI_USAGE, "top needs a terminal; there is top --once");
	}
	result = look(c, &looks[1]);
	poll(NULL, 0, EVERY_MS);
	if (result == CLI_DONE)
		result = look(c, &looks[0]);
	if (result == CLI_DONE) {
		top_page(&page, looks, 0, false);
		if (!put(&page))
			result = cli_fail(CLI_REFUSED, "standard output cannot be written");
	}
	buf_free(&page);
	return result;
}

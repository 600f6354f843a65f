/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The sm command. One function for each command (commands.def), run in a process that lives for it
 * alone: what it takes may be left to the end of the process. Errors are one line on standard
 * error. */
#ifndef SM_CLI_H
#define SM_CLI_H

#include "common/conf.h"
#include "sm/command.h"

enum exit_status {
	CLI_DONE = 0,
	CLI_REFUSED = 1, /* or there is none such */
	CLI_USAGE = 64,
	CLI_NOT_RUNNING = 69,
	CLI_NOT_PERMITTED = 77,
	CLI_CONFIG = 78
};

struct cli {
	const char *conf_path;
	const struct conf *conf;
	struct request request;
	bool json;
};

#define CMD(words, arguments, options, rights, here, there, help) \
	enum exit_status cli_##here(const struct cli *c);
#include "sm/commands.def"
#undef CMD

/* The whole program: words[0] is its name. */
int cli_main(int count, char **words);

/* Says "sm: ..." on standard error, and returns `status`. */
enum exit_status cli_fail(enum exit_status status, const char *format, ...) PRINTF_LIKE(2, 3);

/* cli_ask.c. Sends the request, with a second line when `secret` is not empty, and collects the
 * answer without its first and last line. CLI_NOT_RUNNING: nobody is there, and nothing was said to
 * the user yet; any other failure has been said. */
MUST_CHECK enum exit_status cli_exchange(const struct cli *c, struct str secret,
	struct buf *answer);
/* The same, without waiting for the answer: a descriptor to read it from, or -1 and the status. */
MUST_CHECK int cli_send(const struct cli *c, struct str secret, enum exit_status *status);

/* How an answer is shown. */
struct cli_form {
	bool json;
	unsigned columns;               /* of the terminal; 0: there is none, nothing is cut */
	void (*flush)(struct buf *out); /* may be called on the way, and empties it; or NULL */
};

/* cli_show.c. The lines of an answer (report.h) as text or JSON. False: malformed, `out` is as it
 * was. */
MUST_CHECK bool cli_show(struct buf *out, struct str answer, const struct cli_form *form);
MUST_CHECK enum exit_status cli_print(const struct cli *c, struct str answer);

/* cli_ask.c. Reads the whole answer from the descriptor, line by line while it comes, and shows it
 * on standard output, or says on standard error why not. */
MUST_CHECK enum exit_status cli_follow(const struct cli *c, int fd);

/* cli_password.c. From the terminal, twice and without echo, or one line of standard input;
 * prepared. */
MUST_CHECK enum exit_status cli_password(const char *account, struct buf *prepared);

#endif

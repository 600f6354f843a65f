/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands as both sides of the control socket know them: the rows of commands.def, a request,
 * and how it is read from words and written as a line. */
#ifndef SM_COMMAND_H
#define SM_COMMAND_H

#include "common/buf.h"

enum rights { RIGHTS_local, RIGHTS_read, RIGHTS_change };

struct command {
	const char *words, *arguments, *options, *help;
	enum rights rights;
};

extern const struct command commands[];
enum {
#define CMD(words, arguments, options, rights, here, there, help) +1
	COMMAND_COUNT = 0
#include "sm/commands.def"
#undef CMD
};

#define REQUEST_WORDS_MOST 16
#define REQUEST_OPTIONS_MOST 4
#define REQUEST_LINE_MOST 16384 /* bytes */

/* Borrows the words that it was read from. */
struct request {
	size_t command; /* row of commands[] */
	struct str arguments[REQUEST_WORDS_MOST];
	size_t argument_count;
	struct request_option {
		struct str name, value; /* name without "--"; value empty for one without */
	} options[REQUEST_OPTIONS_MOST];
	size_t option_count;
};

/* False: no such command, or not its arguments and options; `why` in one line. */
MUST_CHECK bool request_read(struct request *r, const struct str *words, size_t n, struct buf *why);
/* The option's value, or NULL when it was not given. */
const struct str *request_option(const struct request *r, const char *name);
/* "account add JID [--option VALUE]" */
void command_usage(struct buf *out, const struct command *c);
/* The row whose words are all of these; COMMAND_COUNT: none. */
size_t command_find(const struct str *words, size_t n);

/* A word as it goes over the socket and into the answer: no blank, no control character. Empty is
 * nothing at all. */
void word_escape(struct buf *out, struct str word);
MUST_CHECK bool word_unescape(struct buf *out, struct str escaped);
/* The request for people, as it was typed: for the log, which escapes. */
void request_describe(struct buf *out, const struct request *r);
/* The request as one line, with its newline; --json stays with the CLI. */
void request_write(struct buf *out, const struct request *r);
/* Reads such a line (without newline); the words go to `store`, which must not change
 * afterwards. */
MUST_CHECK bool request_parse(struct request *r, struct str line, struct buf *store,
	struct buf *why);

#endif

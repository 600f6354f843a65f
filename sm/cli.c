/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The words of the command line: options for all of sm, then a command of commands.def. */
#include "sm/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "common/log.h"
#include "sm/db.h"
#include "sm/serve.h"

#define WORDS_MOST 64

static enum exit_status (*const handlers[])(const struct cli *c) = {
#define CMD(words, arguments, options, rights, here, there, help) cli_##here,
#include "sm/commands.def"
#undef CMD
};

static const char about[] =
	"usage: sm [--config FILE] COMMAND\n"
	"       sm [--config FILE] --check | --defaults | --version | --help\n"
	"\n"
	"The house of gatehouse: knows the accounts and who is in, and routes.\n"
	"\n";

static const char about_options[] =
	"\n"
	"  -c, --config FILE  the configuration of both programs (" GATEHOUSE_CONF ")\n"
	"      --check        read the configuration, say what is wrong, and end\n"
	"      --defaults     print a configuration with every setting, its meaning and its default\n"
	"      --version      print versions, also of the libraries in use\n"
	"  -h, --help         print this; after a command: what it does\n"
	"\n"
	"Exit status: 0 done, 1 refused or not found, 64 wrong words, 69 sm does not run,\n"
	"77 not permitted, 78 unusable configuration.\n";

enum exit_status cli_fail(enum exit_status status, const char *format, ...)
{
	va_list args;

	fputs("sm: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

static enum exit_status print(struct buf *text)
{
	bool done = fwrite(text->p, 1, text->n, stdout) == text->n && fflush(stdout) == 0;

	buf_free(text);
	return done ? CLI_DONE : cli_fail(CLI_REFUSED, "standard output cannot be written");
}

/* --- what needs no command ------------------------------------------------------------------- */

static enum exit_status help_all(void)
{
	struct buf out = {0};

	buf_puts(&out, about);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		buf_puts(&out, "  sm ");
		command_usage(&out, &commands[i]);
		buf_printf(&out, "\n        %s\n", commands[i].help);
	}
	buf_puts(&out, about_options);
	return print(&out);
}

static enum exit_status help_on(const struct command *c)
{
	struct buf out = {0};

	buf_puts(&out, "usage: sm [--config FILE] ");
	command_usage(&out, c);
	buf_printf(&out, "\n\n%c%s.\n", c->help[0] - 'a' + 'A', c->help + 1);
	if (c->rights == RIGHTS_read)
		buf_puts(&out, "Members of admin-group and admin-group-read may use it.\n");
	else if (c->rights == RIGHTS_change)
		buf_puts(&out, "Members of admin-group may use it; its use is a log event.\n");
	return print(&out);
}

enum exit_status cli_help(const struct cli *c)
{
	size_t row = command_find(c->request.arguments, c->request.argument_count);

	if (c->request.argument_count == 0)
		return help_all();
	if (row == COMMAND_COUNT)
		return cli_fail(CLI_USAGE, "no such command; see sm --help");
	return help_on(&commands[row]);
}

static enum exit_status print_version(void)
{
	struct buf out = {0};

	buf_printf(&out, "gatehouse sm %s\nSQLite %s\nlibuv %s\n", GATEHOUSE_VERSION,
		db_library_version(), uv_version_string());
	return print(&out);
}

static enum exit_status print_defaults(void)
{
	struct buf out = {0};

	conf_defaults(&out);
	return print(&out);
}

/* With the configuration. The line that says what is wrong with it has file and line number, and no
 * other word before it. */
static enum exit_status run_with_conf(struct cli *c, enum exit_status (*run)(const struct cli *c))
{
	struct buf why = {0};
	struct conf *conf = conf_load(c->conf_path, &why);
	enum exit_status status = CLI_CONFIG;

	c->conf = conf;
	if (conf)
		status = run(c);
	else
		fprintf(stderr, "%s\n", buf_cstr(&why));
	conf_free(&conf);
	buf_free(&why);
	return status;
}

static enum exit_status say_ok(const struct cli *c)
{
	struct buf out = {0};

	buf_printf(&out, "%s: ok\n", c->conf_path);
	return print(&out);
}

enum exit_status cli_serve(const struct cli *c)
{
	log_start("sm", (enum log_level)c->conf->log_level);
	return (enum exit_status)serve(c->conf, c->conf_path);
}

/* --- words ----------------------------------------------------------------------------------- */

enum wish { WISH_COMMAND, WISH_HELP, WISH_VERSION, WISH_DEFAULTS, WISH_CHECK };

struct words {
	struct str of_command[WORDS_MOST];
	size_t n;
	enum wish wish;
};

/* Options of sm itself may stand anywhere before "--". False: not one of them. */
static bool take_wish(const char *word, struct words *w)
{
	static const struct {
		const char *word;
		enum wish wish;
	} wishes[] = {
		{"--help", WISH_HELP},
		{"-h", WISH_HELP},
		{"--version", WISH_VERSION},
		{"--defaults", WISH_DEFAULTS},
		{"--check", WISH_CHECK},
	};

	for (size_t i = 0; i < COUNT(wishes); i++) {
		if (strcmp(word, wishes[i].word) != 0)
			continue;
		w->wish = wishes[i].wish;
		return true;
	}
	return false;
}

/* --config FILE, --config=FILE, -c FILE. False: another word. *at moves on to the last one used. */
static bool take_config(int count, char **words, int *at, const char **path)
{
	const char *word = words[*at];

	if (strncmp(word, "--config=", strlen("--config=")) == 0) {
		*path = word + strlen("--config=");
		return true;
	}
	if (strcmp(word, "--config") != 0 && strcmp(word, "-c") != 0)
		return false;
	*path = ++*at < count ? words[*at] : "";
	return true;
}

/* Does the word behind belong to the option before it? "--reason --help" is a reason. */
static bool is_value(const struct words *w)
{
	struct str last = w->n ? w->of_command[w->n - 1] : STR_NONE;

	return str_is(last, "--reason") || str_is(last, "--user") || str_is(last, "--domain");
}

static bool read_words(int count, char **words, struct words *w, const char **path)
{
	bool over = false;

	for (int i = 1; i < count; i++) {
		bool own = !over && !is_value(w);

		over = over || (own && strcmp(words[i], "--") == 0);
		if (own && (take_wish(words[i], w) || take_config(count, words, &i, path)))
			continue;
		if (w->n == WORDS_MOST)
			return false;
		w->of_command[w->n++] = str_of(words[i]);
	}
	return true;
}

static enum exit_status run_command(struct cli *c, const struct words *w)
{
	struct buf why = {0};
	enum exit_status status = CLI_DONE;

	if (!request_read(&c->request, w->of_command, w->n, &why))
		status = cli_fail(CLI_USAGE, "%s", buf_cstr(&why));
	buf_free(&why);
	if (status != CLI_DONE)
		return status;
	c->json = request_option(&c->request, "json") != NULL;
	if (handlers[c->request.command] == cli_help)
		return cli_help(c);
	return run_with_conf(c, handlers[c->request.command]);
}

int cli_main(int count, char **words)
{
	struct cli c = {.conf_path = GATEHOUSE_CONF};
	struct words w = {.wish = WISH_COMMAND};

	if (!read_words(count, words, &w, &c.conf_path))
		return cli_fail(CLI_USAGE, "too many words; see sm --help");
	if (!*c.conf_path)
		return cli_fail(CLI_USAGE, "--config needs a file");
	if (w.wish == WISH_COMMAND)
		return (int)(w.n ? run_command(&c, &w)
				 : cli_fail(CLI_USAGE, "no command; see sm --help"));
	if (w.wish == WISH_HELP && w.n) {
		memcpy(c.request.arguments, w.of_command, sizeof c.request.arguments);
		c.request.argument_count = w.n < REQUEST_WORDS_MOST ? w.n : REQUEST_WORDS_MOST;
		while (c.request.argument_count > 1 &&
			command_find(c.request.arguments, c.request.argument_count) ==
				COMMAND_COUNT)
			c.request.argument_count--; /* "sm kick somebody --help" is about kick */
	} else if (w.n) {
		return cli_fail(CLI_USAGE, "unexpected word '%.*s'; see sm --help",
			STR_ARG(w.of_command[0]));
	}
	switch (w.wish) {
	case WISH_VERSION:
		return print_version();
	case WISH_DEFAULTS:
		return print_defaults();
	case WISH_CHECK:
		return run_with_conf(&c, say_ok);
	default:
		return cli_help(&c);
	}
}

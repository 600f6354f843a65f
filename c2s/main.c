/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * c2s, the gates: command line, configuration, keys; then the parent (prefork.c). */
#include "c2s/prefork.h"
#include "c2s/tls.h"
#include "common/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <uv.h>


static const char usage[] =
	"usage: c2s [--config FILE] [--check]\n"
	"       c2s --defaults | --version | --help\n"
	"\n"
	"The gates of gatehouse: takes XMPP clients in, and passes their stanzas to sm.\n"
	"\n"
	"  -c, --config FILE  the configuration of both programs (" GATEHOUSE_CONF ")\n"
	"      --check        read configuration, certificate and key, say what is wrong, and end\n"
	"      --defaults     print a configuration with every setting, its meaning and default\n"
	"      --version      print versions, also of the libraries in use\n"
	"  -h, --help         print this\n"
	"\n"
	"SIGTERM or SIGINT ends every stream in order, then the program. SIGHUP reads the configuration\n"
	"and the certificates again. SIGUSR2 executes the binary anew, as an upgrade in place.\n"
	"Exit status: 0 done, 1 it could not start, 64 wrong words, 78 unusable configuration.\n";

enum { OPTION_CHECK = 256, OPTION_DEFAULTS, OPTION_VERSION };

struct words {
	const char *config;
	bool check;
};

static int print_defaults(void)
{
	struct buf out = {0};

	conf_defaults(&out);
	fwrite(out.p, 1, out.n, stdout);
	buf_free(&out);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EX_IOERR;
}

static int print_version(void)
{
	printf("gatehouse c2s %s\nwolfSSL %s (built with: %s)\nlibuv %s\n", GATEHOUSE_VERSION,
		tls_library(), GATEHOUSE_WOLFSSL, uv_version_string());
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EX_IOERR;
}

/* -1: go on and serve or check; else the exit status. */
static int read_words(int count, char **words, struct words *out)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, OPTION_CHECK},
		{"defaults", no_argument, NULL, OPTION_DEFAULTS},
		{"version", no_argument, NULL, OPTION_VERSION},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	while ((option = getopt_long(count, words, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			out->config = optarg;
			break;
		case OPTION_CHECK:
			out->check = true;
			break;
		case OPTION_DEFAULTS:
			return print_defaults();
		case OPTION_VERSION:
			return print_version();
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default: /* getopt has said which word it is, in one line */
			return EX_USAGE;
		}
	}
	if (optind == count)
		return -1;
	fprintf(stderr, "%s: unexpected word '%s'; try --help\n", words[0], words[optind]);
	return EX_USAGE;
}

static int serve(struct setup **setup)
{
	log_start("c2s", (enum log_level)(*setup)->conf->log_level);
	log_event(tls_library, LOG_TEXT("wolfssl", tls_library()),
		LOG_TEXT("built", GATEHOUSE_WOLFSSL), LOG_TEXT("c2s", GATEHOUSE_VERSION));
	return prefork_run(setup);
}

int main(int argc, char **argv)
{
	struct words words = {.config = GATEHOUSE_CONF};
	struct buf why = {0};
	struct setup *setup;
	int status = read_words(argc, argv, &words);

	if (status >= 0)
		return status;
	/* certificates and keys too: now, while we may still be root */
	setup = setup_load(words.config, &why);
	if (!setup) {
		fprintf(stderr, "%s\n", buf_cstr(&why));
		status = EX_CONFIG;
	} else if (words.check) {
		printf("%s: ok\n", words.config);
		status = EXIT_SUCCESS;
	} else {
		status = serve(&setup);
	}
	setup_free(&setup);
	buf_free(&why);
	return status;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The configuration: what is read, what is refused and on which line, and that the printed file
 * is the defaults. */
#include "common/conf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/gatehouse-conf-XXXXXX";
static char file[sizeof folder + 16];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof file, "%s/test.conf", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(folder);
}

static void put_file(const char *name, struct str text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
	fclose(f);
}

static struct conf *load(struct str text)
{
	struct buf why = {0};
	struct conf *c;

	put_file(file, text);
	c = conf_load(file, &why);
	if (!c)
		fail_msg("%s", buf_cstr(&why));
	assert_int_equal(why.n, 0);
	buf_free(&why);
	return c;
}

/* The complaint about `text`, behind "FILE:". */
static void refuses(struct str text, const char *complaint)
{
	struct buf why = {0};
	const char *said;

	put_file(file, text);
	if (conf_load(file, &why))
		fail_msg("accepted: %.*s", STR_ARG(text));
	said = buf_cstr(&why);
	assert_true(strncmp(said, file, strlen(file)) == 0);
	if (!strstr(said + strlen(file), complaint))
		fail_msg("\"%s\" does not say \"%s\"", said, complaint);
	assert_int_equal(str_find(buf_str(&why), '\n'), why.n);
	buf_free(&why);
}

#define DOMAIN "domain \"localhost\" { }\n"

static bool same_list(struct conf_list a, struct conf_list b)
{
	bool same = a.n == b.n;

	for (size_t i = 0; same && i < a.n; i++)
		same = strcmp(a.words[i], b.words[i]) == 0;
	return same;
}

#define SAME_number(a, b) ((a) == (b))
#define SAME_size(a, b) ((a) == (b))
#define SAME_time(a, b) ((a) == (b))
#define SAME_flag(a, b) ((a) == (b))
#define SAME_choice(a, b) ((a) == (b))
#define SAME_text(a, b) (strcmp(a, b) == 0)
#define SAME_path(a, b) (strcmp(a, b) == 0)
#define SAME_list(a, b) same_list(a, b)

static void same_settings(const struct conf *a, const struct conf *b)
{
#define SETTING(name, type, initial, low, high, when, help) \
	assert_true(SAME_##type(a->name, b->name));
#define DOMAIN_SETTING(name, type, initial, low, high, when, help) \
	assert_true(SAME_##type(a->domains[0].name, b->domains[0].name));
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
}

static void defaults(void **state)
{
	struct conf *c = load(STR(DOMAIN));

	(void)state;
	assert_string_equal(c->run_directory, "/run/gatehouse");
	assert_string_equal(c->certificate, "");
	assert_int_equal(c->log_level, CHOICE_INFO);
	assert_int_equal(c->allow_plaintext, PLAINTEXT_NO);
	assert_int_equal(c->stanza_bytes, 262144);
	assert_true(c->worker_queue_bytes == 268435456);
	assert_int_equal(c->listen.n, 1);
	assert_string_equal(c->listen.words[0], "*:5222");
	assert_int_equal(c->line.listen, 0);
	assert_int_equal(c->domain_count, 1);
	assert_string_equal(c->domains[0].name, "localhost");
	assert_int_equal(c->domains[0].mechanisms.n, 7);
	assert_string_equal(c->domains[0].mechanisms.words[5], "SCRAM-SHA-1");
	assert_int_equal(c->domains[0].resource_conflict, CONFLICT_CLOSEOLD);
	assert_string_equal(c->path, file);
	conf_free(&c);
	assert_null(c);
	conf_free(&c);
}

static void values(void **state)
{
	struct conf *c = load(STR(
		"# a comment\n// another = 1\n/* and\n one = 2 */\n"
		"run-directory = 'run dir'\nstate-directory = \"/var/a\\\\b\\\"c\"\n"
		"log-level = debug\nlisten = { \"*:5222\", '[::1]:5223' , 127.0.0.1:1 }\nlisten-tls = {}\n"
		"stanza-bytes = 64K\nclient-queue-bytes = 1M worker-queue-bytes = 1G\nlogin-stanza-bytes = 2048\n"
		"negotiation-timeout = 2m\nshutdown-timeout = 10s\njoin-timeout = 7\n"
		"private-key = keys/k.pem\ncertificate = \"\"\n"
		"domain Example.COM. {\n\tsession-limit = closenew\n\tmechanisms = PLAIN\n}\r\n"
		"domain \"b\xc3\xbc"
		"cher.example\" { sessions-per-account = 3 } # end"));
	char path[PATH_MAX + 40], real[PATH_MAX];

	(void)state;
	assert_non_null(realpath(folder, real));
	snprintf(path, sizeof path, "%s/run dir", real);
	assert_string_equal(c->run_directory, path);
	snprintf(path, sizeof path, "%s/keys/k.pem", real);
	assert_string_equal(c->private_key, path);
	assert_string_equal(c->state_directory, "/var/a\\b\"c");
	assert_string_equal(c->certificate, "");
	assert_int_equal(c->log_level, CHOICE_DEBUG);
	assert_int_equal(c->listen.n, 3);
	assert_string_equal(c->listen.words[2], "127.0.0.1:1");
	assert_int_equal(c->listen_tls.n, 0);
	assert_int_equal(c->stanza_bytes, 65536);
	assert_int_equal(c->client_queue_bytes, 1 << 20);
	assert_int_equal(c->worker_queue_bytes, 1 << 30);
	assert_int_equal(c->login_stanza_bytes, 2048);
	assert_int_equal(c->negotiation_timeout, 120);
	assert_int_equal(c->shutdown_timeout, 10);
	assert_int_equal(c->join_timeout, 7);
	assert_int_equal(c->line.run_directory, 5);
	assert_int_equal(c->line.private_key, 16);
	assert_int_equal(c->domain_count, 2);
	assert_ptr_equal(conf_domain(c, STR("example.com")), &c->domains[0]);
	assert_ptr_equal(conf_domain(c,
				 STR("b\xc3\xbc"
				     "cher.example")),
		&c->domains[1]);
	assert_null(conf_domain(c, STR("example.co")));
	assert_int_equal(c->domains[0].session_limit, SESSION_LIMIT_CLOSENEW);
	assert_int_equal(c->domains[0].mechanisms.n, 1);
	assert_int_equal(c->domains[0].sessions_per_account, 10);
	assert_int_equal(c->domains[1].sessions_per_account, 3);
	assert_int_equal(c->domains[1].mechanisms.n, 7);
	conf_free(&c);
}

static void bad_values(void **state)
{
	(void)state;
	refuses(STR("\nstanza-bytes = 64X\n" DOMAIN), ":2: stanza-bytes must be a number of bytes");
	refuses(STR("stanza-bytes = 64s\n" DOMAIN), ":1: stanza-bytes must be a number of bytes");
	refuses(STR("stanza-bytes = K\n" DOMAIN), ":1: stanza-bytes must be");
	refuses(STR("stanza-bytes = -1\n" DOMAIN), ":1: stanza-bytes must be");
	refuses(STR("stanza-bytes = \"\"\n" DOMAIN), ":1: stanza-bytes must be");
	refuses(STR("stanza-bytes = 9999\n" DOMAIN),
		":1: stanza-bytes must be between 10000 and 1048576");
	refuses(STR("stanza-bytes = 2M\n" DOMAIN),
		":1: stanza-bytes must be between 10000 and 1048576");
	refuses(STR("stanza-bytes = 18446744073709551615G\n" DOMAIN), ":1: stanza-bytes must be");
	refuses(STR("stanza-bytes = 18446744073709551615\n" DOMAIN),
		":1: stanza-bytes must be between");
	refuses(STR("negotiation-timeout = 1K\n" DOMAIN), ":1: negotiation-timeout must be a time");
	refuses(STR("negotiation-timeout = 1h\n" DOMAIN),
		":1: negotiation-timeout must be between 1 and 600");
	refuses(STR("workers = 1K\n" DOMAIN), ":1: workers must be a whole number");
	refuses(STR("workers = 65\n" DOMAIN), ":1: workers must be between 0 and 64");
	refuses(STR("log-level = loud\n" DOMAIN),
		":1: log-level must be one of: error warn notice info debug");
	refuses(STR("listen = { \"\" }\n" DOMAIN), ":1: listen must not have an empty word");
	refuses(STR("listen = { \"127.0.0.1:5222\", \"::1:5222\" }\n" DOMAIN),
		":1: listen: \"::1:5222\": this is not ADDRESS:PORT, [ADDRESS]:PORT or *:PORT");
	refuses(STR("\nlisten-tls = { \"localhost:5223\" }\n" DOMAIN),
		":2: listen-tls: \"localhost:5223\": this is not");
	refuses(STR("metrics-listen = \"*:9222\"\n" DOMAIN),
		":1: metrics-listen: \"*:9222\": this is not ADDRESS:PORT or [ADDRESS]:PORT");
	refuses(STR("domain x {\n\n sessions-per-account = 0 }\n"),
		":3: sessions-per-account must be between");
}

static void bad_shape(void **state)
{
	(void)state;
	refuses(STR(DOMAIN "colour = red\n"), ":2: no such option 'colour'");
	refuses(STR("domain x {\n colour = red\n}\n"), ":2: no such option 'colour'");
	refuses(STR("log_level = info\n" DOMAIN), ":1: no such option 'log_level'");
	refuses(STR("workers = 1\nworkers = 2\n" DOMAIN),
		":2: workers is set for the second time; the first is on line 1");
	refuses(STR("listen = {}\nlisten = {}\n" DOMAIN), ":2: listen is set for the second time");
	refuses(STR("domain x {\nsession-limit=closeold\nsession-limit=closeold }"),
		":3: session-limit is set for the second");
	refuses(STR("listen += { x }\n" DOMAIN), ":1: there is no +=");
	refuses(STR("workers 1\n" DOMAIN), ":1: ");
	refuses(STR("workers = { 1 }\n" DOMAIN), ":1: ");
	refuses(STR("workers =\n" DOMAIN), ":2: ");
	refuses(STR("workers = 1 2\n" DOMAIN), ":1: ");
	refuses(STR("listen = *:5222\n" DOMAIN), ":1: this value must be put in quotes");
	refuses(STR("user = a;b\n" DOMAIN), ":1: this value must be put in quotes");
	refuses(STR("user = a//b\n" DOMAIN), ":1: this value must be put in quotes");
	refuses(STR("\nuser = \"a\n" DOMAIN), ":2: this string is not closed");
	refuses(STR("user = 'a\n" DOMAIN), ":1: this string is not closed");
	refuses(STR("user = \"a\\n\"\n" DOMAIN), ":1: a backslash must stand");
	refuses(STR("user = \"${HOME}\"\n" DOMAIN), ":1: ${...} is not expanded");
	refuses(STR("user = ${HOME}\n" DOMAIN), ":1: this value must be put in quotes");
	refuses(STR(DOMAIN "\n/* never closed\n"), ":3: this comment is not closed");
	refuses(STR(DOMAIN "/*/\n"), ":2: this comment is not closed");
	refuses(STR("user = \"\xff\"\n" DOMAIN), "is not UTF-8");
	refuses(STR("user = \"a\0\"\n" DOMAIN), ":1: ");
	refuses(STR(DOMAIN "}\n"), ":2: ");
	refuses(STR("domain x {\n"), ":2: ");
	refuses(STR("domain x { domain y { } }\n"), ":1: ");
	refuses(STR("domain { }\n"), ":1: ");
	refuses(STR("{ }\n"), ":1: ");
	refuses(STR("include(\"x\")\n" DOMAIN), ":1: ");
}

static void contacts(void **state)
{
	static const char *const bad[] = {"abuse@x", ":x", "mailto:", "1x:y", "mail to:x", "mailto:a b", "x:\x7f"};
	struct conf *c = load(STR("domain x {\nabuse-addresses = {\"mailto:a@x\", \"xmpp:a@x?message\"}\n"
				  "status-addresses = {\"h+.-2:\xc3\xa4\"} }\n"));

	(void)state;
	assert_int_equal(c->domains[0].abuse_addresses.n, 2);
	assert_string_equal(c->domains[0].abuse_addresses.words[1], "xmpp:a@x?message");
	assert_int_equal(c->domains[0].support_addresses.n, 0);
	conf_free(&c);
	for (size_t i = 0; i < COUNT(bad); i++) {
		char text[200];

		snprintf(text, sizeof text, "domain y { }\ndomain x {\nsecurity-addresses = {\"x:y\", \"%s\"} }\n",
			bad[i]);
		refuses(str_of(text), ":3: security-addresses: \"");
	}
}

static void single_quotes(void **state)
{
	struct conf *c = load(STR("user = '${HOME}'\n" DOMAIN));

	(void)state;
	assert_string_equal(c->user, "${HOME}");
	conf_free(&c);
}

static void domains(void **state)
{
	(void)state;
	refuses(STR(""), "at least one domain");
	refuses(STR("workers = 1\n"), "at least one domain");
	refuses(STR("\ndomain \"a b\" { }\n"), ":2: \"a b\" is not a domain name");
	refuses(STR("domain \"\" { }\n"), ":1: \"\" is not a domain name");
	refuses(STR("domain x { }\ndomain x { }\n"), ":2: ");
	refuses(STR("domain x { }\n\ndomain X. { }\n"), ":3: there is a domain \"x\" already");
}

/* libconfuse's lexer is one for the process: a bad file must leave nothing for the next. */
static void again(void **state)
{
	struct conf *c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		refuses(STR("domain x { session-limit = { a\n"), ":");
		c = load(STR("user = \"x\"\n" DOMAIN));
		assert_string_equal(c->user, "x");
		conf_free(&c);
	}
}

static void no_file(void **state)
{
	struct buf why = {0};

	(void)state;
	unlink(file);
	assert_null(conf_load(file, &why));
	assert_non_null(strstr(buf_cstr(&why), "cannot be read: No such file"));
	assert_null(conf_load(folder, &why));
	assert_non_null(strstr(buf_cstr(&why), "cannot be read: Is a directory"));
	assert_null(conf_load("/dev/zero", &why));
	assert_non_null(strstr(buf_cstr(&why), "/dev/zero: is longer"));
	buf_free(&why);
}

static void key_files(void **state)
{
	struct buf why = {0};
	struct conf *c = load(STR("certificate = test.conf\n\nprivate-key = missing.pem\n" DOMAIN));

	(void)state;
	assert_false(conf_check_files(c, &why));
	assert_non_null(strstr(buf_cstr(&why), "test.conf:3: private-key /"));
	assert_non_null(strstr(buf_cstr(&why), "missing.pem cannot be read: No such file"));
	conf_free(&c);
	c = load(STR("\ncertificate = missing.pem\nprivate-key = missing.pem\n" DOMAIN));
	assert_false(conf_check_files(c, &why));
	assert_non_null(strstr(buf_cstr(&why), "test.conf:2: certificate /"));
	conf_free(&c);
	c = load(STR("\nprivate-key = test.conf\n" DOMAIN));
	assert_false(conf_check_files(c, &why));
	assert_non_null(
		strstr(buf_cstr(&why), "test.conf:2: certificate and private-key need each other"));
	conf_free(&c);
	buf_clear(&why);
	c = load(STR("certificate = test.conf\nprivate-key = test.conf\n" DOMAIN));
	assert_true(conf_check_files(c, &why));
	conf_free(&c);
	c = load(STR(DOMAIN));
	assert_true(conf_check_files(c, &why));
	conf_free(&c);
	assert_int_equal(why.n, 0);
	buf_free(&why);
}

/* Without the '#' in front of each default (a comment has a blank behind it). */
static void uncomment(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		bool first = i == 0 || text.p[i - 1] == '\n' || text.p[i - 1] == '\t';

		if (!(first && text.p[i] == '#' && text.p[i + 1] != ' ' && text.p[i + 1] != '\n'))
			buf_putc(out, text.p[i]);
	}
}

static void printed(void **state)
{
	struct conf *bare = load(STR(DOMAIN)), *c;
	struct buf text = {0}, set = {0};
	size_t column = 0, lines = 0;

	(void)state;
	conf_defaults(&text);
	c = load(buf_str(&text));
	same_settings(bare, c);
	assert_string_equal(c->domains[0].name, "localhost");
	conf_free(&c);
	uncomment(buf_str(&text), &set);
	c = load(buf_str(&set));
	same_settings(bare, c);
#define SETTING(name, type, initial, low, high, when, help) \
	assert_true(c->line.name > 0 && bare->line.name == 0);
#define DOMAIN_SETTING(name, type, initial, low, high, when, help)
#include "common/settings.def"
#undef SETTING
#undef DOMAIN_SETTING
	conf_free(&c);
	conf_free(&bare);
	for (size_t i = 0; i < text.n; i++) {
		column = text.p[i] == '\n' ? 0 : column + (text.p[i] == '\t' ? 8 : 1);
		lines += text.p[i] == '\n';
		assert_true(column <= 100);
	}
	assert_true(lines > 100);
	buf_free(&text);
	buf_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"conf: a domain is enough, all else has its default", defaults, NULL, NULL, NULL},
		{"conf: values have their types, suffixes and folders", values, NULL, NULL, NULL},
		{"conf: a value that cannot be is refused on its line", bad_values, NULL, NULL,
			NULL},
		{"conf: unknown, doubled and misspelt settings are refused on their line",
			bad_shape, NULL, NULL, NULL},
		{"conf: addresses of a domain are URIs", contacts, NULL, NULL, NULL},
		{"conf: single quotes keep everything as it is", single_quotes, NULL, NULL, NULL},
		{"conf: domains are prepared, and there is each once and at least one", domains,
			NULL, NULL, NULL},
		{"conf: a file that was refused does not spoil the next", again, NULL, NULL, NULL},
		{"conf: a file that cannot be read is named with the reason", no_file, NULL, NULL,
			NULL},
		{"conf: certificate and key are checked apart from loading", key_files, NULL, NULL,
			NULL},
		{"conf: the printed defaults load as the defaults, as they are and uncommented",
			printed, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests: read from words, carried as a line, and what is refused; and the line of credentials. */
#include "sm/command.h"

#include "sm/credential_line.h"
#include "t/lib/sm_try.h"

#define WORDS_MOST 24

/* `line` cut at its blanks; '_' stands for a blank within a word. */
static bool read_words(struct request *r, const char *line, struct buf *why)
{
	static char store[4096];
	struct str words[WORDS_MOST], rest;
	size_t n = 0;

	snprintf(store, sizeof store, "%s", line);
	for (rest = str_of(store); rest.n && n < WORDS_MOST; n++)
		str_cut(rest, ' ', &words[n], &rest);
	for (char *p = store; *p; p++)
		*p = *p == '_' ? ' ' : *p;
	return request_read(r, words, n, why);
}

static void requests_are_read(void **state)
{
	struct buf why = {0};
	struct request r;

	(void)state;
	assert_true(read_words(&r, "sessions", &why));
	assert_string_equal(commands[r.command].words, "sessions");
	assert_null(request_option(&r, "json"));
	assert_true(read_words(&r, "sessions --json --user=a --domain x.test", &why));
	assert_true(str_is(*request_option(&r, "user"), "a"));
	assert_true(str_is(*request_option(&r, "domain"), "x.test"));
	assert_int_equal(request_option(&r, "json")->n, 0);
	assert_true(read_words(&r, "kick --reason go_away,_--please a@x/my_phone", &why));
	assert_true(str_is(*request_option(&r, "reason"), "go away, --please"));
	assert_true(str_is(r.arguments[0], "a@x/my phone"));
	assert_true(read_words(&r, "kick -- --odd@x", &why));
	assert_true(str_is(r.arguments[0], "--odd@x"));
	assert_true(read_words(&r, "kick -odd@x", &why));
	assert_true(read_words(&r, "account add a@x", &why));
	assert_string_equal(commands[r.command].words, "account add");
	assert_true(read_words(&r, "help account add", &why));
	assert_int_equal(r.argument_count, 2);
	assert_int_equal(why.n, 0);
	buf_free(&why);
}

static void what_is_no_request(void **state)
{
	static const char *const bad[] = {
		"",
		"--nonsense",
		"nonsense",
		"account",
		"account delete a@x",
		"sessions all",
		"session",
		"session a b",
		"kick",
		"sessions --users a",
		"sessions --user",
		"sessions --json=yes",
		"sessions --user a --user b",
		"status --reason x",
		"kick a@x --reason",
		"account add",
		"account add a@x --json",
		"help 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct buf why = {0};
		struct request r;

		if (read_words(&r, bad[i], &why))
			fail_msg("taken: '%s'", bad[i]);
		assert_true(why.n > 0 && str_find(buf_str(&why), '\n') == why.n);
		buf_free(&why);
	}
}

/* Wherever the byte stands in the eight that are looked at together, and however long the word is. */
static void only_what_must_be_is_escaped(void **state)
{
	static const char text[] = "abcdefgh\xff\x80\xa0~!\"#$&'~";
	struct buf escaped = {0}, want = {0};

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		bool must = c <= ' ' || c == '%' || c == 0x7f;

		for (size_t n = 1; n < sizeof text; n++) {
			for (size_t at = 0; at < n; at++) {
				char *word = mem_new(n); /* so that a byte beyond shows */

				memcpy(word, text, n);
				word[at] = (char)c;
				buf_clear(&want);
				buf_put(&want, str_at(word, at));
				buf_printf(&want, must ? "%%%02x" : "%c", c);
				buf_put(&want, str_at(word + at + 1, n - at - 1));
				buf_clear(&escaped);
				word_escape(&escaped, str_at(word, n));
				assert_true(str_eq(buf_str(&escaped), buf_str(&want)));
				mem_free(word);
			}
		}
	}
	buf_free(&escaped);
	buf_free(&want);
}

static void words_come_back(void **state)
{
	struct buf escaped = {0}, plain = {0};
	char all[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	word_escape(&escaped, str_at(all, sizeof all));
	for (size_t i = 0; i < escaped.n; i++)
		assert_true((unsigned char)escaped.p[i] > ' ' && escaped.p[i] != 0x7f);
	assert_true(word_unescape(&plain, buf_str(&escaped)));
	assert_int_equal(plain.n, sizeof all);
	assert_memory_equal(plain.p, all, sizeof all);
	assert_false(word_unescape(&plain, STR("a%")));
	assert_false(word_unescape(&plain, STR("%4")));
	assert_false(word_unescape(&plain, STR("%4g")));
	assert_false(word_unescape(&plain, STR("%4G")));
	assert_int_equal(plain.n, sizeof all);
	buf_free(&escaped);
	buf_free(&plain);
}

static void a_request_survives_the_socket(void **state)
{
	struct buf line = {0}, store = {0}, why = {0}, told = {0};
	struct request r, again;
	struct str head, tail;

	(void)state;
	assert_true(read_words(&r, "kick --reason 100%_sure a@x/my_phone", &why));
	request_write(&line, &r);
	assert_string_equal(buf_cstr(&line), "kick --reason=100%25%20sure -- a@x/my%20phone\n");
	assert_true(str_cut(buf_str(&line), '\n', &head, &tail) && tail.n == 0);
	assert_true(request_parse(&again, head, &store, &why));
	assert_int_equal(again.command, r.command);
	assert_true(str_is(again.arguments[0], "a@x/my phone"));
	assert_true(str_is(*request_option(&again, "reason"), "100% sure"));
	request_describe(&told, &again);
	assert_string_equal(buf_cstr(&told), "kick a@x/my phone --reason 100% sure");
	assert_true(read_words(&r, "sessions --json --user a", &why));
	buf_clear(&line);
	request_write(&line, &r);
	assert_string_equal(buf_cstr(&line), "sessions --user=a\n"); /* how it is shown is the CLI's affair */
	buf_free(&line);
	buf_free(&store);
	buf_free(&why);
	buf_free(&told);
}

static void lines_that_are_none(void **state)
{
	static const char *const bad[] = {"", " ", "status ", " status", "kick %zz", "kick  a@x b@x",
		"account%20add a@x", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct buf store = {0}, why = {0};
		struct request r;

		if (request_parse(&r, str_of(bad[i]), &store, &why))
			fail_msg("taken: '%s'", bad[i]);
		assert_true(why.n > 0);
		buf_free(&store);
		buf_free(&why);
	}
}

static void credentials_come_back(void **state)
{
	struct verifier in[2], out;
	struct buf list = {0}, line = {0}, back = {0};
	struct credential c;
	struct str rest;

	(void)state;
	verifier_make(&in[0], HASH_SHA256, STR("pw"), 5000);
	verifier_make(&in[1], HASH_SHA1, STR("pw"), 4096);
	credential_put_verifier(&list, &in[0]);
	credential_put_verifier(&list, &in[1]);
	credential_line_write(&line, buf_str(&list));
	assert_int_equal(line.p[--line.n], '\n');
	assert_int_equal(str_find(buf_str(&line), '\n'), line.n);
	assert_true(credential_line_read(buf_str(&line), &back));
	rest = buf_str(&back);
	for (int i = 0; i < 2; i++) {
		assert_true(credential_next(&rest, &c) && credential_verifier(&c, &out));
		assert_true(out.hash == in[i].hash && out.iterations == in[i].iterations);
		assert_memory_equal(out.salt, in[i].salt, sizeof in[i].salt);
		assert_memory_equal(out.stored_key, in[i].stored_key, hash_size(in[i].hash));
		assert_memory_equal(out.server_key, in[i].server_key, hash_size(in[i].hash));
	}
	assert_false(credential_next(&rest, &c));
	for (size_t n = 0; n < line.n; n++) {
		buf_clear(&back);
		assert_false(credential_line_read(str_head(buf_str(&line), n), &back));
	}
	for (size_t n = 0; n < list.n; n++)
		assert_false(credential_list_ok(str_head(buf_str(&list), n), credential_always()));
	credential_put_verifier(&list, &in[1]); /* twice */
	assert_false(credential_list_ok(buf_str(&list), 0));
	in[1].iterations = 0;
	buf_clear(&list);
	credential_put_verifier(&list, &in[1]);
	assert_false(credential_list_ok(buf_str(&list), 0));
	assert_true(credential_list_ok(STR_NONE, 0));
	assert_false(credential_list_ok(STR_NONE, credential_always()));
	assert_false(credential_list_ok(STR("\x1f\0\0\0\0"), 0)); /* a kind that nobody knows */
	buf_free(&list);
	buf_free(&line);
	buf_free(&back);
}

static void usage_is_made_of_the_rows(void **state)
{
	struct str words[2] = {STR("account"), STR("add")};
	struct buf usage = {0};

	(void)state;
	assert_true(command_find(words, 2) < COMMAND_COUNT);
	assert_int_equal(command_find(words, 1), COMMAND_COUNT);
	assert_int_equal(command_find(words, 0), COMMAND_COUNT);
	command_usage(&usage, &commands[command_find(words, 2)]);
	assert_string_equal(buf_cstr(&usage), "account add JID");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		assert_true(commands[i].help[0] >= 'a' && commands[i].help[0] <= 'z'); /* begins a sentence in --help */
	buf_free(&usage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("command: words become a command with its arguments and options", requests_are_read),
		TITLED("command: what is not in commands.def is refused in one line", what_is_no_request),
		TITLED("command: only blanks, controls and '%' are escaped in a word", only_what_must_be_is_escaped),
		TITLED("command: any bytes are a word, escaped and back", words_come_back),
		TITLED("command: a request comes over the socket as it was", a_request_survives_the_socket),
		TITLED("command: a malformed line is refused", lines_that_are_none),
		TITLED("command: the line of credentials comes back, no part of it does", credentials_come_back),
		TITLED("command: usage is what the rows say", usage_is_made_of_the_rows),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the CLI makes of an answer: text that fits the terminal, JSON for scripts, and nothing that could move a
 * cursor. */
#include "sm/cli.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/sixteen.h"
#include "sm/cli_cell.h"
#include "sm/report.h"
#include "t/lib/sm_try.h"

static const char *show(const char *answer, bool json, unsigned columns)
{
	const struct cli_form form = {.json = json, .columns = columns};
	static struct buf out;

	buf_free(&out);
	if (!cli_show(&out, str_of(answer), &form))
		return NULL;
	return buf_cstr(&out);
}

#define PEOPLE \
	"* people name:s sid:i age:n in:b since:t idle:d queue:z\n" \
	"+ zoe%20z 02 7 1 1700000000 59 1023\n" \
	"+ adam 01 -10 0 0 90061 1536\n"

static void a_list_is_columns(void **state)
{
	(void)state;
	assert_string_equal(show(PEOPLE, false, 0),
		"name   sid  age  in   since                  idle  queue\n"
		"adam   01   -10  no   -                     1d01h   1.5K\n"
		"zoe z  02     7  yes  2023-11-14T22:13:20Z    59s   1023\n");
	assert_string_equal(show("* people name:s\n", false, 80), "name\n");
}

static void a_list_is_an_array(void **state)
{
	(void)state;
	assert_string_equal(show(PEOPLE, true, 0),
		"[\n{\"name\":\"adam\",\"sid\":\"01\",\"age\":-10,\"in\":false,\"since\":null,\"idle\":90061,\"queue\":1536},\n"
		"{\"name\":\"zoe z\",\"sid\":\"02\",\"age\":7,\"in\":true,\"since\":\"2023-11-14T22:13:20Z\",\"idle\":59,"
		"\"queue\":1023}\n]\n");
	assert_string_equal(show("* people name:s\n", true, 0), "[]\n");
}

static void records_lists_and_maps_make_an_object(void **state)
{
	static const char answer[] =
		"= state:s up_time:d\n+ serving 61\n* workers slot:n\n+ 0\n% events\n+ login 5\n+ auth 6\n";

	(void)state;
	assert_string_equal(show(answer, true, 0),
		"{\"state\":\"serving\",\"up_time\":61,\n\"workers\":[\n{\"slot\":0}\n],"
		"\n\"events\":{\n\"login\":5,\n\"auth\":6}}\n");
	assert_string_equal(show(answer, false, 0),
		"state    serving\nup-time  1m01s\n\nworkers:\nslot\n   0\n\nevents:\nlogin      5\nauth       6\n");
	assert_string_equal(show("! 3%20sessions%20ended\n", false, 0), "3 sessions ended\n");
	assert_string_equal(show("! done\n", true, 0), "{\"message\":\"done\"}\n");
}

static size_t longest_line(const char *text)
{
	size_t longest = 0;

	for (const char *p = text; *p; p++) {
		size_t n = strcspn(p, "\n");

		longest = n > longest ? n : longest;
		p += n;
		if (!*p)
			break;
	}
	return longest;
}

static void a_list_fits_the_terminal(void **state)
{
	static const char answer[] =
		"* sessions jid:s sid:i worker:n address:s cipher:s\n"
		"+ somebody.with.a.long.name@a.long.domain.example/with-a-resource 0123456789abcdef 0 2001:db8:1234:5678::1 "
		"TLS_CHACHA20_POLY1305_SHA256\n";
	const char *text;

	(void)state;
	for (unsigned columns = 40; columns < 200; columns++) {
		text = show(answer, false, columns);
		assert_true(longest_line(text) <= columns);
		assert_non_null(strstr(text, "0123456789abcdef"));
	}
	assert_non_null(strstr(show(answer, false, 200), "SHA256"));
	assert_null(strstr(show(answer, false, 60), "cipher")); /* the last column goes first */
	assert_non_null(strstr(show(answer, false, 60), "somebody.with.a.lon"));
	assert_non_null(strstr(show(answer, false, 60), "~"));
	assert_non_null(strstr(show(answer, false, 1),
		"somebody.with.a.lon~")); /* no terminal is that narrow: no harm */
}

static size_t flushed;

static void flush(struct buf *out)
{
	flushed += out->n;
	buf_clear(out);
}

/* Names that begin alike, one the beginning of another, bytes beyond ASCII; and more rows than are
 * written at once. */
static void rows_are_in_order_of_bytes(void **state)
{
	struct cli_form form = {.flush = flush};
	struct buf many = {0}, out = {0};

	(void)state;
	assert_string_equal(show("* a x:s\n+ user10@b\n+ user1\n+ user\n+ user9@a\n+ user10@a\n+ user\xc3\xa4\n", false,
				    0),
		"x\nuser\nuser1\nuser10@a\nuser10@b\nuser9@a\nuser\xc3\xa4\n");
	assert_string_equal(show("* a x:s\n+ \n+ a\n+ \n", true, 0),
		"[\n{\"x\":\"\"},\n{\"x\":\"\"},\n{\"x\":\"a\"}\n]\n");
	assert_string_equal(show("* a x:n\n+ 2\n+ 1\n", false, 0), "x\n2\n1\n");
	buf_puts(&many, "* a x:s\n");
	for (unsigned i = 20000; i-- > 10000;)
		buf_printf(&many, "+ someone-%u\n", i);
	assert_true(cli_show(&out, buf_str(&many), &form));
	assert_true(out.n < 40000); /* not all of it */
	assert_int_equal(flushed + out.n, 2 + 10000 * 14);
	assert_true(str_ends(buf_str(&out), STR("someone-19998\nsomeone-19999\n")));
	buf_free(&many);
	buf_free(&out);
}

/* Names that are alike for longer than what is looked at first, some of them the same: rows that are equal may be in
 * any order. */
static void names_may_begin_alike(void **state)
{
	struct buf answer = {0}, want = {0};

	(void)state;
	for (unsigned n = 2; n <= 300; n++) { /* up to three bytes differ in the first eight, or behind them */
		const char *head = n % 2 ? "" : "a-long-name-that-some-share-";

		buf_clear(&answer);
		buf_clear(&want);
		buf_puts(&answer, "* a x:s\n");
		buf_puts(&want, "x\n");
		if (n % 4 < 2)
			buf_puts(&answer, "+ b\n");
		for (unsigned i = 0; i < n; i++)
			buf_printf(&answer, "+ %s%03u-behind\n", head, (n - 1 - i) / 2);
		for (unsigned i = 0; i < n; i++)
			buf_printf(&want, "%s%03u-behind\n", head, i / 2);
		if (n % 4 < 2)
			buf_puts(&want, "b\n");
		assert_string_equal(show(buf_cstr(&answer), false, 0), buf_cstr(&want));
	}
	/* alike in the first eight bytes but for one of them, and for two */
	assert_string_equal(show("* a x:s\n+ b-alike-2\n+ b-alike-1\n+ a-alike-2\n+ a-alike-1\n", false, 0),
		"x\na-alike-1\na-alike-2\nb-alike-1\nb-alike-2\n");
	assert_string_equal(show("* a x:s\n+ bb-like-2\n+ bb-like-1\n+ aa-like-2\n+ aa-like-1\n", false, 0),
		"x\naa-like-1\naa-like-2\nbb-like-1\nbb-like-2\n");
	buf_free(&answer);
	buf_free(&want);
}

/* The same in each run (xorshift), below `below`. */
static size_t pick(size_t below)
{
	static uint64_t state = 1;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % below);
}

/* Each way on its own, byte by byte. */
static unsigned slow_split(struct str row, uint32_t *ends, size_t count, bool *good)
{
	unsigned bytes = 0;
	size_t found = 0;

	*good = true;
	for (size_t i = 0; i < row.n; i++) {
		unsigned char c = (unsigned char)row.p[i];

		bytes |= c < ' ' || c >= 0x7f ? CELL_ODD : 0;
		bytes |= c == '"' || c == '\\' ? CELL_QUOTED : 0;
		bytes |= c == '%' ? CELL_ESCAPED : 0;
		*good = *good && (found < count);
		if (c == ' ' && found < count)
			ends[found++] = (uint32_t)i;
	}
	while (found < count)
		ends[found++] = (uint32_t)row.n;
	return bytes;
}

static void cells_end_at_blanks(void **state)
{
	static const char some[] = "    abcdefghijklmnopqrstuvwxyz!$&/~";
	static const char odd[] = "\x1f\x7f\x80\xff\t\"\\%\n";
	char row[300];

	(void)state;
	for (unsigned i = 0; i < 30000; i++) {
		size_t n = pick(i % 2 ? 80 : sizeof row), count = 1 + pick(40);
		char *own = mem_new(n); /* so that a byte beyond shows */
		uint32_t ends[40], want[40];
		unsigned bytes, want_bytes;
		bool good;

		for (size_t at = 0; at < n; at++)
			row[at] = some[pick(sizeof some - 1)];
		if (n && pick(4) == 0)
			row[pick(n)] = odd[pick(sizeof odd - 1)];
		memcpy(own, row, n);
		want_bytes = slow_split(str_at(own, n), want, count, &good);
		assert_int_equal(cell_bytes(str_at(own, n)), want_bytes);
		assert_int_equal(cells_split(str_at(own, n), ends, count, &bytes), good);
		if (good) {
			assert_int_equal(bytes, want_bytes);
			assert_memory_equal(ends, want, count * sizeof *ends);
		}
		mem_free(own);
	}
}

/* Whatever this processor has. */
static void places_are_bits(void **state)
{
	(void)state;
	for (uint32_t want = 0; want <= 0xffff; want++) {
		sixteen truth = {0};

		for (int i = 0; i < 16; i++)
			truth[i] = (signed char)-(int)(want >> i & 1);
		assert_int_equal(sixteen_bits(truth), want);
		assert_int_equal(sixteen_bits_slow(truth), want);
	}
}

/* What decides whether a cell has to be looked at. */
static void no_text_is_wider_than_said(void **state)
{
	static const char types[] = "sintzdb";
	struct arena memory = {0};

	(void)state;
	for (unsigned i = 0; i < 50000; i++) {
		char type = types[i % (sizeof types - 1)], cell[24], brief[CELL_SHORT];
		int n = snprintf(cell, sizeof cell, "%s%zu", pick(8) ? "" : "-", pick(SIZE_MAX) >> (1 + pick(63)));
		struct str text = cell_text(&memory, brief, type, str_at(cell, (size_t)n));

		if (text.n > cell_most(type, (size_t)n))
			fail_msg("%c %s: %.*s", type, cell, STR_ARG(text));
	}
	assert_true(cell_text(&memory, (char[CELL_SHORT]){0}, 's', STR_NONE).n <= cell_most('s', 0));
	arena_end(&memory);
}

/* The widths follow the widest cell, whether the row that has it comes first or last, and no cell is cut. */
static void widths_follow_the_widest(void **state)
{
	(void)state;
	assert_string_equal(show("* a d:d t:t z:z b:b\n+ 5 0 1 0\n+ 90061 1700000000 1536 1\n+ 5 0 1 0\n", false, 0),
		"    d  t                        z  b\n"
		"   5s  -                        1  no\n"
		"1d01h  2023-11-14T22:13:20Z  1.5K  yes\n"
		"   5s  -                        1  no\n");
	assert_string_equal(show("* a s:s d:d\n+ b 61\n+ abc 5\n+ a 5\n", false, 0),
		"s        d\na       5s\nabc     5s\nb    1m01s\n");
	assert_string_equal(show("* a idle:d\n+ 5\n+ 61\n", false, 0), " idle\n   5s\n1m01s\n");
	assert_string_equal(show("* a d:d\n+ 999999\n+ 86400\n", false, 0), "     d\n11d13h\n 1d00h\n");
}

/* Also where every row of the column has it, and nothing else needs a second look. */
static void quotes_are_spelt(void **state)
{
	(void)state;
	assert_string_equal(show("* a x:s\n+ a\",\"y\":\"b\n", true, 0), "[\n{\"x\":\"a\\\",\\\"y\\\":\\\"b\"}\n]\n");
	assert_string_equal(show("* a n:n x:s\n+ 1 a\\\n", true, 0), "[\n{\"n\":1,\"x\":\"a\\\\\"}\n]\n");
	assert_string_equal(show("* a x:s\n+ %22\n", true, 0), "[\n{\"x\":\"\\\"\"}\n]\n");
}

static void what_is_missing_is_empty(void **state)
{
	(void)state;
	assert_string_equal(show("* a x:s y:s z:s\n+ a\n+ b c\n+ b  d\n+ e f \n", false, 0),
		"x  y  z\na  -  -\nb  c  -\nb  -  d\ne  f  -\n");
	assert_string_equal(show("* a x:s y:s z:s\n+ a\n", true, 0), "[\n{\"x\":\"a\",\"y\":\"\",\"z\":\"\"}\n]\n");
}

static void times_are_in_order_as_text(void **state)
{
	(void)state;
	assert_string_equal(show("* a t:t n:n\n+ 1700000001 1\n+ 0 2\n+ 1700000000 3\n+ 1 4\n", false, 0),
		"t                     n\n-                     2\n1970-01-01T00:00:01Z  4\n"
		"2023-11-14T22:13:20Z  3\n2023-11-14T22:13:21Z  1\n");
}

#define TEN "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"

static void widths_are_of_characters(void **state)
{
	(void)state;
	assert_string_equal(show("* a x:s y:n\n+ \xc3\xa4\xc3\xb6 1\n+ abc 2\n", false, 0),
		"x    y\nabc  2\n\xc3\xa4\xc3\xb6   1\n");
	assert_string_equal(show("* a x:s\n+ " TEN TEN "\xc3\xa4\n", false, 20),
		"x\n" TEN "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4~\n");
}

static void nothing_moves_the_cursor(void **state)
{
	const char *text = show("* a x:s\n+ a%1b[2J%0a%c2%9bb\xff\n! %1b]0;\n= x:s\n+ %0d\n", false, 0);

	(void)state;
	assert_non_null(text);
	for (const char *p = text; *p; p++)
		assert_true((unsigned char)*p >= ' ' || *p == '\n');
	assert_non_null(strstr(text, "a\\x1b[2J\\x0a\\xc2\\x9bb\\xff"));
	assert_string_equal(show("* a x:s\n+ a\"\\%1b%0a\n+ \xc2\x9b\n+ \xc3\xa4\n+ \xff\n", true, 0),
		"[\n{\"x\":\"a\\\"\\\\\\u001b\\u000a\"},\n{\"x\":\"\\u009b\"},\n{\"x\":\"\xc3\xa4\"},\n{\"x\":\"\\u00ff\"}\n]\n");
}

/* A client's name for itself is in `sm clients` (XEP-0388 2.4). */
static void nothing_turns_the_line(void **state)
{
	(void)state;
	assert_string_equal(
		show("* a x:s y:s\n+ a\xe2\x80\xaez\xe2\x80\xa8 \xe2\x81\xa6\xd8\x9c\xe2\x80\x8f\n", false, 0),
		"x                           y\n"
		"a\\xe2\\x80\\xaez\\xe2\\x80\\xa8  \\xe2\\x81\\xa6\\xd8\\x9c\\xe2\\x80\\x8f\n");
	assert_string_equal(
		show("* a x:s\n+ a\xe2\x80\xaez\xd8\x9c\n+ \xe2\x80\x90\xe2\x82\xac\n+ \xe2\x80\n", true, 0),
		"[\n{\"x\":\"a\\u202ez\\u061c\"},\n{\"x\":\"\\u00e2\\u0080\"},\n"
		"{\"x\":\"\xe2\x80\x90\xe2\x82\xac\"}\n]\n");
}

static void numbers_in_json_are_numbers(void **state)
{
	(void)state;
	assert_string_equal(show("* a n:n\n+ -9223372036854775807\n+ x\n+ \n", true, 0),
		"[\n{\"n\":-9223372036854775807},\n{\"n\":null},\n{\"n\":null}\n]\n");
}

#define NAME27 "a_name_of_twenty_seven_byte"

static void what_is_no_answer(void **state)
{
	static const char *const bad[] = {"x\n", "+ a\n", "* a x:s\n+ a b\n", "* a x\n", "* a x:\n", "* a x:ss\n",
		"= x:s", "\n", "=\n", "! a%zz\n", "* a x:s\n+ %\n", "* a x:s y:s\n+ %zz %20\n", "! a\n+ b\n", "? a\n",
		"* a\n+ x\n", "* a\n+ \n", "* a " NAME27 "x:s\n", "* a x:s y:s\n+ a b c\n", "* a x:s\n+ a  \n"};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (show(bad[i], false, 0) || show(bad[i], true, 0))
			fail_msg("shown: %s", bad[i]);
	}
	assert_string_equal(show("", false, 0), "");
	assert_string_equal(show("", true, 0), "{}\n");
	assert_string_equal(show("* a " NAME27 ":s\n+ b\n", true, 0), "[\n{\"" NAME27 "\":\"b\"}\n]\n");
	assert_string_equal(show("* a\n", true, 0), "[]\n");
}

static void what_sm_writes_is_read(void **state)
{
	struct buf out = {0};

	(void)state;
	report_record(&out, "a:s b:n c:n d:i");
	report_row(&out);
	report_text(&out, STR("x y%\n"));
	report_number(&out, INT64_MIN + 1);
	report_number(&out, 0);
	report_hex(&out, UINT64_C(0xfedcba9876543210));
	report_row_end(&out);
	report_map(&out, "m");
	assert_string_equal(show(buf_cstr(&out), true, 0),
		"{\"a\":\"x y%\\u000a\",\"b\":-9223372036854775807,\"c\":0,\"d\":\"fedcba9876543210\",\n\"m\":{}}\n");
	buf_clear(&out);
	for (uint64_t n = 1; n <= INT64_MAX / 10; n *= 10) {
		struct buf want = {0};

		buf_clear(&out);
		report_number(&out, (int64_t)n - 1);
		report_number(&out, (int64_t)n);
		report_number(&out, -(int64_t)n);
		buf_printf(&want, " %" PRIu64 " %" PRIu64 " -%" PRIu64, n - 1, n, n);
		assert_string_equal(buf_cstr(&out), buf_cstr(&want));
		buf_free(&want);
	}
	buf_clear(&out);
	report_number(&out, INT64_MAX);
	report_number(&out, INT64_MIN);
	assert_string_equal(buf_cstr(&out), " 9223372036854775807 -9223372036854775808");
	buf_clear(&out);
	report_head(&out, 0, NULL);
	report_words(&out, STR("done"));
	report_end(&out);
	assert_string_equal(buf_cstr(&out), "0\n! done\n.\n");
	buf_free(&out);
}

static void sizes_and_durations(void **state)
{
	static const struct {
		const char type, *cell, *text;
	} rows[] = {
		{'z', "0", "0"},
		{'z', "1024", "1.0K"},
		{'z', "10240", "10K"},
		{'z', "5000000", "4.8M"},
		{'z', "9000000000000", "8.2T"},
		{'d', "0", "0s"},
		{'d', "60", "1m00s"},
		{'d', "3599", "59m59s"},
		{'d', "3600", "1h00m"},
		{'d', "90000000", "1041d16h"},
		{'d', "-5", "-5s"},
		{'t', "0", "-"},
		{'t', "1", "1970-01-01T00:00:01Z"},
		{'t', "951782399", "2000-02-28T23:59:59Z"},
		{'t', "951782400", "2000-02-29T00:00:00Z"},
		{'t', "4107542400", "2100-03-01T00:00:00Z"},
		{'t', "253402300799", "9999-12-31T23:59:59Z"},
		{'t', "253402300800", "?"},
		{'t', "-1", "?"},
		{'b', "1", "yes"},
		{'b', "", "-"},
		{'z', "x", "x"},
		{'s', "", "-"},
	};
	struct arena memory = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char brief[CELL_SHORT];
		struct str text = cell_text(&memory, brief, rows[i].type, str_of(rows[i].cell));

		if (!str_is(text, rows[i].text))
			fail_msg("%c %s: %.*s, not %s", rows[i].type, rows[i].cell, STR_ARG(text), rows[i].text);
	}
	arena_end(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("cli: a list is columns in order of the first", a_list_is_columns),
		TITLED("cli: as JSON a list is an array", a_list_is_an_array),
		TITLED("cli: records, lists and maps together are an object", records_lists_and_maps_make_an_object),
		TITLED("cli: a list fits the terminal, ids are never cut", a_list_fits_the_terminal),
		TITLED("cli: rows are in order of the first column's bytes, and leave in pieces",
			rows_are_in_order_of_bytes),
		TITLED("cli: names that begin alike are in order, and the same name twice is there twice",
			names_may_begin_alike),
		TITLED("cli: cells end where blanks are, wherever those are", cells_end_at_blanks),
		TITLED("cli: sixteen places are sixteen bits, with an instruction for it and without", places_are_bits),
		TITLED("cli: no text is wider than its type and length say", no_text_is_wider_than_said),
		TITLED("cli: widths follow the widest cell, wherever it is", widths_follow_the_widest),
		TITLED("cli: quotes and backslashes are spelt in JSON, whatever else is in the column",
			quotes_are_spelt),
		TITLED("cli: cells that are missing are empty", what_is_missing_is_empty),
		TITLED("cli: times in the first column put rows in order", times_are_in_order_as_text),
		TITLED("cli: widths are of characters, not of bytes", widths_are_of_characters),
		TITLED("cli: nothing that came from outside moves the cursor", nothing_moves_the_cursor),
		TITLED("cli: nothing that came from outside turns the line around", nothing_turns_the_line),
		TITLED("cli: what is no number is no number in JSON either", numbers_in_json_are_numbers),
		TITLED("cli: a malformed answer is shown to nobody", what_is_no_answer),
		TITLED("cli: what sm writes is what the CLI reads", what_sm_writes_is_read),
		TITLED("cli: sizes, durations and times are short", sizes_and_durations),
	};
	int failed;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("cli", tests, NULL, NULL);
	show("", false, 0);
	return failed;
}

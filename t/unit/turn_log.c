/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The turn log's files: what was appended is read back; whatever is torn off or overwritten at the
 * end, the records before it stay; and a new file counts only when its snapshot is whole. */
#include "sm/turn_log.h"

#include "common/rand.h"
#include "common/table.h"
#include "sm/turn_item.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define BYTES 65536

static char folder[] = "/tmp/turn-log-XXXXXX";

struct seen {
	uint64_t first, last, bytes;
	unsigned count;
};

static struct str text_of(uint64_t turn, char *store)
{
	size_t n = turn % 97 * 7;

	memset(store, (int)('a' + turn % 26), n);
	return str_at(store, n);
}

static bool note(void *ctx, uint64_t turn, struct str payload)
{
	struct seen *s = ctx;
	char store[1024];

	assert_true(str_eq(payload, text_of(turn, store)));
	if (s->count++ == 0)
		s->first = turn;
	s->last = turn;
	return true;
}

static struct seen look(void)
{
	struct buf why = {0};
	struct turn_log *l = turn_log_open(folder, BYTES, &why);
	struct seen s = {0};

	assert_non_null(l);
	turn_log_each(l, note, &s);
	turn_log_close(&l);
	return s;
}

static struct turn_log *fresh(void)
{
	struct buf why = {0};
	struct turn_log *l;
	char path[64];

	for (const char *name = "a"; name; name = *name == 'a' ? "b" : NULL) {
		snprintf(path, sizeof path, "%s/turn.%s", folder, name);
		unlink(path);
	}
	l = turn_log_open(folder, BYTES, &why);
	assert_non_null(l);
	return l;
}

static void put(struct turn_log *l, uint64_t turn)
{
	char store[1024];

	if (!turn_log_append(l, turn, text_of(turn, store)))
		assert_true(turn_log_begin(l, turn, text_of(turn, store)));
}

static void read_back(void **state)
{
	struct turn_log *l = fresh();
	struct seen s;

	(void)state;
	assert_false(turn_log_append(l, 1, STR("x"))); /* nothing begun */
	for (uint64_t turn = 1; turn <= 50; turn++)
		put(l, turn);
	turn_log_close(&l);
	s = look();
	assert_int_equal(s.first, 1);
	assert_int_equal(s.last, 50);
	assert_int_equal(s.count, 50);
}

static void takes_turns(void **state)
{
	struct turn_log *l = fresh();
	struct seen s;

	(void)state;
	for (uint64_t turn = 1; turn <= 3000; turn++) {
		put(l, turn);
		if (turn % 500 != 0)
			continue;
		s = look();
		assert_int_equal(s.last, turn);
		assert_int_equal(s.count, s.last - s.first + 1);
	}
	turn_log_close(&l);
}

static void too_long(void **state)
{
	struct turn_log *l = fresh();
	char *much = mem_new(BYTES);

	(void)state;
	put(l, 1);
	assert_false(turn_log_append(l, 2, str_at(much, BYTES)));
	assert_false(turn_log_begin(l, 2, str_at(much, BYTES)));
	mem_free(much);
	turn_log_close(&l);
	assert_int_equal(look().first, 1);
}

static struct buf file_of(const char *name)
{
	struct buf b = {0};
	char path[64];
	int fd;

	snprintf(path, sizeof path, "%s/turn.%s", folder, name);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	buf_room(&b, BYTES);
	b.n = (size_t)read(fd, b.p, BYTES);
	close(fd);
	return b;
}

/* Makes of the log in turn.b what an sm of before SipHash-1-3 would have left. */
static void make_old(void)
{
	struct buf file = file_of("b");
	const uint8_t *key = (const uint8_t *)file.p + 16;
	size_t at = TURN_LOG_HEAD;
	uint32_t n;
	uint64_t check;
	char path[64];
	int fd;

	memcpy(file.p, "ghturn1\n", 8);
	check = siphash_24(key, str_at(file.p, 32));
	memcpy(file.p + 32, &check, sizeof check);
	for (; memcpy(&n, file.p + at + 8, sizeof n), n; at += (TURN_LOG_RECORD + n + 7) / 8 * 8) {
		check = siphash_24(key, str_at(file.p + at + 8, TURN_LOG_RECORD - 8 + n));
		memcpy(file.p + at, &check, sizeof check);
	}
	snprintf(path, sizeof path, "%s/turn.b", folder);
	fd = open(path, O_WRONLY);
	assert_int_equal(write(fd, file.p, file.n), file.n);
	close(fd);
	buf_free(&file);
}

static unsigned count_records(struct str file, size_t *end)
{
	struct turn_log_place place;
	struct str payload;
	unsigned n = 0;

	*end = 0;
	if (!turn_log_head(file, &place))
		return 0;
	while (turn_log_next(file, &place, &payload)) {
		n++;
		*end = place.at;
	}
	return n;
}

/* Whatever bytes of the last record were stored when the process died, the records before it are there
 * and it is whole or absent. */
static void torn(void **state)
{
	struct turn_log *l = fresh();
	struct buf before, after;
	size_t start, end, ignored;

	(void)state;
	for (uint64_t turn = 1; turn <= 20; turn++)
		put(l, turn);
	before = file_of("b");
	put(l, 21);
	after = file_of("b");
	assert_int_equal(count_records(buf_str(&before), &start), 20);
	assert_int_equal(count_records(buf_str(&after), &end), 21);
	for (size_t cut = start; cut < end; cut++) { /* written from the back, as the checksum is last */
		struct buf half = {0};

		buf_put(&half, buf_str(&before));
		memcpy(half.p + cut, after.p + cut, end - cut);
		assert_int_equal(count_records(buf_str(&half), &ignored), cut == start ? 21 : 20);
		memcpy(half.p, before.p, before.n);
		memcpy(half.p + start, after.p + start, cut - start); /* from the front: a lost page */
		assert_true(count_records(buf_str(&half), &ignored) <= 21);
		assert_true(count_records(buf_str(&half), &ignored) >= 20);
		buf_free(&half);
	}
	buf_free(&before);
	buf_free(&after);
	turn_log_close(&l);
}

static void flipped(void **state)
{
	struct turn_log *l = fresh();
	struct buf file;
	size_t end;

	(void)state;
	for (uint64_t turn = 1; turn <= 20; turn++)
		put(l, turn);
	file = file_of("b");
	assert_int_equal(count_records(buf_str(&file), &end), 20);
	for (int i = 0; i < 2000; i++) {
		size_t at = TURN_LOG_HEAD + rand_u64() % (end - TURN_LOG_HEAD);
		char was = file.p[at];
		size_t ignored;

		file.p[at] = (char)(was ^ (1 << rand_u64() % 8));
		assert_true(count_records(buf_str(&file), &ignored) <= 20);
		file.p[at] = was;
	}
	buf_free(&file);
	turn_log_close(&l);
}

/* A child writes turns without end and is killed; the log then has every turn up to one that is at
 * least what the child had told. */
static void killed(void **state)
{
	(void)state;
	for (int round = 0; round < 40; round++) {
		int told[2];
		uint64_t turn = 0, newest = 0;
		struct turn_log *l = fresh();
		pid_t pid;

		assert_int_equal(pipe(told), 0);
		pid = fork();
		if (pid == 0) {
			for (turn = 1;; turn++) {
				put(l, turn);
				if (write(told[1], &turn, sizeof turn) < 0)
					_exit(1);
			}
		}
		close(told[1]);
		for (uint64_t n = rand_u64() % 2000; n > 0 && read(told[0], &newest, sizeof newest) > 0; n--)
			;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		while (read(told[0], &turn, sizeof turn) == sizeof turn)
			newest = turn;
		close(told[0]);
		turn_log_close(&l);
		assert_true(look().last >= newest);
		assert_true(look().last <= newest + 1);
	}
}

/* An upgrade in place reads what the old one left, and goes on in the new form. */
static void old_log(void **state)
{
	struct buf why = {0}, file;
	struct turn_log *l = fresh();
	struct seen s;

	(void)state;
	for (uint64_t turn = 1; turn <= 20; turn++)
		put(l, turn);
	turn_log_close(&l);
	make_old();
	s = look();
	assert_int_equal(s.first, 1);
	assert_int_equal(s.last, 20);
	l = turn_log_open(folder, BYTES, &why);
	put(l, 21); /* which begins a file */
	put(l, 22);
	turn_log_close(&l);
	s = look();
	assert_int_equal(s.first, 21);
	assert_int_equal(s.last, 22);
	file = file_of("a");
	assert_true(str_starts(buf_str(&file), STR("ghturn2\n")));
	buf_free(&file);
}

static void items(void **state)
{
	struct buf b = {0};
	struct turn_item i, out;
	struct str rest;

	(void)state;
	i = (struct turn_item){.kind = TURN_LINK};
	i.link = (struct turn_link){
		.incarnation = 7, .pid = 8, .slot = 9, .sent = 10, .heard = 11, .frames = STR("frames")};
	turn_item_put(&b, &i);
	i = (struct turn_item){.kind = TURN_PUT, .turn = 1, .id = 2, .bytes = STR("row")};
	turn_item_put(&b, &i);
	for (size_t n = 0; n < b.n; n++) {
		rest = str_head(buf_str(&b), n);
		while (turn_item_take(&rest, &out))
			;
	}
	rest = buf_str(&b);
	assert_true(turn_item_take(&rest, &out));
	assert_int_equal(out.link.heard, 11);
	assert_true(str_is(out.link.frames, "frames"));
	assert_true(turn_item_take(&rest, &out));
	assert_int_equal(out.id, 2);
	assert_true(str_is(out.bytes, "row"));
	assert_false(turn_item_take(&rest, &out));
	buf_free(&b);
}

static void no_file_larger_than(rlim_t bytes)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

/* Whoever gave it more bytes learns at once that there are none, and what was there is not harmed; a
 * file that was not current when there was no room is used as it is. */
static void full(void **state)
{
	struct buf why = {0};
	struct turn_log *l = turn_log_open(folder, BYTES, &why);
	char store[1024];

	(void)state;
	assert_true(turn_log_begin(l, 1, text_of(1, store)));
	assert_true(turn_log_begin(l, 2, text_of(2, store)));
	turn_log_close(&l);
	no_file_larger_than(BYTES);
	assert_null(turn_log_open(folder, 2 * BYTES, &why));
	assert_non_null(strstr(buf_cstr(&why), "cannot have"));
	no_file_larger_than(RLIM_INFINITY);
	assert_int_equal(look().last, 2);
	l = turn_log_open(folder, 2 * BYTES, &why);
	assert_non_null(l);
	no_file_larger_than(BYTES);
	assert_true(turn_log_begin(l, 3, text_of(3, store)));
	assert_true(turn_log_begin(l, 4, text_of(4, store)));
	assert_true(turn_log_begin(l, 5, text_of(5, store)));
	assert_true(turn_log_append(l, 6, text_of(6, store)));
	no_file_larger_than(RLIM_INFINITY);
	turn_log_close(&l);
	assert_int_equal(look().last, 6);
	buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"turn log: without room for more bytes it says so, and goes on with those it has", full, NULL, NULL,
			NULL},
		{"turn log: that of an sm before this one is read, and the next one is ours", old_log, NULL, NULL,
			NULL},
		{"turn log: what was appended is read back, in order", read_back, NULL, NULL, NULL},
		{"turn log: the files take turns, and the current one is always whole", takes_turns, NULL, NULL, NULL},
		{"turn log: what does not fit is refused and leaves all as it was", too_long, NULL, NULL, NULL},
		{"turn log: a record torn at any byte is absent, and those before it are there", torn, NULL, NULL,
			NULL},
		{"turn log: a flipped bit anywhere is never taken for a record", flipped, NULL, NULL, NULL},
		{"turn log: a process killed at any moment leaves every turn that it had finished", killed, NULL, NULL,
			NULL},
		{"turn log: items are read as they were written, and cut ones are refused", items, NULL, NULL, NULL},
	};
	int failed;
	char path[64];

	if (!mkdtemp(folder))
		return 1;
	signal(SIGXFSZ, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests_name("turn log", tests, NULL, NULL);
	snprintf(path, sizeof path, "%s/turn.a", folder);
	unlink(path);
	snprintf(path, sizeof path, "%s/turn.b", folder);
	unlink(path);
	rmdir(folder);
	return failed;
}

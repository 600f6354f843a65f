/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Databases on a disk that fails (disk.h): each fault at every operation of a run of writes, and the power failing at
 * every sync. What came back as done is there afterwards, whole; what did not is not. */
#include "sm/desk.h"
#include "sm/store_account.h"

#include <signal.h>
#include <sys/wait.h>

#include "t/fault/disk.h"
#include "t/lib/sm_try.h"

#define JOBS 24
#define ROWS 3 /* of a job: all of them are there, or none */

struct task {
	struct job job;
	int64_t number;
	bool *done;
};

static uv_loop_t loop;
static struct desk *desk;

/* Pages enough for several writes a commit, and checkpoints in between. */
static bool migrate(struct db *d, const char *path, struct buf *why)
{
	(void)path;
	(void)why;
	return db_exec(d,
		       "PRAGMA wal_autocheckpoint=20; CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, v BLOB)") ==
		DB_OK;
}

static enum db_result insert(struct db *d, int64_t row)
{
	struct stmt *s = db_stmt(d, "INSERT INTO t(n, v) VALUES(?1, zeroblob(3000))");

	if (!s)
		return db_last(d);
	stmt_i64(s, 1, row);
	return stmt_run(s);
}

static enum db_result run_insert(struct job *j, struct db *d)
{
	struct task *t = (struct task *)j;
	enum db_result r = DB_OK;

	for (int64_t i = 0; r == DB_OK && i < ROWS; i++)
		r = insert(d, t->number * ROWS + i);
	return r;
}

static void note_done(struct job *j)
{
	struct task *t = (struct task *)j;

	*t->done = j->result == DB_OK;
	mem_free(t);
}

/* Puts there what is there. */
static enum db_result run_repeat(struct job *j, struct db *d)
{
	struct stmt *s = db_stmt(d,
		"INSERT INTO t(n, v) VALUES(?1, zeroblob(3000)) ON CONFLICT DO UPDATE SET v = excluded.v");

	if (!s)
		return db_last(d);
	stmt_i64(s, 1, ((struct task *)j)->number * ROWS);
	return stmt_run(s);
}

static void give_job(int64_t number, bool *done, enum db_result (*run)(struct job *j, struct db *d))
{
	struct task *t = mem_new(sizeof *t);

	t->job.run = run;
	t->job.done = note_done;
	t->number = number;
	t->done = done;
	desk_give(desk, &t->job);
}

static void give(int64_t number, bool *done)
{
	give_job(number, done, run_insert);
}

static void run_all(void)
{
	while (desk_waiting(desk))
		uv_run(&loop, UV_RUN_ONCE);
}

static void start(enum db_mode mode)
{
	struct buf why = {0};

	desk = desk_new(&loop, try_path("a.db"), mode, migrate, &why);
	if (!desk)
		fail_msg("%s", buf_cstr(&why));
}

static void stop(void)
{
	desk_free(&desk);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static int64_t number_of(struct db *d, const char *sql)
{
	int64_t n;

	assert_int_equal(db_number(d, sql, &n), DB_OK);
	return n;
}

static struct db *reopen(enum db_mode mode)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("a.db"), mode, &why);

	if (!d)
		fail_msg("%s", buf_cstr(&why));
	assert_int_equal(number_of(d, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	return d;
}

/* Whole, or not at all. */
static bool is_there(struct db *d, int64_t number)
{
	struct stmt *s = db_stmt(d, "SELECT count(*) FROM t WHERE n / 3 = ?1 AND length(v) = 3000");
	int64_t rows = 0;

	if (!s) /* not even the table */
		return false;
	stmt_i64(s, 1, number);
	assert_int_equal(stmt_step(s), DB_ROW);
	rows = stmt_col_i64(s, 0);
	stmt_done(s);
	assert_true(rows == 0 || rows == ROWS);
	return rows == ROWS;
}

/* --- faults ----------------------------------------------------------------------------------------------------- */

/* One run with one fault, at the nth operation and `count` from there on; false: there was none any more. What is given
 * after it is well again is done. Two jobs are given at a time: sometimes a group has both. */
static bool a_run(const char *fault, unsigned nth, unsigned count)
{
	bool done[JOBS + 1] = {false}, failed;
	char rule[100];
	struct db *d;

	try_remove("a.db");
	start(DB_DURABLE);
	snprintf(rule, sizeof rule, "%s a.db %u %u", fault, nth, count);
	disk_rules(rule);
	for (int64_t n = 0; n < JOBS; n++) {
		give(n, &done[n]);
		if (n % 2)
			run_all();
	}
	failed = disk_failed();
	disk_rules(NULL);
	give(JOBS, &done[JOBS]);
	run_all();
	assert_true(done[JOBS]);
	d = reopen(DB_READ);
	for (int64_t n = 0; n <= JOBS; n++) {
		if (done[n] != is_there(d, n))
			fail_msg("%s: job %d was %s", rule, (int)n, done[n] ? "lost" : "refused, and is there");
	}
	db_close(&d);
	stop();
	return failed;
}

static void everywhere(void **state)
{
	unsigned nth = 1;

	while (a_run(*state, nth, 1))
		nth++;
	assert_true(nth > 5);
	for (nth = 1; a_run(*state, nth, 0); nth += 7)
		;
}

static enum db_result trouble(void)
{
	enum db_result why;

	return desk_trouble(desk, &why) ? why : DB_OK;
}

static void it_looks_again(void **state)
{
	bool done = true;

	(void)state;
	try_remove("a.db");
	start(DB_DURABLE);
	disk_rules("full write a.db 1 0");
	give(1, &done);
	run_all();
	assert_false(done);
	assert_int_equal(trouble(), DB_FULL);
	disk_rules("error sync a.db 1 0"); /* another trouble is one, too */
	give(2, &done);
	run_all();
	assert_false(done);
	assert_int_not_equal(trouble(), DB_OK);
	disk_rules(NULL);
	while (trouble() != DB_OK)
		usleep(1000); /* nothing of ours wakes us */
	stop();
}

/* SQLite writes no page that stays as it was: such a commit has not been to the disk. */
static void nothing_written(void **state)
{
	bool done = false;

	(void)state;
	try_remove("a.db");
	start(DB_DURABLE);
	give(1, &done);
	run_all();
	assert_true(done);
	disk_rules("full write a.db 1 0");
	give(2, &done);
	run_all();
	assert_false(done);
	give_job(1, &done, run_repeat);
	run_all();
	assert_true(done);
	assert_int_equal(trouble(), DB_FULL);
	disk_rules(NULL);
	give(2, &done);
	run_all();
	assert_true(done);
	assert_int_equal(trouble(), DB_OK);
	disk_rules("full write a.db 1 0");
	give(3, &done);
	run_all();
	assert_int_equal(trouble(), DB_FULL);
	disk_rules(NULL);
	while (trouble() != DB_OK) { /* it is never idle, and looks all the same */
		give_job(1, &done, run_repeat);
		run_all();
		usleep(100000);
	}
	stop();
}

/* --- power ------------------------------------------------------------------------------------------------------ */

/* In a process of its own: what was done is said on `out`. */
static void write_until_cut(enum db_mode mode, const char *rule, int out)
{
	setpgid(0, 0);
	start(mode);
	disk_rules(rule);
	for (int64_t n = 0; n < JOBS; n++) {
		bool done = false;

		give(n, &done);
		run_all();
		if (done && write(out, &n, sizeof n) != sizeof n)
			_exit(1);
	}
	_exit(0);
}

static bool ended_by_cut(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	else
		assert_int_equal(WTERMSIG(status), SIGKILL);
	return !WIFEXITED(status);
}

/* How many that were done are lost; *cut: it came so far. */
static unsigned lost_at(enum db_mode mode, const char *rule, bool *cut)
{
	int ends[2];
	pid_t pid;
	int64_t number;
	unsigned lost = 0;
	struct db *d;

	try_remove("a.db");
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0)
		write_until_cut(mode, rule, ends[1]);
	close(ends[1]);
	*cut = ended_by_cut(pid);
	d = reopen(DB_DURABLE);
	while (read(ends[0], &number, sizeof number) == sizeof number)
		lost += !is_there(d, number);
	close(ends[0]);
	for (number = 0; mode == DB_DURABLE && number < JOBS; number++)
		(void)is_there(d, number);
	db_close(&d);
	return lost;
}

static void power_fails(void **state)
{
	for (unsigned seed = 0; seed < 3; seed++) {
		char rule[100];
		bool cut = true;
		unsigned nth;

		for (nth = 1; cut; nth++) {
			snprintf(rule, sizeof rule, "cut %s a.db %u 1 %u", (const char *)*state, nth, seed);
			if (lost_at(DB_DURABLE, rule, &cut))
				fail_msg("%s: something that was done is lost", rule);
		}
		assert_true(nth > JOBS);
	}
}

/* What a failed sync was to write may be nowhere, and the next one says that all is well (Linux): what was done
 * meanwhile must not lean on it. */
static void a_sync_fails_before(void **state)
{
	(void)state;
	for (unsigned behind = 1; behind < 8; behind += 3) {
		char rule[100];
		bool cut = true;

		for (unsigned nth = 1; cut; nth++) {
			snprintf(rule, sizeof rule, "error sync a.db %u 1\ncut sync a.db %u 1 %u", nth, nth + behind,
				behind % 3);
			if (lost_at(DB_DURABLE, rule, &cut))
				fail_msg("%s: something that was done is lost", rule);
		}
	}
}

/* The same where nothing is synced: then it must show, or the others show nothing. */
static void power_fails_unsynced(void **state)
{
	bool cut;

	(void)state;
	assert_true(lost_at(DB_VOLATILE, "cut write a.db 30 1 0", &cut) > 0);
	assert_true(cut);
}

/* Its file is made, its schema steps are taken. */
static void first_start(const char *rule)
{
	struct buf why = {0};
	struct db *d;

	setpgid(0, 0);
	disk_rules(rule);
	d = db_open(try_path("a.db"), DB_DURABLE, &why);
	if (!d || !store_migrate(d, try_path("a.db"), &why)) {
		printf("# %s: %s\n", rule ? rule : "afterwards", buf_cstr(&why));
		fflush(stdout);
		_exit(1);
	}
	db_close(&d);
	_exit(0);
}

static bool start_and_wait(const char *rule)
{
	pid_t pid = fork();

	if (pid == 0)
		first_start(rule);
	return ended_by_cut(pid);
}

static void power_fails_at_first(void **state)
{
	static const char *const files[] = {"a.db", "a.db.before-2", "a.db.before-3"};

	(void)state;
	for (unsigned seed = 0; seed < 3; seed++) {
		char rule[100];
		bool cut = true;

		for (unsigned nth = 1; cut; nth++) {
			try_remove("a.db");
			snprintf(rule, sizeof rule, "cut sync a.db %u 1 %u", nth, seed);
			cut = start_and_wait(rule);
			assert_false(start_and_wait(NULL));
			assert_true(!cut || nth < 1000);
		}
	}
	for (size_t i = 0; i < COUNT(files); i++)
		unlink(try_path(files[i]));
}

/* A commit whose sync failed was refused; its pages are in the WAL all the same, and who comes after a process that
 * dies now must not find them there. */
static void refuse_and_die(unsigned nth)
{
	char rule[100];
	bool done = true;

	setpgid(0, 0);
	start(DB_DURABLE);
	snprintf(rule, sizeof rule, "error sync a.db %u 1", nth);
	disk_rules(rule);
	give(1, &done);
	run_all();
	if (done)
		_exit(nth == 1);
	kill(getpid(), SIGKILL);
}

static void refused_for_good(void **state)
{
	bool refused = true;

	(void)state;
	for (unsigned nth = 1; refused; nth++) {
		pid_t pid;
		struct db *d;

		try_remove("a.db");
		start(DB_DURABLE);
		stop();
		pid = fork();
		if (pid == 0)
			refuse_and_die(nth);
		refused = ended_by_cut(pid);
		d = reopen(DB_DURABLE);
		assert_int_equal(is_there(d, 1), !refused);
		db_close(&d);
	}
}

static int remove_files(void **state)
{
	(void)state;
	disk_rules(NULL);
	try_remove("a.db");
	return 0;
}

#define EVERYWHERE(words, fault) \
	{ \
		"store: " words ": what was done is there, what was refused is not, and it goes on", everywhere, NULL, \
			remove_files, (void *)(uintptr_t)fault \
	}
#define POWER(words, operation) \
	{ \
		"store: the power fails " words ": what was done is there, and nothing by halves", power_fails, NULL, \
			remove_files, (void *)(uintptr_t)operation \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EVERYWHERE("the disk is full at each write", "full write"),
		EVERYWHERE("each write is cut short", "short write"),
		EVERYWHERE("each write fails", "error write"),
		EVERYWHERE("each sync fails", "error sync"),
		EVERYWHERE("each read fails", "error read"),
		{"store: a desk whose disk fails says so, and looks again by itself", it_looks_again, NULL,
			remove_files, NULL},
		{"store: what a commit has nothing to write for says nothing of the disk", nothing_written, NULL,
			remove_files, NULL},
		POWER("before each sync", "sync"),
		POWER("after each sync", "synced"),
		POWER("before each write", "write"),
		{"store: a sync fails, and a while later the power: what was done is there", a_sync_fails_before, NULL,
			remove_files, NULL},
		{"store: without syncing, what was done is lost with the power", power_fails_unsynced, NULL,
			remove_files, NULL},
		{"store: the power fails at each sync of the first start: the second one goes on", power_fails_at_first,
			NULL, remove_files, NULL},
		{"store: what was refused because a sync failed does not come back after a crash", refused_for_good,
			NULL, remove_files, NULL},
	};
	int failed;

	try_start();
	if (!freopen("/dev/null", "w", stderr)) /* each refusal is a line of the log */
		abort();
	disk_rules(NULL);
	assert_int_equal(uv_loop_init(&loop), 0);
	failed = cmocka_run_group_tests_name("store", tests, NULL, NULL);
	uv_loop_close(&loop);
	try_end();
	return failed;
}

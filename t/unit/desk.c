/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Desks: order, groups, failures of one job and of all, and a database that refuses work for a while. */
#include "sm/desk.h"

#include "t/lib/sm_try.h"
#include <semaphore.h>

struct task {
	struct job job;
	int64_t number;
	size_t bytes;      /* of the value that is written */
	bool constraint;   /* write it twice */
	bool then_another; /* give another one from done */
};

static uv_loop_t loop;
static struct desk *desk;
static int64_t came[4096];
static enum db_result results[4096];
static size_t came_n;

static enum db_result insert(struct db *d, int64_t number, size_t bytes)
{
	struct stmt *s = db_stmt(d, "INSERT INTO t(n, v) VALUES(?1, zeroblob(?2))");

	if (!s)
		return db_last(d);
	stmt_i64(s, 1, number);
	stmt_i64(s, 2, (int64_t)bytes);
	return stmt_run(s);
}

static enum db_result run_insert(struct job *j, struct db *d)
{
	struct task *t = (struct task *)j;
	enum db_result r = insert(d, t->number, t->bytes);

	return r == DB_OK && t->constraint ? insert(d, t->number, 0) : r;
}

static struct task *task_new(int64_t number);

static void note_done(struct job *j)
{
	struct task *t = (struct task *)j;

	assert_true(came_n < COUNT(came));
	came[came_n] = t->number;
	results[came_n++] = j->result;
	if (t->then_another)
		desk_give(desk, &task_new(t->number + 1)->job);
	mem_free(t);
}

static struct task *task_new(int64_t number)
{
	struct task *t = mem_new(sizeof *t);

	t->job.run = run_insert;
	t->job.done = note_done;
	t->number = number;
	return t;
}

/* A short patience, and a size that is soon reached: 4 MB. */
static bool migrate(struct db *d, const char *path, struct buf *why)
{
	(void)path;
	(void)why;
	db_patience(d, 1);
	return db_exec(d, "PRAGMA max_page_count=1000; CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, v BLOB)") ==
		DB_OK;
}

static bool migrate_large(struct db *d, const char *path, struct buf *why)
{
	(void)path;
	(void)why;
	return db_exec(d, "CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY, v BLOB)") == DB_OK;
}

static bool refuse(struct db *d, const char *path, struct buf *why)
{
	(void)d;
	buf_printf(why, "%s: refused", path);
	return false;
}

static void start(enum db_mode mode, bool (*with)(struct db *d, const char *path, struct buf *why))
{
	struct buf why = {0};

	came_n = 0;
	desk = desk_new(&loop, try_path("a.db"), mode, with, &why);
	if (!desk)
		fail_msg("%s", buf_cstr(&why));
}

static void stop(void)
{
	desk_free(&desk);
	assert_null(desk);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void run_all(void)
{
	while (desk_waiting(desk))
		uv_run(&loop, UV_RUN_ONCE);
}

static int64_t rows(void)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("a.db"), DB_READ, &why);
	int64_t n;

	assert_non_null(d);
	assert_int_equal(db_number(d, "SELECT count(*) FROM t", &n), DB_OK);
	db_close(&d);
	return n;
}

static void jobs_come_back_in_order(void **state)
{
	(void)state;
	try_remove("a.db");
	start(DB_DURABLE, migrate_large);
	for (int64_t i = 0; i < 3000; i++)
		desk_give(desk, &task_new(i)->job);
	assert_int_equal(desk_waiting(desk), 3000);
	run_all();
	assert_int_equal(came_n, 3000);
	for (size_t i = 0; i < came_n; i++) {
		assert_int_equal(came[i], (int64_t)i);
		assert_int_equal(results[i], DB_OK);
	}
	assert_int_equal(rows(), 3000);
	stop();
}

static void a_failing_job_fails_alone(void **state)
{
	(void)state;
	try_remove("a.db");
	start(DB_DURABLE, migrate);
	for (int64_t i = 0; i < 9; i++) {
		struct task *t = task_new(i);

		t->constraint = i % 3 == 1; /* its first row must go with it */
		desk_give(desk, &t->job);
	}
	run_all();
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(results[i], i % 3 == 1 ? DB_CONSTRAINT : DB_OK);
	assert_int_equal(rows(), 6);
	stop();
}

static void wait_until_well(void)
{
	enum db_result why;

	while (desk_trouble(desk, &why))
		usleep(1000); /* the desk looks again by itself; nothing of ours would wake us */
}

static void a_full_database_is_said_and_forgotten(void **state)
{
	struct task *big = task_new(1);
	enum db_result why;

	(void)state;
	try_remove("a.db");
	start(DB_DURABLE, migrate);
	assert_int_equal(desk_trouble(desk, &why), 0);
	big->bytes = 8000000;
	desk_give(desk, &big->job);
	run_all();
	assert_int_equal(results[0], DB_FULL);
	assert_true(desk_trouble(desk, &why) > 0);
	assert_int_equal(why, DB_FULL);
	desk_give(desk, &task_new(2)->job);
	run_all();
	assert_int_equal(results[1], DB_OK);
	assert_int_equal(desk_trouble(desk, &why), 0);
	assert_int_equal(rows(), 1);
	stop();
}

static void a_locked_database_recovers_by_itself(void **state)
{
	struct buf reason = {0};
	struct db *other;
	enum db_result why;

	(void)state;
	try_remove("a.db");
	start(DB_DURABLE, migrate);
	other = db_open(try_path("a.db"), DB_DURABLE, &reason);
	assert_int_equal(db_exec(other, "BEGIN IMMEDIATE"), DB_OK);
	desk_give(desk, &task_new(1)->job);
	desk_give(desk, &task_new(2)->job);
	run_all();
	assert_int_equal(results[0], DB_BUSY);
	assert_int_equal(results[1], DB_BUSY);
	assert_true(desk_trouble(desk, &why) > 0);
	assert_int_equal(why, DB_BUSY);
	db_close(&other);
	wait_until_well();
	stop();
	buf_free(&reason);
}

static void what_is_queued_is_done_at_the_end(void **state)
{
	(void)state;
	try_remove("a.db");
	start(DB_DURABLE, migrate);
	for (int64_t i = 0; i < 100; i++) {
		struct task *t = task_new(i * 2);

		t->then_another = i == 99;
		desk_give(desk, &t->job);
	}
	stop();
	assert_int_equal(came_n, 101);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(results[i], DB_OK);
	assert_int_equal(came[100], 199);
	assert_int_equal(results[100], DB_FAILED); /* given when the desk was closing */
	assert_int_equal(rows(), 100);
}

static void a_desk_that_cannot_open_says_why(void **state)
{
	struct buf why = {0};

	(void)state;
	assert_null(desk_new(&loop, try_path("no/such/a.db"), DB_DURABLE, NULL, &why));
	assert_non_null(strstr(buf_cstr(&why), "no/such/a.db"));
	buf_clear(&why);
	assert_null(desk_new(&loop, try_path("a.db"), DB_DURABLE, refuse, &why));
	assert_non_null(strstr(buf_cstr(&why), "refused"));
	uv_run(&loop, UV_RUN_DEFAULT);
	buf_free(&why);
}

static enum db_result run_count(struct job *j, struct db *d)
{
	return db_number(d, "SELECT count(*) FROM t", &((struct task *)j)->number);
}

static void a_reading_desk_sees_what_was_committed(void **state)
{
	struct desk *writer;
	struct task *t;

	(void)state;
	try_remove("a.db");
	start(DB_DURABLE, migrate);
	writer = desk;
	start(DB_READ, NULL);
	for (int64_t i = 0; i < 20; i++) {
		desk_give(writer, &task_new(i)->job);
		while (desk_waiting(writer))
			uv_run(&loop, UV_RUN_ONCE);
		came_n = 0;
		t = task_new(0);
		t->job.run = run_count;
		desk_give(desk, &t->job);
		t = task_new(0);
		t->job.run = run_count;
		desk_give(desk, &t->job);
		run_all();
		assert_int_equal(came[0], i + 1);
		assert_int_equal(came[1], i + 1);
	}
	t = task_new(1000);
	desk_give(desk, &t->job); /* tries to write */
	run_all();
	assert_int_equal(results[came_n - 1], DB_FAILED);
	desk_free(&writer);
	stop();
}

static void a_held_wal_is_left_behind(void **state)
{
	struct buf reason = {0};
	struct db *reader;
	struct stmt *s;

	(void)state;
	try_remove("a.db");
	start(DB_VOLATILE, migrate_large);
	desk_give(desk, &task_new(-1)->job);
	run_all();
	reader = db_open(try_path("a.db"), DB_READ, &reason);
	s = db_stmt(reader, "SELECT n FROM t");
	assert_int_equal(stmt_step(s), DB_ROW); /* and never lets go */
	for (int64_t i = 0; i < 100; i++) {
		struct task *t = task_new(i);

		t->bytes = 1000000;
		desk_give(desk, &t->job);
		run_all();
		assert_true(db_wal_bytes(try_path("a.db")) < DESK_WAL_MOST + 8000000);
	}
	assert_int_equal(came_n, 101);
	assert_true(db_wal_bytes(try_path("a.db")) < DESK_WAL_MOST);
	assert_int_equal(rows(), 101);
	stmt_done(s);
	db_close(&reader);
	stop();
	buf_free(&reason);
}

static sem_t begun, goes_on;

static enum db_result run_held(struct job *j, struct db *d)
{
	(void)j;
	(void)d;
	sem_post(&begun);
	sem_wait(&goes_on);
	return DB_OK;
}

static enum db_result run_nothing(struct job *j, struct db *d)
{
	(void)j;
	(void)d;
	return DB_OK;
}

static void give_in_lane(enum lane lane, enum db_result (*run)(struct job *j, struct db *d))
{
	struct task *t = task_new(lane);

	t->job.run = run;
	t->job.lane = (uint8_t)lane;
	desk_give(desk, &t->job);
}

/* The desk is held until all have come, the dear ones first. */
static void who_waits_is_served_by_lane(void **state)
{
	static const enum lane wanted[] = {LANE_PROMPT, LANE_PROMPT, LANE_PROMPT, LANE_LOGIN, LANE_PROMPT, LANE_PROMPT,
		LANE_PROMPT, LANE_LOGIN, LANE_PROMPT, LANE_PROMPT, LANE_PROMPT, LANE_LOGIN, LANE_PROMPT, LANE_PROMPT,
		LANE_PROMPT, LANE_DEAR};

	(void)state;
	assert_int_equal(sem_init(&begun, 0, 0) | sem_init(&goes_on, 0, 0), 0);
	start(DB_READ, NULL);
	give_in_lane(LANE_PROMPT, run_held);
	sem_wait(&begun);
	for (unsigned lane = LANES; lane-- > 0;) {
		for (unsigned i = 0; i < 300; i++)
			give_in_lane((enum lane)lane, run_nothing);
	}
	sem_post(&goes_on);
	run_all();
	assert_int_equal(came_n, 1 + 3 * 300);
	for (size_t i = 0; i < 16 * COUNT(wanted); i++)
		assert_int_equal(came[1 + i], wanted[i % COUNT(wanted)]);
	stop();
}

/* What is written has an order: no job of a writing desk goes before another. */
static void a_writing_desk_has_no_lanes(void **state)
{
	struct task *t;

	(void)state;
	try_remove("a.db");
	start(DB_DURABLE, migrate);
	for (int64_t i = 0; i < 300; i++) {
		t = task_new(i);
		t->job.lane = (uint8_t)((300 - i) % LANES);
		desk_give(desk, &t->job);
	}
	run_all();
	for (int64_t i = 0; i < 300; i++)
		assert_int_equal(came[i], i);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("desk: three thousand jobs come back once each, in order", jobs_come_back_in_order),
		TITLED("desk: a job that fails takes nothing of its group with it", a_failing_job_fails_alone),
		TITLED("desk: a full database is trouble until something fits again",
			a_full_database_is_said_and_forgotten),
		TITLED("desk: a locked database fails the group, and is found well without being asked",
			a_locked_database_recovers_by_itself),
		TITLED("desk: freeing it does what is queued; what is given meanwhile fails",
			what_is_queued_is_done_at_the_end),
		TITLED("desk: one that cannot open or migrate says why", a_desk_that_cannot_open_says_why),
		TITLED("desk: a reading desk sees what was committed before it was asked, and cannot write",
			a_reading_desk_sees_what_was_committed),
		TITLED("desk: a WAL that a reader holds is left behind with the old file, and nothing is lost",
			a_held_wal_is_left_behind),
		TITLED("desk: who waits for a reading desk is served by lane", who_waits_is_served_by_lane),
		TITLED("desk: a writing desk takes jobs as they come, whatever their lane",
			a_writing_desk_has_no_lanes),
	};
	int failed;

	try_start();
	uv_loop_init(&loop);
	failed = cmocka_run_group_tests_name("desk", tests, NULL, NULL);
	uv_loop_close(&loop);
	try_remove("a.db");
	try_end();
	return failed;
}

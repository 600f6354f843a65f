/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The fence around SQLite: outcomes, statements, files. A full database is made with max_page_count, a locked one with
 * a second handle, a damaged one by hand. */
#include "sm/db.h"

#include <errno.h>
#include <sys/stat.h>

#include "t/lib/sm_try.h"

static struct db *open_db(const char *name, enum db_mode mode)
{
	struct buf why = {0};
	struct db *d = db_open(try_path(name), mode, &why);

	if (!d)
		fail_msg("%s", buf_cstr(&why));
	buf_free(&why);
	return d;
}

static struct db *fresh(enum db_mode mode)
{
	struct db *d;

	try_remove("a.db");
	d = open_db("a.db", mode);
	assert_int_equal(db_exec(d, "CREATE TABLE t(k TEXT PRIMARY KEY, v BLOB, n INTEGER)"), DB_OK);
	return d;
}

static enum db_result put(struct db *d, const char *key, struct str value, int64_t n)
{
	struct stmt *s = db_stmt(d, "INSERT INTO t(k, v, n) VALUES(?1, ?2, ?3)");

	assert_non_null(s);
	stmt_text(s, 1, str_of(key));
	stmt_blob(s, 2, value);
	stmt_i64(s, 3, n);
	return stmt_run(s);
}

static int64_t count(struct db *d)
{
	int64_t n;

	assert_int_equal(db_number(d, "SELECT count(*) FROM t", &n), DB_OK);
	return n;
}

static void values_come_back(void **state)
{
	struct db *d = fresh(DB_DURABLE);
	struct stmt *s;

	(void)state;
	assert_int_equal(put(d, "empty", STR_NONE, INT64_MIN), DB_OK);
	assert_int_equal(put(d, "zero", STR("\0a\0"), -1), DB_OK);
	s = db_stmt(d, "SELECT k, v, n FROM t ORDER BY k");
	assert_int_equal(stmt_step(s), DB_ROW);
	assert_true(str_is(stmt_col_text(s, 0), "empty"));
	assert_int_equal(stmt_col_blob(s, 1).n, 0);
	assert_true(stmt_col_i64(s, 2) == INT64_MIN);
	assert_int_equal(stmt_step(s), DB_ROW);
	assert_true(str_eq(stmt_col_blob(s, 1), STR("\0a\0")));
	assert_int_equal(stmt_step(s), DB_OK);
	stmt_done(s);
	assert_ptr_equal(s, db_stmt(d, "SELECT k, v, n FROM t ORDER BY k"));
	db_close(&d);
	assert_null(d);
}

static void outcomes_are_told_apart(void **state)
{
	struct db *d = fresh(DB_DURABLE);
	struct stmt *s;

	(void)state;
	assert_int_equal(put(d, "a", STR_NONE, 0), DB_OK);
	assert_int_equal(put(d, "a", STR_NONE, 0), DB_CONSTRAINT);
	assert_int_equal(db_last(d), DB_CONSTRAINT);
	assert_null(db_stmt(d, "SELECT k FROM nowhere"));
	assert_int_equal(db_last(d), DB_FAILED);
	assert_non_null(strstr(db_why(d), "nowhere"));
	assert_int_equal(db_exec(d, "not sql"), DB_FAILED);
	s = db_stmt(d, "SELECT 1");
	stmt_i64(s, 9, 1); /* no such parameter */
	assert_int_equal(stmt_run(s), DB_FAILED);
	assert_int_equal(stmt_run(db_stmt(d, "SELECT 1")), DB_OK);
	db_close(&d);
}

static void a_full_database_says_so(void **state)
{
	struct db *d = fresh(DB_DURABLE);
	char *big = mem_new(1000000);

	(void)state;
	assert_int_equal(db_exec(d, "PRAGMA max_page_count=20"), DB_OK);
	assert_int_equal(put(d, "big", str_at(big, 1000000), 0), DB_FULL);
	assert_false(db_in_transaction(d));
	assert_int_equal(put(d, "small", STR("x"), 0), DB_OK);
	assert_int_equal(count(d), 1);
	mem_free(big);
	db_close(&d);
}

static void a_locked_database_says_so(void **state)
{
	struct db *d = fresh(DB_DURABLE), *other = open_db("a.db", DB_DURABLE);

	(void)state;
	db_patience(d, 0);
	assert_int_equal(db_exec(other, "BEGIN IMMEDIATE"), DB_OK);
	assert_true(db_in_transaction(other));
	assert_int_equal(db_exec(d, "BEGIN IMMEDIATE"), DB_BUSY);
	assert_int_equal(count(d), 0); /* readers are not kept out */
	assert_int_equal(db_exec(other, "COMMIT"), DB_OK);
	assert_int_equal(db_exec(d, "BEGIN IMMEDIATE; COMMIT"), DB_OK);
	db_close(&other);
	db_close(&d);
}

static void a_reader_does_not_write(void **state)
{
	struct db *d = fresh(DB_DURABLE), *reader;
	struct buf why = {0};

	(void)state;
	reader = open_db("a.db", DB_READ);
	assert_int_equal(put(d, "a", STR_NONE, 0), DB_OK);
	assert_int_equal(count(reader), 1);
	assert_int_equal(put(reader, "b", STR_NONE, 0), DB_FAILED);
	db_close(&reader);
	db_close(&d);
	assert_null(db_open(try_path("absent.db"), DB_READ, &why));
	assert_non_null(strstr(buf_cstr(&why), "absent.db"));
	assert_int_equal(access(try_path("absent.db"), F_OK), -1);
	buf_free(&why);
}

static void files_are_for_the_group(void **state)
{
	static const char *const names[] = {"a.db", "a.db-wal", "a.db-shm"};
	mode_t before = umask(0);
	struct db *d = fresh(DB_DURABLE);
	struct stat s;

	(void)state;
	umask(before);
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_int_equal(stat(try_path(names[i]), &s), 0);
		assert_int_equal(s.st_mode & 0777, 0640);
	}
	db_close(&d);
}

static void what_is_no_database(void **state)
{
	struct buf why = {0};
	struct db *d;

	(void)state;
	try_remove("a.db");
	try_write("a.db",
		"this is no database, but long enough that it might be taken for one: ....................................");
	assert_null(db_open(try_path("a.db"), DB_DURABLE, &why));
	assert_true(why.n > 0 && str_find(buf_str(&why), '\n') == why.n);
	buf_clear(&why);
	assert_null(db_open(try_path("a.db"), DB_READ, &why));
	d = open_db("a.db", DB_VOLATILE); /* its content is nobody's loss */
	assert_int_equal(db_exec(d, "CREATE TABLE t(k)"), DB_OK);
	db_close(&d);
	buf_clear(&why);
	assert_null(db_open(try_path("no/such/folder.db"), DB_DURABLE, &why));
	assert_non_null(strstr(buf_cstr(&why), strerror(ENOENT)));
	buf_free(&why);
}

static void a_copy_is_whole(void **state)
{
	struct db *d = fresh(DB_DURABLE), *copy;
	struct buf why = {0};
	struct stat s;

	(void)state;
	assert_int_equal(put(d, "a", STR("1"), 1), DB_OK);
	assert_true(db_copy(d, try_path("b.db"), &why));
	assert_int_equal(put(d, "b", STR("2"), 2), DB_OK);
	copy = open_db("b.db", DB_DURABLE);
	assert_int_equal(count(copy), 1);
	db_close(&copy);
	assert_true(db_copy(d, try_path("b.db"), &why)); /* again, over the old one */
	copy = open_db("b.db", DB_DURABLE);
	assert_int_equal(count(copy), 2);
	db_close(&copy);
	assert_int_equal(stat(try_path("b.db"), &s), 0);
	assert_int_equal(s.st_mode & 0777, 0640);
	assert_false(db_copy(d, try_path("no/such/copy.db"), &why));
	assert_true(why.n > 0);
	buf_free(&why);
	db_close(&d);
	try_remove("b.db");
}

static void a_checkpoint_cuts_the_wal(void **state)
{
	struct db *d = fresh(DB_VOLATILE);

	(void)state;
	assert_true(db_wal_bytes(try_path("a.db")) > 0);
	db_checkpoint(d);
	assert_int_equal(db_wal_bytes(try_path("a.db")), 0);
	assert_int_equal(db_wal_bytes(try_path("absent.db")), 0);
	db_close(&d);
}

static void a_replacement_leaves_the_old_to_readers(void **state)
{
	struct db *d = fresh(DB_VOLATILE), *reader;
	struct buf why = {0};
	struct stmt *s;

	(void)state;
	assert_int_equal(put(d, "a", STR("1"), 1), DB_OK);
	assert_int_equal(put(d, "b", STR("1"), 1), DB_OK);
	reader = open_db("a.db", DB_READ);
	s = db_stmt(reader, "SELECT k FROM t");
	assert_int_equal(stmt_step(s), DB_ROW);
	assert_true(db_replace(d, &why));
	assert_int_equal(put(d, "c", STR("1"), 1), DB_OK);
	assert_int_equal(count(d), 3);
	assert_int_equal(stmt_step(s), DB_ROW); /* goes on reading what it began to read */
	assert_int_equal(stmt_step(s), DB_OK);
	stmt_done(s);
	db_close(&reader);
	reader = open_db("a.db", DB_READ);
	assert_int_equal(count(reader), 3);
	db_close(&reader);
	assert_true(db_remake(d, &why));
	assert_int_equal(db_exec(d, "CREATE TABLE t(k)"), DB_OK);
	db_close(&d);
	buf_free(&why);
}

/* As if the process had died with the copy complete and the old WAL there, or gone. */
static void an_interrupted_replacement_is_finished(void **state)
{
	struct buf why = {0};

	(void)state;
	for (int wal_gone = 0; wal_gone < 2; wal_gone++) {
		struct db *d = fresh(DB_VOLATILE);

		assert_int_equal(put(d, "a", STR("1"), 1), DB_OK);
		assert_true(db_copy(d, try_path("a.db.next"), &why));
		assert_int_equal(put(d, "lost", STR("1"), 1), DB_OK);
		if (wal_gone)
			unlink(try_path("a.db-wal"));
		db_close(&d);
		d = open_db("a.db", DB_VOLATILE);
		assert_int_equal(count(d), 1);
		assert_int_equal(access(try_path("a.db.next"), F_OK), -1);
		db_close(&d);
	}
	buf_free(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("db: texts, bytes and numbers come back as they were, the empty ones too", values_come_back),
		TITLED("db: a constraint, a wrong statement and a wrong parameter are told apart",
			outcomes_are_told_apart),
		TITLED("db: a full database refuses what does not fit and goes on", a_full_database_says_so),
		TITLED("db: a locked database says so after the patience, and readers read on",
			a_locked_database_says_so),
		TITLED("db: a reading handle neither writes nor makes a file", a_reader_does_not_write),
		TITLED("db: database, WAL and index have mode 0640 whatever the umask", files_are_for_the_group),
		TITLED("db: a file that is no database is refused, or replaced where nothing is lost",
			what_is_no_database),
		TITLED("db: a copy has what was there, and replaces the copy of before", a_copy_is_whole),
		TITLED("db: a checkpoint cuts the WAL to nothing", a_checkpoint_cuts_the_wal),
		TITLED("db: a replaced file goes on with its content, and its readers with the old one",
			a_replacement_leaves_the_old_to_readers),
		TITLED("db: a replacement that was cut off is finished at the next opening",
			an_interrupted_replacement_is_finished),
	};
	int failed;

	try_start();
	failed = cmocka_run_group_tests_name("db", tests, NULL, NULL);
	try_remove("a.db");
	try_end();
	return failed;
}

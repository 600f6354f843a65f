/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The desk's thread: takes what has come, runs it as a group, hands it back. The database may
 * refuse work for as long as it likes (full, locked, damaged): the jobs come back with that, the
 * log says so once, and the desk looks again by itself. */
#include "sm/desk.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/xml.h"

/* jobs of one transaction: bounds what a failing commit takes with it */
#define GROUP_MOST 1024
#define READ_MOST 64 /* jobs of a reading desk at once: who is in an earlier lane waits for them */
#define REST_SECONDS 1     /* idle that long, the WAL is brought back */
#define PROBE_SECONDS 5    /* how often a database that refuses work is tried */
#define REPLACE_SECONDS 60 /* a replacement that failed is tried again after that */

struct desk {
	uv_loop_t *loop;
	uv_async_t async; /* data: the desk */
	size_t waiting;   /* the loop's */
	bool closing;     /* the loop's */

	pthread_t thread;
	pthread_mutex_t lock; /* over in, out, ready, stop */
	pthread_cond_t wake;
	struct lanes in; /* of a writing desk, one: what is written has an order */
	struct queue out;
	enum { OPENING, SERVING, NOT_OPENED } ready;
	bool stop;

	/* the thread's */
	enum db_mode mode;
	bool (*migrate)(struct db *d, const char *path, struct buf *why);
	struct buf *why;
	struct db *db;
	bool written; /* since the last checkpoint */
	time_t replace_after, probe_after;

	_Atomic int64_t trouble_since;
	_Atomic int trouble;
	char path[];
};

static time_t seconds_since_boot(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* --- how the database does ------------------------------------------------------------------- */

static bool is_trouble(enum db_result r)
{
	return r == DB_BUSY || r == DB_FULL || r == DB_CORRUPT || r == DB_FAILED;
}

static void note_result(struct desk *k, enum db_result r, const char *what)
{
	bool was = atomic_load(&k->trouble_since) != 0;

	if (is_trouble(r)) {
		atomic_store(&k->trouble, (int)r);
		if (was)
			return;
		log_event(store_failed, LOG_TEXT("path", k->path),
			LOG_TEXT("result", db_result_name(r)), LOG_TEXT("why", what));
		k->probe_after = seconds_since_boot() + PROBE_SECONDS;
		atomic_store(&k->trouble_since, (int64_t)time(NULL));
	} else if (was) {
		log_event(store_recovered, LOG_TEXT("path", k->path),
			LOG_I64("seconds", time(NULL) - atomic_load(&k->trouble_since)));
		atomic_store(&k->trouble_since, 0);
		atomic_store(&k->trouble, DB_OK);
	}
}

/* The smallest work that shows whether the database works: writing its first page again, or reading
 * it. */
static void probe(struct desk *k)
{
	enum db_result r;

	k->probe_after = seconds_since_boot() + PROBE_SECONDS;
	if (k->mode == DB_READ) {
		r = db_exec(k->db, "SELECT count(*) FROM sqlite_schema");
	} else {
		r = db_exec(k->db,
			"BEGIN IMMEDIATE; CREATE TABLE desk_probe(x); INSERT INTO desk_probe VALUES(zeroblob(16384)); "
			"DROP TABLE desk_probe; COMMIT");
		if (db_in_transaction(k->db) && db_exec(k->db, "ROLLBACK") != DB_OK)
			r = DB_FAILED;
	}
	/* Damage is in one place and not in another: only work that succeeds is a sign there. */
	if (r != DB_OK || atomic_load(&k->trouble) != DB_CORRUPT)
		note_result(k, r, db_why(k->db));
}

/* However much there is to do: not all that is done writes. */
static void probe_if_due(struct desk *k)
{
	if (atomic_load(&k->trouble_since) != 0 && seconds_since_boot() >= k->probe_after)
		probe(k);
}

/* --- groups ---------------------------------------------------------------------------------- */

static void fail_from(struct job *j, enum db_result r)
{
	for (; j; j = j->next)
		j->result = r;
}

/* One job within the transaction. What it did is undone when it fails. */
static void run_in_savepoint(struct desk *k, struct job *j)
{
	enum db_result r = db_exec(k->db, "SAVEPOINT job");

	if (r == DB_OK) {
		r = j->run(j, k->db);
		if (r == DB_ROW)
			r = DB_OK;
		if (is_trouble(r))
			note_result(k, r, db_why(k->db));
	}
	j->result = r;
	if (!db_in_transaction(k->db))
		return;
	if (r != DB_OK && db_exec(k->db, "ROLLBACK TO job") != DB_OK)
		j->result = DB_FAILED;
	if (db_exec(k->db, "RELEASE job") != DB_OK && j->result == DB_OK)
		j->result = db_last(k->db);
}

static enum db_result commit(struct desk *k)
{
	enum db_result r = db_exec(k->db, "COMMIT");

	if (r == DB_OK)
		return r;
	note_result(k, r, db_why(k->db));
	if (db_in_transaction(k->db) && db_exec(k->db, "ROLLBACK") != DB_OK)
		log_event(store_failed, LOG_TEXT("path", k->path), LOG_TEXT("why", db_why(k->db)));
	return r;
}

static void write_group(struct desk *k, struct job *first)
{
	bool clean = true;
	enum db_result r;

	(void)db_has_written(k->db); /* what there was before */
	r = db_exec(k->db, "BEGIN IMMEDIATE");
	if (r != DB_OK) {
		note_result(k, r, db_why(k->db));
		fail_from(first, r);
		return;
	}
	for (struct job *j = first; j; j = j->next) {
		run_in_savepoint(k, j);
		clean = clean && !is_trouble(j->result);
		if (db_in_transaction(k->db))
			continue;
		/* The failure was so serious that SQLite has undone the whole group. */
		fail_from(first, j->result == DB_OK ? DB_FAILED : j->result);
		return;
	}
	r = commit(k);
	if (r == DB_OK && clean && db_has_written(k->db)) /* else it has not been to the disk */
		note_result(k, DB_OK, NULL);
	k->written = true;
	if (r == DB_OK)
		return;
	fail_from(first, r);
	/* When only the sync failed, the WAL has all of it, and whoever opens the database after a
	 * crash would find it committed. Before anybody is told, another commit takes its place. */
	probe(k);
}

/* One snapshot for the group; nothing here waits for a writer. */
static void read_group(struct desk *k, struct job *first)
{
	bool together = first->next && db_exec(k->db, "BEGIN") == DB_OK;

	for (struct job *j = first; j; j = j->next) {
		j->result = j->run(j, k->db);
		if (j->result == DB_ROW)
			j->result = DB_OK;
		note_result(k, j->result, db_why(k->db));
	}
	if (together && db_in_transaction(k->db) && db_exec(k->db, "COMMIT") != DB_OK)
		note_result(k, DB_FAILED, db_why(k->db));
}

/* A reader that never lets go keeps the WAL from being used again: leave it with the old file. */
static void replace_if_due(struct desk *k)
{
	struct buf why = {0};
	size_t was = db_wal_bytes(k->path);

	if (was <= DESK_WAL_MOST || seconds_since_boot() < k->replace_after)
		return;
	if (db_replace(k->db, &why)) {
		log_event(wal_rebuilt, LOG_TEXT("path", k->path), LOG_U64("wal_bytes", was));
	} else {
		log_event(store_failed, LOG_TEXT("path", k->path), LOG_TEXT("what", "replacing it"),
			LOG_STR("why", buf_str(&why)));
		k->replace_after = seconds_since_boot() + REPLACE_SECONDS;
	}
	buf_free(&why);
}

/* --- the thread ------------------------------------------------------------------------------ */

static void rest(struct desk *k)
{
	if (atomic_load(&k->trouble_since) != 0)
		probe(k);
	if (k->written)
		db_checkpoint(k->db);
	k->written = false;
}

/* Waits for work; NULL: it is time to end. Called and left with the lock held. */
static struct job *next_group(struct desk *k)
{
	unsigned most = k->mode == DB_READ ? READ_MOST : GROUP_MOST;
	struct queue group;

	while (lanes_empty(&k->in) && !k->stop) {
		struct timespec until;
		bool due = false;

		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += k->written ? REST_SECONDS : PROBE_SECONDS;
		if (k->written || atomic_load(&k->trouble_since) != 0)
			due = pthread_cond_timedwait(&k->wake, &k->lock, &until) != 0;
		else
			pthread_cond_wait(&k->wake, &k->lock);
		if (!due || !lanes_empty(&k->in))
			continue;
		pthread_mutex_unlock(&k->lock);
		rest(k);
		pthread_mutex_lock(&k->lock);
	}
	queue_start(&group);
	for (unsigned n = 0; n < most && !lanes_empty(&k->in); n++)
		queue_put(&group, lanes_take(&k->in));
	return group.first;
}

static void hand_back(struct desk *k, struct job *first)
{
	while (first) {
		struct job *j = first;

		first = j->next;
		queue_put(&k->out, j);
	}
	uv_async_send(&k->async);
}

static void serve_jobs(struct desk *k)
{
	struct job *group;

	pthread_mutex_lock(&k->lock);
	while ((group = next_group(k))) {
		pthread_mutex_unlock(&k->lock);
		probe_if_due(k);
		if (k->mode == DB_READ)
			read_group(k, group);
		else
			write_group(k, group);
		if (k->mode == DB_VOLATILE)
			replace_if_due(k);
		pthread_mutex_lock(&k->lock);
		hand_back(k, group);
	}
	pthread_mutex_unlock(&k->lock);
}

static void *desk_thread(void *ctx)
{
	struct desk *k = ctx;
	bool opened;

	xml_thread_start();
	k->db = db_open(k->path, k->mode, k->why);
	opened = k->db && (!k->migrate || k->migrate(k->db, k->path, k->why));
	pthread_mutex_lock(&k->lock);
	k->ready = opened ? SERVING : NOT_OPENED;
	pthread_cond_broadcast(&k->wake);
	pthread_mutex_unlock(&k->lock);
	if (opened)
		serve_jobs(k);
	db_close(&k->db);
	return NULL;
}

/* --- the loop's side ------------------------------------------------------------------------- */

static struct job *take_done(struct desk *k)
{
	struct job *first;

	pthread_mutex_lock(&k->lock);
	first = k->out.first;
	queue_start(&k->out);
	pthread_mutex_unlock(&k->lock);
	return first;
}

static void on_done(uv_async_t *async)
{
	struct desk *k = async->data;
	struct job *j = take_done(k);

	while (j) {
		struct job *next = j->next;

		k->waiting--;
		j->done(j);
		j = next;
	}
	if (!k->waiting && !k->closing)
		uv_unref((uv_handle_t *)&k->async);
}

static void start_lock(struct desk *k)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&k->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&k->lock, NULL);
}

/* Signals are the loop's: a thread of a desk takes none. */
static bool start_thread(struct desk *k)
{
	sigset_t all, before;
	bool started;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = pthread_create(&k->thread, NULL, desk_thread, k) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

static bool wait_opened(struct desk *k)
{
	bool opened;

	pthread_mutex_lock(&k->lock);
	while (k->ready == OPENING)
		pthread_cond_wait(&k->wake, &k->lock);
	opened = k->ready == SERVING;
	pthread_mutex_unlock(&k->lock);
	if (!opened)
		pthread_join(k->thread, NULL);
	return opened;
}

static void destroy(struct desk *k)
{
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	mem_free(k);
}

static void on_closed(uv_handle_t *async)
{
	destroy(async->data);
}

struct desk *desk_new(uv_loop_t *loop, const char *path, enum db_mode mode,
	bool (*migrate)(struct db *d, const char *path, struct buf *why), struct buf *why)
{
	size_t n = strlen(path);
	struct desk *k = mem_new(sizeof *k + n + 1);

	memcpy(k->path, path, n);
	k->loop = loop;
	k->mode = mode;
	k->migrate = migrate;
	k->why = why;
	lanes_start(&k->in);
	queue_start(&k->out);
	start_lock(k);
	if (uv_async_init(loop, &k->async, on_done) != 0) {
		buf_printf(why, "%s: no event handle", path);
		destroy(k);
		return NULL;
	}
	k->async.data = k;
	uv_unref((uv_handle_t *)&k->async);
	if (!start_thread(k)) {
		buf_printf(why, "%s: no thread", path);
	} else if (wait_opened(k)) {
		k->why = NULL;
		log_event(store_open, LOG_TEXT("path", path));
		return k;
	}
	uv_close((uv_handle_t *)&k->async, on_closed);
	return NULL;
}

void desk_give(struct desk *k, struct job *j)
{
	if (k->mode != DB_READ)
		j->lane = LANE_PROMPT;
	if (k->waiting++ == 0 && !k->closing)
		uv_ref((uv_handle_t *)&k->async);
	pthread_mutex_lock(&k->lock);
	if (k->closing) {
		j->result = DB_FAILED;
		queue_put(&k->out, j);
	} else {
		lanes_put(&k->in, j);
		pthread_cond_signal(&k->wake);
	}
	pthread_mutex_unlock(&k->lock);
}

size_t desk_waiting(const struct desk *k)
{
	return k->waiting;
}

void desk_free(struct desk **k)
{
	struct desk *old = *k;

	if (!old)
		return;
	pthread_mutex_lock(&old->lock);
	old->stop = true;
	pthread_cond_signal(&old->wake);
	pthread_mutex_unlock(&old->lock);
	pthread_join(old->thread, NULL);
	old->closing = true;
	while (old->waiting)
		on_done(&old->async);
	*k = NULL;
	uv_close((uv_handle_t *)&old->async, on_closed);
}

int64_t desk_trouble(const struct desk *k, enum db_result *why)
{
	*why = (enum db_result)atomic_load(&k->trouble);
	return atomic_load(&k->trouble_since);
}

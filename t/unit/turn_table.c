/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sessions.db behind the turn log: it gets what a finished turn changed, and nothing of the turn that
 * is open, for a crash would leave it ahead of the log. */
#include "sm/mailbox.h"
#include "sm/turn.h"

#include "t/lib/sm_try.h"

#include "common/log.h"
#include "sm/bound.h"
#include "sm/peer.h"
#include "sm/route.h"

static struct house house;
static struct conf conf;

static int start(void **state)
{
	struct buf why = {0};
	bool recovered;

	(void)state;
	conf = (struct conf){.run_directory = try_folder,
		.turn_log_bytes = 4194304,
		.link_queue_bytes = 1048576,
		.stanza_bytes = 10000};
	house = (struct house){.conf = &conf};
	assert_int_equal(uv_loop_init(&house.loop), 0);
	uv_idle_init(&house.loop, &house.hurry);
	house.sessions = sessions_new();
	house.bound = bound_new();
	house.route = route_work_new();
	house.errands = errands_new();
	house.blocks = blocks_new();
	house.lasts = lasts_new();
	house.mailboxes = mailboxes_new();
	house.peers = peers_new();
	assert_non_null(turn_new(&house, &recovered, &why));
	assert_false(recovered);
	assert_true(turn_table_start(&house, &why));
	return 0;
}

static int end(void **state)
{
	(void)state;
	turn_table_stop(&house);
	uv_close((uv_handle_t *)&house.hurry, NULL);
	uv_run(&house.loop, UV_RUN_DEFAULT);
	uv_loop_close(&house.loop);
	turn_free(&house.turn);
	sessions_free(&house.sessions);
	bound_free(&house.bound);
	peers_free(&house);
	route_work_free(&house.route);
	errands_free(&house.errands);
	blocks_free(&house.blocks);
	lasts_free(&house.lasts);
	mailboxes_free(&house.mailboxes);
	try_remove("sessions.db");
	unlink(try_path("turn.a"));
	unlink(try_path("turn.b"));
	return 0;
}

static struct session *open_session(uint64_t sid, const char *jid)
{
	struct session_row row = {.sid = sid, .conn = UINT64_C(7) << 32 | sid, .jid = str_of(jid)};
	struct session *s = session_add(house.sessions, &row, peer_make(&house, 7));

	assert_non_null(s);
	session_changed(&house, s);
	return s;
}

/* Until every change that it knows of has been written. */
static void let_it_write(void)
{
	uv_run(&house.loop, UV_RUN_DEFAULT);
}

static int64_t rows(void)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("sessions.db"), DB_READ, &why);
	int64_t n;

	assert_non_null(d);
	assert_int_equal(db_number(d, "SELECT count(*) FROM session", &n), DB_OK);
	db_close(&d);
	return n;
}

static void behind(void **state)
{
	struct session *first = open_session(1, "u@d/1");

	(void)state;
	turn_commit(&house);
	let_it_write();
	assert_int_equal(rows(), 1);
	open_session(2, "u@d/2");
	turn_commit(&house);
	session_end(&house, first, "the turn is open when the table is written");
	let_it_write();
	assert_int_equal(rows(), 2);
	turn_commit(&house);
	let_it_write();
	assert_int_equal(rows(), 1);
}

static void came_and_went(void **state)
{
	(void)state;
	session_end(&house, open_session(3, "u@d/3"), "in the same turn");
	turn_commit(&house);
	let_it_write();
	assert_int_equal(rows(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("turn table: it never has what the log does not have yet", behind),
		TITLED("turn table: a session that came and went leaves nothing", came_and_went),
	};
	int failed;

	log_start("sm", LOG_ERROR);
	try_start();
	failed = cmocka_run_group_tests_name("turn table", tests, start, end);
	try_end();
	return failed;
}

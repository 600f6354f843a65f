/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Sessions whose accounts are not in memory: they wait for the roster, each asks once, and what the store takes
 * meanwhile is not lost. A real reader desk, and a worker whose channel is read back. */
#include "sm/answer.h"
#include "sm/bound.h"
#include "sm/mailbox.h"
#include "sm/opening.h"
#include "sm/peer_work.h"
#include "sm/route.h"
#include "sm/session.h"
#include "sm/store_account.h"
#include "sm/turn.h"
#include "t/lib/sm_try.h"

#include <time.h>

static struct house house;
static struct conf conf;
static struct conf_domain domain = {.name = "d", .sessions_per_account = 10, .resource_conflict = CONFLICT_CLOSEOLD};
static struct buf why;

static void fill_store(void)
{
	struct roster_row row = {.contact = STR("bob@d"), .state = SUB_LISTED | SUB_TO, .version = 5};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);

	assert_non_null(d);
	assert_true(store_migrate(d, try_path("store.db"), &why));
	assert_int_equal(store_account_add(d, STR("alice@d"), STR_NONE), DB_OK);
	assert_int_equal(store_roster_put(d, STR("alice@d"), &row), DB_OK);
	db_close(&d);
}

static int start(void **state)
{
	bool recovered;

	(void)state;
	try_remove("store.db");
	fill_store();
	conf = (struct conf){.domains = &domain,
		.domain_count = 1,
		.turn_log_bytes = 4194304,
		.link_queue_bytes = 1048576,
		.run_directory = try_folder};
	house = (struct house){.conf = &conf};
	assert_int_equal(uv_loop_init(&house.loop), 0);
	uv_idle_init(&house.loop, &house.hurry);
	house.sessions = sessions_new();
	house.bound = bound_new();
	house.errands = errands_new();
	house.blocks = blocks_new();
	house.lasts = lasts_new();
	house.mailboxes = mailboxes_new();
	house.openings = openings_new();
	house.peers = peers_new();
	house.route = route_work_new();
	assert_non_null(turn_new(&house, &recovered, &why));
	house.reader = desk_new(&house.loop, try_path("store.db"), DB_READ, NULL, &why);
	assert_non_null(house.reader);
	return 0;
}

static int end(void **state)
{
	(void)state;
	house.stopping = true;
	desk_free(&house.reader);
	uv_close((uv_handle_t *)&house.hurry, NULL);
	uv_run(&house.loop, UV_RUN_DEFAULT);
	uv_loop_close(&house.loop);
	while (session_take_changed(house.sessions))
		;
	turn_free(&house.turn);
	sessions_free(&house.sessions);
	bound_free(&house.bound);
	errands_free(&house.errands);
	blocks_free(&house.blocks);
	lasts_free(&house.lasts);
	mailboxes_free(&house.mailboxes);
	openings_free(&house.openings);
	peers_free(&house);
	route_work_free(&house.route);
	try_remove("store.db");
	try_remove("sessions.db");
	unlink(try_path("turn.a"));
	unlink(try_path("turn.b"));
	return 0;
}

static uint64_t conn(unsigned n)
{
	return UINT64_C(1) << 32 | n;
}

/* The connection has proved the account, and asks for a session. */
static void ask(unsigned n, const char *account)
{
	struct msg_open_session m = {.conn = conn(n)};
	char resource[16];

	snprintf(resource, sizeof resource, "r%u", n);
	m.resource = str_of(resource);
	assert_true(bound_put(&house, m.conn, str_of(account)));
	open_session(peer_make(&house, 1), &m);
}

/* Until the desk has said all that it was asked. */
static void wait_for_desk(void)
{
	while (desk_waiting(house.reader))
		uv_run(&house.loop, UV_RUN_ONCE);
}

struct heard {
	uint64_t conn;
	unsigned opened, refused;
};

static bool hear(void *ctx, const struct message *m)
{
	struct heard *h = ctx;

	h->opened += m->code == MSG_opened && m->as.opened.conn == h->conn;
	h->refused += m->code == MSG_refused && m->as.refused.conn == h->conn;
	return true;
}

static unsigned opened(unsigned n)
{
	struct heard h = {.conn = conn(n)};

	assert_true(channel_read_frames(channel_since(&peer_make(&house, 1)->channel, 0), hear, &h));
	return h.opened;
}

static const struct roster *roster(void)
{
	const struct account *a = account_by_jid(house.sessions, STR("alice@d"));

	return a ? a->roster : NULL;
}

static void waits(void **state)
{
	(void)state;
	ask(1, "alice@d");
	ask(1, "alice@d"); /* again, for the link was lost */
	ask(2, "alice@d");
	assert_int_equal(session_count(house.sessions), 0);
	assert_int_equal(desk_waiting(house.reader), 1);
	wait_for_desk();
	assert_int_equal(session_count(house.sessions), 2);
	assert_int_equal(opened(1), 1);
	assert_int_equal(opened(2), 1);
	assert_int_equal(roster_state(roster(), STR("bob@d")), SUB_LISTED | SUB_TO);
	ask(3, "alice@d"); /* it is there: nothing to wait for */
	assert_int_equal(opened(3), 1);
}

/* With closeold the account's only session ends before the new one is there. */
static void replaced(void **state)
{
	struct msg_open_session again = {.conn = conn(2), .resource = STR("r1")};

	(void)state;
	ask(1, "alice@d");
	wait_for_desk();
	assert_true(bound_put(&house, again.conn, STR("alice@d")));
	open_session(peer_make(&house, 1), &again);
	assert_int_equal(session_count(house.sessions), 1);
	assert_int_equal(opened(2), 1);
	assert_int_equal(roster_state(roster(), STR("bob@d")), SUB_LISTED | SUB_TO);
}

static void changed(void **state)
{
	struct roster_row row = {.contact = STR("carol@d"), .state = SUB_LISTED, .version = 9};

	(void)state;
	roster_changed(&house, STR("alice@d"), &row); /* in the store only */
	ask(1, "alice@d");
	row.state |= SUB_FROM;
	roster_changed(&house, STR("alice@d"), &row);
	roster_changed(&house, STR("bob@d"), &row);
	wait_for_desk();
	assert_int_equal(roster_state(roster(), STR("carol@d")), SUB_LISTED | SUB_FROM);
	assert_true(roster()->head.version == 9);
	row.state = 0;
	row.version = 10;
	roster_changed(&house, STR("alice@d"), &row);
	assert_int_equal(roster_state(roster(), STR("carol@d")), 0);
}

/* Whoever goes while it is loaded gets no session, and nothing is left of the account. */
static void gone(void **state)
{
	(void)state;
	ask(1, "alice@d");
	bound_remove(&house, conn(1));
	wait_for_desk();
	assert_int_equal(session_count(house.sessions), 0);
	assert_int_equal(opened(1), 0);
	ask(1, "alice@d");
	wait_for_desk();
	assert_int_equal(opened(1), 1);
}

static void recovered(void **state)
{
	struct session_row row = {.sid = 1, .conn = conn(1), .jid = STR("alice@d/a"), .since = time(NULL)};
	struct session_row gone = {.sid = 3, .conn = conn(3), .jid = STR("gone@d/g"), .since = time(NULL)};
	struct session_row nobody = {.sid = 2, .conn = conn(2), .jid = STR("x@d/y"), .flags = PROTO_FLAG_ANONYMOUS};

	(void)state;
	assert_non_null(session_add(house.sessions, &row, peer_make(&house, 1)));
	assert_non_null(session_add(house.sessions, &nobody, peer_make(&house, 1)));
	assert_non_null(session_add(house.sessions, &gone, peer_make(&house, 1)));
	assert_true(rosters_recover(&house, try_path("store.db"), &why));
	assert_int_equal(roster_state(roster(), STR("bob@d")), SUB_LISTED | SUB_TO);
	assert_null(account_by_jid(house.sessions, STR("x@d"))->roster);
	assert_null(account_by_jid(house.sessions, STR("gone@d")));
	assert_int_equal(session_count(house.sessions), 2);
	assert_false(rosters_recover(&house, try_path("none.db"), &why));
}

/* A store that cannot be read: whoever comes is refused, and the next is tried again. */
static void unreadable(void **state)
{
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);

	(void)state;
	assert_int_equal(db_exec(d, "ALTER TABLE roster RENAME TO away"), DB_OK);
	ask(1, "alice@d");
	wait_for_desk();
	assert_int_equal(session_count(house.sessions), 0);
	assert_int_equal(db_exec(d, "ALTER TABLE away RENAME TO roster"), DB_OK);
	db_close(&d);
	ask(1, "alice@d");
	wait_for_desk();
	assert_int_equal(opened(1), 1);
	assert_int_equal(roster_state(roster(), STR("bob@d")), SUB_LISTED | SUB_TO);
}

#define TEST(title, function) \
	{ \
		title, function, start, end, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("opening: the first sessions of an account wait for its roster, loaded once, each answered once",
			waits),
		TEST("opening: a session that replaces the only one finds the roster there", replaced),
		TEST("opening: what the store takes while a roster is loaded is in it", changed),
		TEST("opening: who goes meanwhile gets no session", gone),
		TEST("opening: after a restart the rosters of recovered sessions are there, and no session without an account",
			recovered),
		TEST("opening: while the store cannot be read nobody comes in, and then they do", unreadable),
	};
	int failed;

	try_start();
	failed = cmocka_run_group_tests_name("opening", tests, NULL, NULL);
	try_end();
	return failed;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Errands, with the private storage as the one that asks: held, done, let go; and what a crash between any two of
 * these leaves. The house is taken down and built anew over the same files. */
#include "sm/errand.h"

#include "t/lib/sm_try.h"

#include "common/log.h"
#include "sm/bound.h"
#include "sm/credential_line.h"
#include "sm/mailbox.h"
#include "sm/peer_work.h"
#include "sm/route.h"
#include "sm/store_account.h"
#include "sm/turn.h"

#define SET "<iq type=\"set\" id=\"%d\"><query xmlns=\"jabber:iq:private\"><a xmlns=\"x\">%d</a></query></iq>"
#define GET "<iq type=\"get\" id=\"g\"><query xmlns=\"jabber:iq:private\"><a xmlns=\"x\"/></query></iq>"

static struct house house;
static struct conf conf;
static struct conf_domain domain;

static void build(void)
{
	struct buf why = {0};
	bool recovered;

	domain = (struct conf_domain){.name = "d", .private_elements = 3, .private_bytes = 1000};
	conf = (struct conf){.run_directory = try_folder,
		.domains = &domain,
		.domain_count = 1,
		.turn_log_bytes = 4194304,
		.link_queue_bytes = 1048576,
		.stanza_bytes = 100000};
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
	house.writer = desk_new(&house.loop, try_path("store.db"), DB_DURABLE, store_migrate, &why);
	assert_non_null(house.writer);
	assert_non_null(turn_new(&house, &recovered, &why));
}

/* Whatever is with the writer is done there, and nobody hears of it. */
static void crash(void)
{
	house.stopping = true;
	desk_free(&house.writer);
	uv_close((uv_handle_t *)&house.hurry, NULL);
	uv_run(&house.loop, UV_RUN_DEFAULT);
	uv_loop_close(&house.loop);
	turn_free(&house.turn);
	errands_free(&house.errands);
	blocks_free(&house.blocks);
	lasts_free(&house.lasts);
	mailboxes_free(&house.mailboxes);
	sessions_free(&house.sessions);
	bound_free(&house.bound);
	peers_free(&house);
	route_work_free(&house.route);
}

static void sql(const char *what)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);

	assert_non_null(d);
	assert_int_equal(db_exec(d, what), DB_OK);
	db_close(&d);
}

static int64_t number(const char *query)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("store.db"), DB_READ, &why);
	int64_t n;

	assert_non_null(d);
	assert_int_equal(db_number(d, query, &n), DB_OK);
	db_close(&d);
	return n;
}

static struct session *enter(uint64_t sid, const char *jid)
{
	struct session_row row = {.sid = sid, .conn = UINT64_C(7) << 32 | sid, .jid = str_of(jid)};
	struct session *s = session_add(house.sessions, &row, peer_make(&house, 7));

	assert_non_null(s);
	session_changed(&house, s);
	return s;
}

static int start(void **state)
{
	(void)state;
	build();
	sql("INSERT INTO account(jid, created) VALUES('u@d', 0)");
	enter(1, "u@d/r");
	return 0;
}

static int end(void **state)
{
	(void)state;
	crash();
	try_remove("store.db");
	try_remove("sessions.db");
	unlink(try_path("turn.a"));
	unlink(try_path("turn.b"));
	return 0;
}

static struct session *me(void)
{
	return session_by_jid(house.sessions, STR("u@d/r"));
}

static void say(struct session *from, const char *xml)
{
	struct stanza view;

	assert_true(stanza_view(str_of(xml), &view));
	route_stanza(&house, from, &view);
}

static void set(int n)
{
	char xml[200];

	snprintf(xml, sizeof xml, SET, n, n);
	say(me(), xml);
}

static void turn(void)
{
	uv_idle_stop(&house.hurry);
	turn_commit(&house);
	errands_turn(&house);
	mailboxes_turn(&house);
}

/* Until the writer has done all that it was given, and turns have recorded that. */
static void settle(void)
{
	turn();
	while (desk_waiting(house.writer)) {
		uv_run(&house.loop, UV_RUN_ONCE);
		turn();
	}
}

static bool hear(void *ctx, const struct message *m)
{
	if (m->code == MSG_deliver)
		buf_put(ctx, m->as.deliver.xml);
	return true;
}

/* What the worker has been given so far; it is forgotten. */
static void heard(const char *wanted)
{
	struct peer *p = peers_first(&house);
	struct buf text = {0};

	assert_true(channel_read_frames(channel_since(&p->channel, 0), hear, &text));
	assert_string_equal(buf_cstr(&text), wanted);
	buf_free(&text);
	p->channel.joined = false;
	assert_true(channel_resume(&p->channel, p->channel.sent));
}

#define OK(n) "<iq type=\"result\" id=\"" n "\" from=\"u@d\" to=\"u@d/r\"/>"
#define GOT(content) \
	"<iq type=\"result\" id=\"g\" from=\"u@d\" to=\"u@d/r\"><query xmlns=\"jabber:iq:private\">" content \
	"</query></iq>"

static void in_order(void **state)
{
	(void)state;
	say(me(), GET);
	set(1);
	say(me(), GET);
	set(2);
	say(me(), GET);
	assert_int_equal(me()->held, 5);
	settle();
	heard(GOT("<a xmlns=\"x\"/>") OK("1") GOT("<a xmlns=\"x\">1</a>") OK("2") GOT("<a xmlns=\"x\">2</a>"));
	assert_int_equal(me()->held, 0);
	assert_int_equal(me()->errands, 0);
}

/* The record had it, the writer did not get to it. */
static void held(void **state)
{
	(void)state;
	set(1);
	set(2);
	say(me(), GET);
	turn_commit(&house);
	crash();
	assert_int_equal(number("SELECT count(*) FROM private"), 0);
	build();
	assert_int_equal(me()->held, 3);
	settle();
	heard(OK("1") OK("2") GOT("<a xmlns=\"x\">2</a>"));
	assert_int_equal(me()->held, 0);
	crash();
	build();
	settle();
	heard(OK("1") OK("2") GOT("<a xmlns=\"x\">2</a>")); /* kept for a worker that has not heard it */
}

/* The store had it, the record not that it is done: it is not done again, and the kept result serves. */
static void committed(void **state)
{
	(void)state;
	set(1);
	say(me(), GET);
	turn();
	crash();
	assert_int_equal(number("SELECT count(*) FROM private"), 1);
	assert_int_equal(number("SELECT count(*) FROM errand"), 1);
	sql("UPDATE private SET xml = CAST('<a xmlns=\"x\">later</a>' AS BLOB)");
	build();
	settle();
	heard(OK("1") GOT("<a xmlns=\"x\">later</a>"));
	set(2);
	settle();
	assert_int_equal(number("SELECT count(*) FROM errand"), 1); /* the one before went by the way */
	heard(OK("2"));
}

static void refusal_is_kept(void **state)
{
	static const char four[] =
		"<iq type=\"set\" id=\"4\"><query xmlns=\"jabber:iq:private\"><d xmlns=\"x\">4</d></query></iq>";
	struct peer *p;
	struct buf text = {0};

	(void)state;
	sql("WITH v(n) AS (VALUES('a'),('b'),('c')) INSERT INTO private SELECT 'u@d', 'x', n, x'2020' FROM v");
	say(me(), four);
	turn();
	crash();
	build();
	settle();
	p = peers_first(&house);
	assert_true(channel_read_frames(channel_since(&p->channel, 0), hear, &text));
	assert_non_null(strstr(buf_cstr(&text), "policy-violation"));
	buf_free(&text);
	assert_int_equal(number("SELECT count(*) FROM private"), 3);
}

static void several_of_a_snapshot(void **state)
{
	(void)state;
	for (int n = 0; n < 100; n++)
		set(n);
	turn_commit(&house);
	crash();
	build(); /* which begins a new file: they are in its snapshot now */
	crash();
	build();
	assert_int_equal(me()->held, 100);
	settle();
	assert_int_equal(number("SELECT count(*) FROM private WHERE xml = CAST('<a xmlns=\"x\">99</a>' AS BLOB)"), 1);
	assert_int_equal(me()->held, 0);
}

static void sender_gone(void **state)
{
	(void)state;
	set(1);
	turn_commit(&house);
	session_end(&house, me(), "gone");
	enter(2, "u@d/r"); /* the same name, and another who asked nothing */
	settle();
	heard("");
	assert_int_equal(number("SELECT count(*) FROM private"), 1);
	assert_int_equal(me()->held, 0);
}

static void named_alike(void **state)
{
	(void)state;
	for (int n = 0; n < 3; n++)
		say(me(), "<message to=\"v@d\"><body>x</body></message>");
	assert_int_equal(me()->held, 3);
	turn_commit(&house);
	session_end(&house, me(), "gone");
	enter(2, "u@d/r");
	set(1);
	settle();
	assert_int_equal(me()->held, 0);
	assert_int_equal(me()->errands, 0);
}

static void too_many(void **state)
{
	struct buf text = {0};
	struct peer *p = peers_first(&house);

	(void)state;
	for (int n = 0; n < 501; n++)
		set(n);
	assert_int_equal(me()->errands, 500);
	assert_true(channel_read_frames(channel_since(&p->channel, 0), hear, &text));
	assert_non_null(strstr(buf_cstr(&text), "id=\"500\""));
	assert_non_null(strstr(buf_cstr(&text), "resource-constraint"));
	buf_free(&text);
	settle();
}

static void account_gone(void **state)
{
	struct peer *p = peers_first(&house);
	struct buf text = {0};

	(void)state;
	sql("DELETE FROM account");
	set(1);
	settle();
	assert_true(channel_read_frames(channel_since(&p->channel, 0), hear, &text));
	assert_non_null(strstr(buf_cstr(&text), "item-not-found"));
	buf_free(&text);
}

/* Who says goodbye waits for what it asked; after a crash, too. */
static void goodbye(void **state)
{
	(void)state;
	set(1);
	session_part(&house, me());
	turn_commit(&house);
	crash();
	build();
	assert_non_null(me());
	settle();
	assert_null(me());
	assert_int_equal(number("SELECT count(*) FROM private"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"errand: sets and gets take effect, and are answered, in the order in which they were asked", in_order,
			start, end, NULL},
		{"errand: what is held when sm crashes is done by the next one, once", held, start, end, NULL},
		{"errand: what was committed, and not let go, is not done again: its kept result is the answer",
			committed, start, end, NULL},
		{"errand: a set without room changes nothing, and says so, after a crash too", refusal_is_kept, start,
			end, NULL},
		{"errand: a hundred held ones outlive two crashes, in order", several_of_a_snapshot, start, end, NULL},
		{"errand: the answer is for the session that asked, not for another of its name", sender_gone, start,
			end, NULL},
		{"errand: what one session left to be stored is not counted as done for another of its name", named_alike,
			start, end, NULL},
		{"errand: a session may have so many under way, and hears of the others at once", too_many, start, end,
			NULL},
		{"errand: for an account that is gone there is nothing", account_gone, start, end, NULL},
		{"errand: who says goodbye waits for what it asked, and goes, after a crash too", goodbye, start, end,
			NULL},
	};
	int failed;

	log_start("sm", LOG_ERROR + 1);
	try_start();
	failed = cmocka_run_group_tests_name("errand", tests, NULL, NULL);
	try_end();
	return failed;
}

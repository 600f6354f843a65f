/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The live session table: rows as bytes and in the table, the view for people, and files that cannot be used. */
#include "sm/store_session.h"

#include "t/lib/sm_try.h"

static struct session_row sample(uint64_t sid, const char *jid)
{
	return (struct session_row){
		.sid = sid,
		.conn = UINT64_C(0x6b0372e000000007),
		.jid = str_of(jid),
		.since = 1700000000,
		.address = STR("2001:db8::1"),
		.tls = STR("TLSv1.3"),
		.cipher = STR("TLS13-AES128-GCM-SHA256"),
		.mechanism = STR("SCRAM-SHA-256"),
		.flags = 1,
		.opened_seq = UINT64_MAX,
		.available = true,
		.priority = -128,
		.presence = STR("<presence xmlns=\"jabber:client\"/>"),
		.directed = STR("a@x/y\nb@x\n"),
		.client = UINT64_MAX - 1,
	};
}

static void assert_same(const struct session_row *a, const struct session_row *b)
{
	assert_true(a->sid == b->sid && a->conn == b->conn && a->since == b->since && a->flags == b->flags);
	assert_true(a->opened_seq == b->opened_seq && a->available == b->available && a->priority == b->priority);
	assert_true(str_eq(a->jid, b->jid) && str_eq(a->address, b->address) && str_eq(a->tls, b->tls));
	assert_true(str_eq(a->cipher, b->cipher) && str_eq(a->mechanism, b->mechanism));
	assert_true(a->client == b->client);
	assert_true(str_eq(a->presence, b->presence) && str_eq(a->directed, b->directed));
}

static void rows_come_back_from_bytes(void **state)
{
	struct session_row in = sample(UINT64_MAX, "a@x/y"), out;
	struct session_row empty = {.jid = STR("a@x/y")};
	struct buf bytes = {0};

	(void)state;
	session_row_encode(&bytes, &in);
	assert_true(session_row_decode(buf_str(&bytes), &out));
	assert_same(&in, &out);
	for (size_t n = 0; n < bytes.n; n++) /* an older program knew no client */
		assert_int_equal(session_row_decode(str_head(buf_str(&bytes), n), &out), n == bytes.n - 8);
	assert_true(session_row_decode(str_head(buf_str(&bytes), bytes.n - 8), &out) && !out.client);
	buf_puts(&bytes, "what a newer program adds");
	assert_true(session_row_decode(buf_str(&bytes), &out));
	assert_same(&in, &out);
	buf_clear(&bytes);
	session_row_encode(&bytes, &empty);
	assert_true(session_row_decode(buf_str(&bytes), &out));
	assert_same(&empty, &out);
	empty.jid = STR("a@x"); /* no session has a bare JID */
	buf_clear(&bytes);
	session_row_encode(&bytes, &empty);
	assert_false(session_row_decode(buf_str(&bytes), &out));
	buf_free(&bytes);
}

static struct db *table(bool fresh)
{
	struct buf why = {0};
	struct db *d;

	if (fresh)
		try_remove("sessions.db");
	d = db_open(try_path("sessions.db"), DB_VOLATILE, &why);
	if (!d || !session_migrate(d, try_path("sessions.db"), &why))
		fail_msg("%s", buf_cstr(&why));
	buf_free(&why);
	return d;
}

struct seen {
	const struct session_row *wanted;
	unsigned n;
};

static void see(void *ctx, const struct session_row *r)
{
	struct seen *s = ctx;

	if (s->wanted)
		assert_same(s->wanted, r);
	s->n++;
}

static unsigned count(struct db *d, const struct session_row *wanted)
{
	struct seen s = {.wanted = wanted};

	assert_int_equal(store_session_each(d, see, &s), DB_OK);
	return s.n;
}

static void rows_come_back_from_the_table(void **state)
{
	struct session_row row = sample(UINT64_C(0xf000000000000001), "b\xc3\xa4r@x.example/a/b@c");
	struct db *d = table(true);
	uint64_t turn;

	(void)state;
	assert_int_equal(store_session_turn(d, &turn), DB_OK);
	assert_true(turn == 0);
	assert_int_equal(store_session_put(d, &row), DB_OK);
	row.priority = 5;
	row.presence = STR_NONE;
	assert_int_equal(store_session_put(d, &row), DB_OK); /* the same session again */
	assert_int_equal(store_session_turn_set(d, UINT64_C(1) << 63), DB_OK);
	db_close(&d);
	d = table(false);
	assert_int_equal(count(d, &row), 1);
	assert_int_equal(store_session_turn(d, &turn), DB_OK);
	assert_true(turn == UINT64_C(1) << 63);
	assert_int_equal(store_session_remove(d, row.sid), DB_OK);
	assert_int_equal(store_session_remove(d, row.sid), DB_OK); /* twice does no harm */
	assert_int_equal(count(d, NULL), 0);
	db_close(&d);
}

static void one_jid_may_be_replaced_in_any_order(void **state)
{
	struct session_row old = sample(1, "a@x/y"), new = sample(2, "a@x/y");
	struct db *d = table(true);

	(void)state;
	assert_int_equal(store_session_put(d, &old), DB_OK);
	assert_int_equal(store_session_put(d, &new), DB_OK);
	assert_int_equal(store_session_remove(d, 1), DB_OK);
	assert_int_equal(count(d, &new), 1);
	db_close(&d);
}

static void the_view_is_what_is_documented(void **state)
{
	static const char *const wanted[] = {"b\xc3\xa4r@x.example/a/b@c", "b\xc3\xa4r", "x.example", "a/b@c",
		"f000000000000001", "1795388128", "7", "2001:db8::1", "TLSv1.3", "TLS13-AES128-GCM-SHA256",
		"SCRAM-SHA-256", "2023-11-14T22:13:20Z", "1", "-128"};
	struct session_row row = sample(UINT64_C(0xf000000000000001), wanted[0]);
	struct db *d = table(true);
	struct stmt *s;

	(void)state;
	assert_int_equal(store_session_put(d, &row), DB_OK);
	s = db_stmt(d,
		"SELECT jid, user, domain, resource, sid, worker, connection, address, tls, cipher, mechanism, since, "
		"available, priority FROM sessions");
	assert_non_null(s);
	assert_int_equal(stmt_step(s), DB_ROW);
	for (int i = 0; i < (int)COUNT(wanted); i++) {
		if (!str_is(stmt_col_text(s, i), wanted[i]))
			fail_msg("column %d: '%.*s', not '%s'", i, STR_ARG(stmt_col_text(s, i)), wanted[i]);
	}
	stmt_done(s);
	db_close(&d);
}

static void what_cannot_be_used_is_made_anew(void **state)
{
	static const char *const spoil[] = {
		"PRAGMA user_version=99",
		"PRAGMA application_id=1",
		"UPDATE meta SET boot = x'00'", /* from before the machine's last start */
		"DROP TABLE meta",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(spoil); i++) {
		struct session_row row = sample(1, "a@x/y");
		struct db *d = table(true);

		assert_int_equal(store_session_put(d, &row), DB_OK);
		assert_int_equal(db_exec(d, spoil[i]), DB_OK);
		db_close(&d);
		d = table(false);
		assert_int_equal(count(d, NULL), 0);
		assert_int_equal(store_session_put(d, &row), DB_OK);
		db_close(&d);
	}
}

static void layout_1_is_kept(void **state)
{
	struct session_row row = sample(1, "a@x/y");
	struct db *d = table(true);

	(void)state;
	assert_int_equal(store_session_put(d, &row), DB_OK);
	assert_int_equal(db_exec(d, "ALTER TABLE session DROP COLUMN client; PRAGMA user_version=1"), DB_OK);
	db_close(&d);
	d = table(false);
	row.client = 0;
	assert_int_equal(count(d, &row), 1);
	row = sample(2, "b@x/y");
	assert_int_equal(store_session_put(d, &row), DB_OK);
	db_close(&d);
	d = table(false);
	assert_int_equal(count(d, NULL), 2);
	db_close(&d);
}

static void damage_is_found(void **state)
{
	struct db *d = table(true);
	FILE *f;

	(void)state;
	for (uint64_t sid = 1; sid < 2000; sid++) {
		struct session_row row = sample(sid, "a@x/y");

		assert_int_equal(store_session_put(d, &row), DB_OK);
	}
	db_checkpoint(d);
	db_close(&d);
	f = fopen(try_path("sessions.db"), "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, 40000, SEEK_SET), 0);
	for (int i = 0; i < 20000; i++)
		fputc('?', f);
	fclose(f);
	d = table(false);
	assert_int_equal(count(d, NULL), 0);
	db_close(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("store_session: a row comes back from its bytes, no part of them is one, more is skipped",
			rows_come_back_from_bytes),
		TITLED("store_session: a row and the turn come back from the table", rows_come_back_from_the_table),
		TITLED("store_session: two sessions of one full JID never collide",
			one_jid_may_be_replaced_in_any_order),
		TITLED("store_session: the view shows each session as the manual says", the_view_is_what_is_documented),
		TITLED("store_session: another layout, or a file of an earlier boot, is made anew",
			what_cannot_be_used_is_made_anew),
		TITLED("store_session: sessions in the layout before this one are kept", layout_1_is_kept),
		TITLED("store_session: a damaged file is found at the start and made anew", damage_is_found),
	};
	int failed;

	try_start();
	failed = cmocka_run_group_tests_name("store_session", tests, NULL, NULL);
	try_remove("sessions.db");
	try_end();
	return failed;
}

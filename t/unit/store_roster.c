/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rosters in the store and in memory: what is put is what is loaded; versions; what is remembered of removed items. */
#include "sm/roster.h"
#include "sm/store_account.h"
#include "sm/store_roster.h"
#include "t/lib/sm_try.h"

static struct db *d;

static int start(void **state)
{
	struct buf why = {0};

	(void)state;
	try_remove("store.db");
	d = db_open(try_path("store.db"), DB_DURABLE, &why);
	assert_non_null(d);
	assert_true(store_migrate(d, try_path("store.db"), &why));
	assert_int_equal(store_account_add(d, STR("alice@d"), STR_NONE), DB_OK);
	assert_int_equal(store_account_add(d, STR("bob@d"), STR_NONE), DB_OK);
	return 0;
}

static int end(void **state)
{
	(void)state;
	db_close(&d);
	try_remove("store.db");
	return 0;
}

static struct roster_row row(const char *contact, unsigned state, uint64_t version)
{
	return (struct roster_row){.contact = str_of(contact), .state = state, .version = version};
}

static void put(const char *account, struct roster_row r)
{
	assert_int_equal(store_roster_put(d, str_of(account), &r), DB_OK);
}

static void add(void *ctx, const struct roster_row *r)
{
	roster_put(ctx, r);
}

static struct roster *load(const char *account)
{
	struct roster_head head = {0};
	struct roster *r = roster_new(&head);
	bool found;

	assert_int_equal(store_roster_load(d, str_of(account), &r->head, &found, add, r), DB_OK);
	assert_true(found);
	return r;
}

/* What is loaded, as "contact:state:version:name:groups:request ", groups with '|' for NUL. */
static void has(const char *account, const char *wanted)
{
	struct roster *r = load(account);
	struct buf got = {0};

	for (const struct roster_item *c = r->first; c; c = c->next) {
		buf_printf(&got, "%.*s:%u:%d:%.*s:", STR_ARG(c->row.contact), c->row.state, (int)c->row.version,
			STR_ARG(c->row.name));
		for (size_t i = 0; i < c->row.groups.n; i++)
			buf_putc(&got, c->row.groups.p[i] ? c->row.groups.p[i] : '|');
		buf_printf(&got, ":%.*s ", STR_ARG(c->row.request));
	}
	assert_string_equal(buf_cstr(&got), wanted);
	buf_free(&got);
	roster_free(&r);
}

static void items(void **state)
{
	struct roster_row r = row("bob@d", SUB_LISTED | SUB_TO, 7), found_row;
	struct buf keep = {0};
	bool found;

	(void)state;
	r.name = STR("Bob 'the' \"Builder\" <&> \xe2\x82\xac");
	r.groups = STR("Friends\0Work & play\0");
	put("alice@d", r);
	put("alice@d", row("carol@d", SUB_IN, 8));
	has("alice@d", "bob@d:17:7:Bob 'the' \"Builder\" <&> \xe2\x82\xac:Friends|Work & play|: carol@d:8:8::: ");
	has("bob@d", "");
	buf_puts(&keep, "before");
	assert_int_equal(store_roster_get(d, STR("alice@d"), STR("bob@d"), &found_row, &keep, &found), DB_OK);
	assert_true(found && str_eq(found_row.groups, r.groups) && str_eq(found_row.name, r.name) &&
		found_row.version == 7);
	assert_int_equal(store_roster_get(d, STR("alice@d"), STR("dave@d"), &found_row, &keep, &found), DB_OK);
	assert_false(found);
	buf_free(&keep);
	put("alice@d", row("bob@d", 0, 9)); /* nothing worth keeping */
	has("alice@d", "carol@d:8:8::: ");
}

static void requests(void **state)
{
	struct roster_row r = row("bob@d", SUB_IN, 3);
	int64_t n;

	(void)state;
	r.request = STR("<presence type=\"subscribe\"/>");
	put("alice@d", r);
	put("alice@d", row("carol@d", SUB_IN | SUB_TO | SUB_LISTED, 4));
	put("alice@d", row("dave@d", SUB_TO | SUB_LISTED, 5));
	assert_int_equal(store_roster_requests(d, STR("alice@d"), &n), DB_OK);
	assert_int_equal(n, 2);
	assert_int_equal(store_roster_requests(d, STR("bob@d"), &n), DB_OK);
	assert_int_equal(n, 0);
	has("alice@d", "bob@d:8:3:::<presence type=\"subscribe\"/> carol@d:25:4::: dave@d:17:5::: ");
}

static void sizes(void **state)
{
	struct roster_row r = row("b@d", SUB_LISTED, 3);
	struct roster_size size;

	(void)state;
	assert_int_equal(store_roster_size(d, STR("alice@d"), &size), DB_OK);
	assert_true(size.items == 0 && size.bytes == 0);
	r.name = STR("\xe2\x82\xac"); /* three bytes, one character */
	r.groups = STR("g\0");
	put("alice@d", r);
	put("alice@d", row("asks@d", SUB_IN, 4)); /* is no item */
	assert_int_equal(store_roster_size(d, STR("alice@d"), &size), DB_OK);
	assert_int_equal(size.items, 1);
	assert_int_equal(size.bytes, 3 + 3 + 2);
}

static void versions(void **state)
{
	struct roster *r = load("alice@d");

	(void)state;
	assert_int_equal(r->head.version, 0);
	assert_true(r->head.floor > 0); /* what is older than the account is another's */
	roster_free(&r);
	put("alice@d", row("bob@d", SUB_LISTED, UINT64_C(1) << 61));
	put("alice@d", row("bob@d", 0, (UINT64_C(1) << 61) + 1));
	r = load("alice@d");
	assert_true(r->head.version == (UINT64_C(1) << 61) + 1 && !r->first);
	roster_free(&r);
}

/* The newest are kept; the floor is the newest of those that are not. */
static void gone(void **state)
{
	const uint64_t base = UINT64_C(1) << 61;
	struct roster *r;
	char name[32];
	unsigned n = 0;

	(void)state;
	put("alice@d", row("asks@d", SUB_GONE | SUB_IN, base)); /* one that asks stays, whatever it was */
	for (uint64_t i = 1; i <= ROSTER_GONE_MOST + 10; i++) {
		snprintf(name, sizeof name, "u%03d@d", (int)i);
		put("alice@d", row(name, SUB_GONE, base + i));
	}
	r = load("alice@d");
	for (const struct roster_item *c = r->first; c; c = c->next)
		n += c->row.state == SUB_GONE;
	assert_int_equal(n, ROSTER_GONE_MOST);
	assert_true(r->head.floor == base + 10);
	assert_null(roster_find(r, STR("u010@d")));
	assert_non_null(roster_find(r, STR("u011@d")));
	assert_int_equal(roster_state(r, STR("asks@d")), SUB_GONE | SUB_IN);
	roster_free(&r);
	has("bob@d", "");
}

static void account(void **state)
{
	struct roster_row r = row("bob@d", SUB_LISTED, 1);
	struct roster_head head;
	bool found;

	(void)state;
	assert_int_equal(store_roster_put(d, STR("nobody@d"), &r), DB_CONSTRAINT);
	assert_int_equal(store_roster_load(d, STR("nobody@d"), &head, &found, add, NULL), DB_OK);
	assert_false(found);
	put("alice@d", r);
	assert_int_equal(store_account_remove(d, STR("alice@d"), &found), DB_OK);
	assert_int_equal(store_account_add(d, STR("alice@d"), STR_NONE), DB_OK);
	has("alice@d", "");
}

static void add_name(void *ctx, struct str account)
{
	buf_put(ctx, account);
	buf_putc(ctx, ' ');
}

static void owners(void **state)
{
	struct buf got = {0};

	(void)state;
	put("bob@d", row("carol@d", SUB_LISTED, 1));
	put("alice@d", row("carol@d", SUB_LISTED, 1));
	put("alice@d", row("bob@d", SUB_LISTED, 1));
	assert_int_equal(store_roster_owners(d, STR("carol@d"), add_name, &got), DB_OK);
	assert_string_equal(buf_cstr(&got), "alice@d bob@d ");
	buf_free(&got);
}

/* In memory: a row takes the place of the one of before, at its place, and may borrow from it. */
static void memory(void **state)
{
	struct roster_head head = {.version = 5};
	struct roster *r = roster_new(&head);
	struct roster_row again, x = row("x@d", SUB_LISTED, 4);

	(void)state;
	x.name = STR("X");
	roster_put(r, &x);
	x = row("y@d", SUB_LISTED, 6);
	roster_put(r, &x);
	assert_true(r->head.version == 6);
	again = roster_find(r, STR("x@d"))->row;
	again.state |= SUB_FROM;
	roster_put(r, &again);
	assert_true(str_is(r->first->row.name, "X") && r->first->row.state == (SUB_LISTED | SUB_FROM));
	assert_ptr_equal(r->last, roster_find(r, STR("y@d")));
	again = r->first->row;
	again.state = 0;
	roster_put(r, &again);
	assert_ptr_equal(r->first, r->last);
	assert_int_equal(table_count(r->by_jid), 1);
	assert_int_equal(roster_state(r, STR("x@d")), 0);
	assert_int_equal(roster_state(NULL, STR("x@d")), 0);
	roster_free(&r);
}

static void bytes(void **state)
{
	struct roster_row a = row("bob@d", SUB_LISTED | SUB_OUT, UINT64_MAX), b;
	struct buf out = {0};
	struct str in;

	(void)state;
	a.name = STR("n");
	a.groups = STR("g\0h\0");
	a.request = STR("<r/>");
	a.shared = STR("s\0");
	roster_row_put(&out, &a);
	for (size_t n = 0; n < out.n; n++) {
		in = str_head(buf_str(&out), n);
		assert_false(roster_row_take(&in, &b));
		assert_int_equal(in.n, n);
	}
	in = buf_str(&out);
	assert_true(roster_row_take(&in, &b) && in.n == 0);
	assert_true(str_eq(a.shared, b.shared));
	assert_true(str_eq(a.contact, b.contact) && a.state == b.state && a.version == b.version &&
		str_eq(a.name, b.name) && str_eq(a.groups, b.groups) && str_eq(a.request, b.request));
	buf_free(&out);
}

#define TEST(title, function) \
	{ \
		title, function, start, end, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("roster: what is put is what is loaded, by contact, and what is nothing goes", items),
		TEST("roster: requests wait with their stanza, and are counted", requests),
		TEST("roster: items are counted with the bytes of their content, requests are not", sizes),
		TEST("roster: its version is that of the last change, and begins with the account", versions),
		TEST("roster: the two hundred items removed last are remembered, the floor says from when", gone),
		TEST("roster: it goes with its account, and without one there is none", account),
		TEST("roster: who has somebody in the roster is found", owners),
		TEST("roster: in memory a row takes the place of the one before", memory),
		TEST("roster: a row as bytes comes back whole, and cut it does not", bytes),
	};
	int failed;

	try_start();
	failed = cmocka_run_group_tests_name("store_roster", tests, NULL, NULL);
	try_end();
	return failed;
}

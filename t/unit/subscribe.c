/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Subscriptions in the store: both sides after each stanza, and the acts that come of it, in their order (RFC 6121
 * 3). */
#include "sm/errand.h"
#include "sm/roster_act.h"
#include "sm/share.h"
#include "sm/store_account.h"
#include "sm/subscribe.h"
#include "t/lib/sm_try.h"

#define ALICE "alice@d"
#define BOB "bob@d"

static struct db *d;
static uint64_t version;
static const struct subscribe_limits plenty = {.items = 100, .bytes = 10000, .requests = 10};

static int start(void **state)
{
	struct buf why = {0};

	(void)state;
	try_remove("store.db");
	d = db_open(try_path("store.db"), DB_DURABLE, &why);
	assert_non_null(d);
	assert_true(store_migrate(d, try_path("store.db"), &why));
	assert_int_equal(store_account_add(d, STR(ALICE), STR_NONE), DB_OK);
	assert_int_equal(store_account_add(d, STR(BOB), STR_NONE), DB_OK);
	version = UINT64_C(1) << 60;
	return 0;
}

static int end(void **state)
{
	(void)state;
	db_close(&d);
	try_remove("store.db");
	return 0;
}

static void put_row(struct buf *out, struct str bytes, bool push)
{
	struct roster_row row;

	assert_true(roster_row_take(&bytes, &row));
	buf_printf(out, "%s %.*s=%u", push ? "push" : "row", STR_ARG(row.contact), row.state & ~(unsigned)SUB_LISTED);
	if (!(row.state & SUB_LISTED))
		buf_puts(out, "-");
}

static void put_stanza(struct buf *out, struct str xml, uint8_t who)
{
	struct stanza s;

	assert_true(stanza_view(xml, &s));
	buf_printf(out, "%s %s from %.*s", who == ACT_AVAILABLE ? "all" : "interested", stanza_type_word(s.type),
		STR_ARG(s.from.value));
}

/* What the acts are, as "alice@d: push bob@d=4; " and so on; '-': it is no item. */
static void come(struct buf *acts, const char *wanted)
{
	struct str rest = buf_str(acts);
	struct buf got = {0};
	struct act a;

	while (act_take(&rest, &a)) {
		buf_printf(&got, "%.*s: ", STR_ARG(a.account));
		if (a.kind == ACT_ROW)
			put_row(&got, a.rest, a.detail);
		else if (a.kind == ACT_DELIVER)
			put_stanza(&got, a.rest, a.detail);
		else
			buf_printf(&got, "%s %.*s", a.kind == ACT_SHOW ? "shown to" : "hidden from", STR_ARG(a.rest));
		buf_puts(&got, "; ");
	}
	assert_int_equal(rest.n, 0);
	assert_string_equal(buf_cstr(&got), wanted);
	buf_free(&got);
	buf_free(acts);
}

static enum cond try_say(const char *from, const char *type, const char *to, const struct subscribe_limits *most,
	const char *wanted)
{
	struct buf xml = {0}, acts = {0};
	struct stanza s;
	enum cond why;

	buf_printf(&xml, "<presence type=\"%s\" from=\"%s/r\" to=\"%s\"/>", type, from, to);
	assert_true(stanza_view(buf_str(&xml), &s));
	assert_int_equal(subscribe(d, str_of(from), str_of(to), &s, ++version, most, &acts, &why), DB_OK);
	come(&acts, wanted);
	buf_free(&xml);
	return why;
}

static void says(const char *from, const char *type, const char *to, const char *wanted)
{
	assert_int_equal(try_say(from, type, to, &plenty, wanted), COND_none);
}

static enum cond try_item(const char *account, const char *contact, bool remove, const char *name,
	const struct subscribe_limits *most, const char *wanted)
{
	struct roster_wish w = {.contact = str_of(contact), .remove = remove, .name = str_of(name)};
	struct buf acts = {0};
	enum cond why;

	assert_int_equal(roster_wish_store(d, str_of(account), &w, ++version, most, &acts, &why), DB_OK);
	come(&acts, wanted);
	return why;
}

static struct roster_row side(const char *account, const char *contact)
{
	static struct buf keep;
	struct roster_row row = {0};
	bool found;

	buf_clear(&keep);
	assert_int_equal(store_roster_get(d, str_of(account), str_of(contact), &row, &keep, &found), DB_OK);
	return found ? row : (struct roster_row){0};
}

static void agreed(void **state)
{
	(void)state;
	says(ALICE, "subscribe", BOB,
		"bob@d: all subscribe from alice@d; bob@d: row alice@d=8-; alice@d: push bob@d=4; ");
	assert_true(str_is(side(BOB, ALICE).request, "<presence type=\"subscribe\" from=\"alice@d\" to=\"bob@d\"/>"));
	says(ALICE, "subscribe", BOB, "");
	says(BOB, "subscribed", ALICE,
		"alice@d: interested subscribed from bob@d; alice@d: push bob@d=1; bob@d: push alice@d=2; bob@d: shown to alice@d; ");
	assert_int_equal(side(BOB, ALICE).request.n, 0);
	says(BOB, "subscribed", ALICE, "");
	says(ALICE, "subscribe", BOB, "");
	assert_int_equal(side(ALICE, BOB).state, SUB_LISTED | SUB_TO);
	assert_int_equal(side(BOB, ALICE).state, SUB_LISTED | SUB_FROM);
}

static void ended(void **state)
{
	agreed(state);
	says(BOB, "unsubscribed", ALICE,
		"bob@d: hidden from alice@d; alice@d: interested unsubscribed from bob@d; alice@d: push bob@d=0; "
		"bob@d: push alice@d=0; ");
	says(BOB, "unsubscribed", ALICE, "");
	says(ALICE, "unsubscribe", BOB, "");
}

static void left(void **state)
{
	agreed(state);
	says(ALICE, "unsubscribe", BOB,
		"bob@d: interested unsubscribe from alice@d; bob@d: push alice@d=0; bob@d: hidden from alice@d; "
		"alice@d: push bob@d=0; ");
}

static void removed(void **state)
{
	agreed(state);
	says(BOB, "subscribe", ALICE,
		"alice@d: all subscribe from bob@d; alice@d: row bob@d=9; bob@d: push alice@d=6; ");
	assert_int_equal(
		try_item(BOB, ALICE, true, NULL, &plenty,
			"bob@d: hidden from alice@d; alice@d: interested unsubscribe from bob@d; "
			"alice@d: interested unsubscribed from bob@d; alice@d: push bob@d=0; bob@d: push alice@d=64-; "),
		COND_none);
	assert_int_equal(try_item(BOB, ALICE, true, NULL, &plenty, ""), STANZA_item_not_found);
	/* what the contact asked is not answered by that, and waits on */
	says(ALICE, "subscribe", BOB,
		"bob@d: all subscribe from alice@d; bob@d: row alice@d=72-; alice@d: push bob@d=4; ");
	assert_int_equal(try_item(BOB, ALICE, false, "A", &plenty, "bob@d: push alice@d=8; "), COND_none);
	assert_int_equal(try_item(BOB, ALICE, true, NULL, &plenty, "bob@d: push alice@d=72-; "), COND_none);
	assert_true(side(BOB, ALICE).request.n > 0);
}

static void approved(void **state)
{
	(void)state;
	says(BOB, "subscribed", ALICE, "bob@d: push alice@d=32; ");
	says(ALICE, "subscribe", BOB,
		"bob@d: push alice@d=2; alice@d: interested subscribed from bob@d; alice@d: push bob@d=1; bob@d: shown to alice@d; ");
}

/* A.3.1 note 2: the contact's side knows of it, the user's does not (a database put back, say). */
static void said_again(void **state)
{
	struct roster_row lost = {.contact = STR(BOB), .state = SUB_LISTED, .version = 1};

	agreed(state);
	assert_int_equal(store_roster_put(d, STR(ALICE), &lost), DB_OK);
	says(ALICE, "subscribe", BOB,
		"alice@d: interested subscribed from bob@d; alice@d: push bob@d=1; bob@d: shown to alice@d; ");
}

static void strangers(void **state)
{
	(void)state;
	says(ALICE, "subscribe", "nobody@d", "alice@d: push nobody@d=4; ");
	says(ALICE, "unsubscribe", "nobody@d", "alice@d: push nobody@d=0; ");
	says(ALICE, "subscribed", "nobody@d", "alice@d: push nobody@d=32; ");
}

static void limits(void **state)
{
	struct subscribe_limits none = plenty, few = plenty;

	(void)state;
	none.items = 0;
	few.requests = 0;
	assert_int_equal(try_say(ALICE, "subscribe", BOB, &none, ""), STANZA_resource_constraint);
	assert_int_equal(try_say(ALICE, "subscribed", BOB, &none, ""), STANZA_resource_constraint);
	assert_int_equal(try_say(ALICE, "subscribe", BOB, &few, ""), STANZA_resource_constraint);
	assert_int_equal(side(ALICE, BOB).state, 0);
	assert_int_equal(try_item(ALICE, BOB, false, "B", &none, ""), STANZA_resource_constraint);
	none.items = 1;
	none.bytes = 8; /* bob@d and three more */
	assert_int_equal(try_item(ALICE, BOB, false, "Bobby", &none, ""), STANZA_resource_constraint);
	assert_int_equal(try_item(ALICE, BOB, false, "Bob", &none, "alice@d: push bob@d=0; "), COND_none);
	assert_int_equal(try_item(ALICE, BOB, false, "B", &none, "alice@d: push bob@d=0; "), COND_none);
	assert_int_equal(try_item(ALICE, "c@d", false, "", &none, ""), STANZA_resource_constraint);
}

static void account_gone(void **state)
{
	struct buf acts = {0};
	bool found;

	agreed(state);
	says(BOB, "subscribe", ALICE,
		"alice@d: all subscribe from bob@d; alice@d: row bob@d=9; bob@d: push alice@d=6; ");
	assert_int_equal(account_end(d, STR(BOB), &found, &acts), DB_OK);
	assert_true(found);
	come(&acts, "alice@d: push bob@d=0; ");
	assert_int_equal(side(ALICE, BOB).state, SUB_LISTED);
	assert_int_equal(account_end(d, STR(BOB), &found, &acts), DB_OK);
	assert_false(found);
	come(&acts, "");
	says(ALICE, "subscribe", BOB, "alice@d: push bob@d=4; ");
}

static void group(const char *account, const char *name, bool in, const char *wanted)
{
	struct buf acts = {0};
	bool changed;

	if (in)
		assert_int_equal(share_join(d, str_of(name), str_of(account), &changed, &acts), DB_OK);
	else
		assert_int_equal(share_leave(d, str_of(name), str_of(account), &changed, &acts), DB_OK);
	assert_int_equal(changed, wanted != NULL);
	come(&acts, wanted ? wanted : "");
}

/* Another one of that name has been approved by nobody. */
static void approved_gone(void **state)
{
	struct buf acts = {0};
	bool found;

	(void)state;
	says(ALICE, "subscribed", BOB, "alice@d: push bob@d=32; ");
	assert_int_equal(account_end(d, STR(BOB), &found, &acts), DB_OK);
	come(&acts, "alice@d: push bob@d=0; ");
	assert_int_equal(store_account_add(d, STR(BOB), STR_NONE), DB_OK);
	says(BOB, "subscribe", ALICE,
		"alice@d: all subscribe from bob@d; alice@d: row bob@d=8; bob@d: push alice@d=4; ");
}

static void block(const char *account, const char *who)
{
	struct errand e = {.account = str_of(account)};
	struct buf xml = {0}, result = {0};

	buf_printf(&xml, "<iq type=\"set\"><block xmlns=\"urn:xmpp:blocking\"><item jid=\"%s\"/></block></iq>", who);
	e.xml = buf_str(&xml);
	e.most.blocked_contacts = 10;
	assert_int_equal(block_store(d, &e, &result), DB_OK);
	buf_free(&xml);
	buf_free(&result);
}

/* XEP-0191 3.3: the one who is blocked sees what it would see of anybody who does not answer. */
static void blocked_asks(void **state)
{
	(void)state;
	block(BOB, "d");
	says(ALICE, "subscribe", BOB, "alice@d: push bob@d=4; ");
	assert_int_equal(side(BOB, ALICE).state, 0);
	says(ALICE, "subscribed", BOB, "alice@d: push bob@d=36; ");
	says(ALICE, "unsubscribe", BOB, "alice@d: push bob@d=32; ");
}

/* Both sides know that it has ended, but the one who blocks hears nothing from the other. */
static void blocked_ends(void **state)
{
	agreed(state);
	block(ALICE, BOB);
	says(BOB, "unsubscribed", ALICE, "bob@d: hidden from alice@d; alice@d: push bob@d=0; bob@d: push alice@d=0; ");
}

static void blocked_removes(void **state)
{
	agreed(state);
	block(ALICE, BOB);
	assert_int_equal(try_item(BOB, ALICE, true, NULL, &plenty,
				 "bob@d: hidden from alice@d; alice@d: push bob@d=0; bob@d: push alice@d=64-; "),
		COND_none);
}

static void ignore_row(void *ctx, const struct roster_row *row)
{
	(void)ctx;
	(void)row;
}

static uint64_t roster_version(const char *account)
{
	struct roster_head head;
	bool found;

	assert_int_equal(store_roster_load(d, str_of(account), &head, &found, ignore_row, NULL), DB_OK);
	return head.version;
}

/* Changes made by the clock, and others that were given their number before those. */
static void versions(void **state)
{
	struct buf acts = {0};
	uint64_t before, shared;
	bool found;

	agreed(state);
	before = roster_version(ALICE);
	group(ALICE, "team", true, "");
	group(BOB, "team", true, "alice@d: push bob@d=4483; bob@d: push alice@d=4739; alice@d: shown to bob@d; ");
	shared = roster_version(ALICE);
	assert_true(shared > before && side(ALICE, BOB).version == shared);
	version = 5;
	assert_int_equal(try_item(ALICE, BOB, false, "B", &plenty, "alice@d: push bob@d=4483; "), COND_none);
	assert_true(roster_version(ALICE) > shared && side(ALICE, BOB).version == roster_version(ALICE));
	before = roster_version(ALICE);
	assert_int_equal(account_end(d, STR(BOB), &found, &acts), DB_OK);
	buf_free(&acts);
	assert_true(roster_version(ALICE) > before);
}

/* Each has one of its own, so that a client which has heard of some is told of the others. */
static void versions_apart(void **state)
{
	uint64_t before;

	agreed(state);
	before = roster_version(ALICE);
	assert_int_equal(store_account_add(d, STR("carol@d"), STR_NONE), DB_OK);
	group(BOB, "team", true, "");
	group("carol@d", "team", true,
		"bob@d: push carol@d=131; carol@d: push bob@d=131; bob@d: shown to carol@d; carol@d: shown to bob@d; ");
	group(ALICE, "team", true,
		"bob@d: push alice@d=4739; alice@d: push bob@d=4483; alice@d: shown to bob@d; "
		"carol@d: push alice@d=131; alice@d: push carol@d=131; carol@d: shown to alice@d; alice@d: shown to carol@d; ");
	assert_true(before < side(ALICE, BOB).version);
	assert_true(side(ALICE, BOB).version < side(ALICE, "carol@d").version);
}

#define SHARED (SUB_SHARED | SUB_LISTED | SUB_TO | SUB_FROM)

static void shared(void **state)
{
	struct buf acts = {0};
	bool changed;

	(void)state;
	group(ALICE, "team", true, "");
	group(BOB, "team", true,
		"alice@d: push bob@d=131; bob@d: push alice@d=131; alice@d: shown to bob@d; bob@d: shown to alice@d; ");
	group(BOB, "team", true, NULL);
	assert_true(str_eq(side(ALICE, BOB).shared, STR("team\0")) && side(ALICE, BOB).state == SHARED);
	says(ALICE, "subscribe", BOB, "");
	says(ALICE, "subscribed", BOB, "");
	assert_int_equal(try_say(ALICE, "unsubscribe", BOB, &plenty, ""), STANZA_not_allowed);
	assert_int_equal(try_say(ALICE, "unsubscribed", BOB, &plenty, ""), STANZA_not_allowed);
	assert_int_equal(try_item(ALICE, BOB, true, NULL, &plenty, ""), STANZA_not_allowed);
	assert_int_equal(try_item(ALICE, BOB, false, "Bobby", &plenty, "alice@d: push bob@d=131; "), COND_none);
	group(BOB, "choir", true, "");
	group(ALICE, "choir", true, "bob@d: push alice@d=131; alice@d: push bob@d=131; ");
	assert_true(str_eq(side(ALICE, BOB).shared, STR("team\0choir\0")) && str_is(side(ALICE, BOB).name, "Bobby"));
	group(BOB, "team", false, "alice@d: push bob@d=131; bob@d: push alice@d=131; ");
	group(BOB, "team", false, NULL);
	group(ALICE, "choir", false,
		"alice@d: hidden from bob@d; bob@d: push alice@d=64-; bob@d: hidden from alice@d; alice@d: push bob@d=64-; ");
	assert_int_equal(side(ALICE, BOB).state, SUB_GONE);
	assert_int_equal(share_join(d, STR("team"), STR("nobody@d"), &changed, &acts), DB_CONSTRAINT);
}

/* What the two are called counts, but not who is in the group. */
static void shared_weighs(void **state)
{
	struct subscribe_limits most = plenty;

	(void)state;
	most.items = 0;
	most.bytes = 3;
	group(ALICE, "team", true, "");
	group(BOB, "team", true,
		"alice@d: push bob@d=131; bob@d: push alice@d=131; alice@d: shown to bob@d; bob@d: shown to alice@d; ");
	assert_int_equal(store_account_add(d, STR("carol@d"), STR_NONE), DB_OK);
	group("carol@d", "team", true,
		"alice@d: push carol@d=131; carol@d: push alice@d=131; alice@d: shown to carol@d; carol@d: shown to alice@d; "
		"bob@d: push carol@d=131; carol@d: push bob@d=131; bob@d: shown to carol@d; carol@d: shown to bob@d; ");
	assert_int_equal(try_item(ALICE, BOB, false, "Bob", &most, "alice@d: push bob@d=131; "), COND_none);
	assert_int_equal(try_item(ALICE, "carol@d", false, "C", &most, ""), STANZA_resource_constraint);
	assert_int_equal(try_item(ALICE, BOB, false, "B", &most, "alice@d: push bob@d=131; "), COND_none);
	assert_int_equal(try_item(ALICE, "carol@d", false, "C", &most, "alice@d: push carol@d=131; "), COND_none);
}

/* What was between them is there again; who asked has been answered. */
static void shared_before(void **state)
{
	agreed(state);
	says(BOB, "subscribe", ALICE,
		"alice@d: all subscribe from bob@d; alice@d: row bob@d=9; bob@d: push alice@d=6; ");
	group(ALICE, "team", true, "");
	group(BOB, "team", true, "alice@d: push bob@d=4483; bob@d: push alice@d=4739; alice@d: shown to bob@d; ");
	assert_int_equal(side(ALICE, BOB).request.n, 0);
	group(ALICE, "team", false, "alice@d: hidden from bob@d; bob@d: push alice@d=2; alice@d: push bob@d=1; ");
	assert_int_equal(side(ALICE, BOB).state, SUB_LISTED | SUB_TO);
	assert_int_equal(side(BOB, ALICE).state, SUB_LISTED | SUB_FROM);
}

static void shared_account_gone(void **state)
{
	struct buf acts = {0};
	bool found;

	(void)state;
	group(ALICE, "team", true, "");
	group(BOB, "team", true,
		"alice@d: push bob@d=131; bob@d: push alice@d=131; alice@d: shown to bob@d; bob@d: shown to alice@d; ");
	assert_int_equal(account_end(d, STR(BOB), &found, &acts), DB_OK);
	come(&acts, "alice@d: push bob@d=64-; ");
	assert_int_equal(side(ALICE, BOB).shared.n, 0);
	group(BOB, "team", false, NULL);
}

/* A client that says again all groups that it was told does not make the shared ones its own. */
static void shared_groups_said(void **state)
{
	struct roster_wish w = {.contact = STR(BOB), .groups = STR("own\0team\0")};
	struct buf acts = {0};
	enum cond why;

	shared(state);
	group(ALICE, "team", false, "");
	group(ALICE, "team", true, "");
	group(BOB, "team", true,
		"alice@d: push bob@d=131; bob@d: push alice@d=131; alice@d: shown to bob@d; bob@d: shown to alice@d; ");
	assert_int_equal(roster_wish_store(d, STR(ALICE), &w, ++version, &plenty, &acts, &why), DB_OK);
	come(&acts, "alice@d: push bob@d=131; ");
	assert_true(str_eq(side(ALICE, BOB).groups, STR("own\0")));
}

#define TEST(title, function) \
	{ \
		title, function, start, end, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("subscribe: asked, granted; what arrives, is pushed and shown, and nothing at a repetition",
			agreed),
		TEST("subscribe: cancelled: hidden first (3.2.2)", ended),
		TEST("subscribe: left: hidden when the contact's side has it (3.3.3)", left),
		TEST("subscribe: an item removed ends both ways, and leaves a request waiting (2.5.2)", removed),
		TEST("subscribe: what was approved before is granted without asking (3.4)", approved),
		TEST("subscribe: who is granted already and asks is told so (3.1.3)", said_again),
		TEST("subscribe: somebody who does not exist looks like one who does not answer (8.5.1)", strangers),
		TEST("subscribe: the limits of items, bytes and requests refuse, and change nothing", limits),
		TEST("subscribe: with an account go the subscriptions to it", account_gone),
		TEST("subscribe: with an account goes the approval of it", approved_gone),
		TEST("subscribe: who is blocked and asks sees what one sees who is not answered (XEP-0191 3.3)",
			blocked_asks),
		TEST("subscribe: who is blocked can end a subscription, and the other hears nothing of it",
			blocked_ends),
		TEST("subscribe: who is blocked can remove the other, who hears nothing of it", blocked_removes),
		TEST("subscribe: a roster's version only grows, whatever the clock says", versions),
		TEST("subscribe: changes that come together have versions of their own", versions_apart),
		TEST("share: names of those in a group count as those of others do", shared_weighs),
		TEST("share: who is in a group sees and is seen, and cannot help it", shared),
		TEST("share: what was between two of them before is there again afterwards", shared_before),
		TEST("share: an account that is removed is in nobody's group", shared_account_gone),
		TEST("share: the shared group is not the client's own, even if it says so", shared_groups_said),
	};
	int failed;

	try_start();
	failed = cmocka_run_group_tests_name("subscribe", tests, NULL, NULL);
	try_end();
	return failed;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a client wants in its roster, from any canonical bytes: what is read is prepared and within its limits, and is
 * read again from what is written of it. The same bytes as acts and as a row: they end, and never reach outside. */
#include "common/jid.h"
#include "common/scan.h"
#include "common/stanza.h"
#include "common/xml.h"
#include "sm/roster_act.h"
#include "sm/roster_item.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct scan_limits limits = {
	.bytes = 65536, .elements = 1000, .depth = 64, .attributes = 64, .name_bytes = 256};
static const struct conf_domain domain = {.roster_groups = 8, .roster_name_bytes = 32};

static void check_wish(const struct roster_wish *w)
{
	struct str rest = w->groups, one;
	struct jid who;
	int64_t n = 0;

	CHECK(jid_split(w->contact, &who) && !jid_is_full(who) && !str_is(who.text, "alice@d"));
	CHECK(w->name.n <= 32 && (!w->remove || (!w->name.n && !w->groups.n)));
	for (; rest.n; n++) {
		str_cut(rest, '\0', &one, &rest);
		CHECK(one.n > 0 && one.n <= 32);
	}
	CHECK(n <= domain.roster_groups);
}

/* Written as a push and read again it is the same. */
static void check_again(const struct roster_wish *w)
{
	struct roster_row row = {.contact = w->contact,
		.state = w->remove ? SUB_GONE : SUB_LISTED,
		.version = 7,
		.name = w->name,
		.groups = w->groups};
	struct roster_wish again;
	struct buf push = {0};
	struct stanza s;

	roster_push_put(&push, &row);
	CHECK(scan_is_canonical(buf_str(&push), &limits) && stanza_view(buf_str(&push), &s) && s.child_count == 1);
	CHECK(roster_wish_read(s.child[0].whole, STR("alice@d"), &domain, &again) == COND_none);
	CHECK(str_eq(again.contact, w->contact) && again.remove == w->remove && str_eq(again.name, w->name) &&
		str_eq(again.groups, w->groups));
	buf_free(&again.store);
	buf_free(&push);
}

static void read_acts(struct str bytes)
{
	struct roster_row row;
	struct act a;
	size_t left = bytes.n;

	while (act_take(&bytes, &a)) {
		CHECK(bytes.n < left);
		left = bytes.n;
		(void)!roster_row_take(&a.rest, &row);
	}
	CHECK(bytes.n == left);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str input = str_at(bytes, n);
	struct roster_wish w = {0};
	struct roster_row row;
	struct stanza s;

	xml_thread_start();
	if (n && scan_is_canonical(input, &limits) && stanza_view(input, &s) && s.child_count &&
		roster_wish_read(s.child[0].whole, STR("alice@d"), &domain, &w) == COND_none) {
		check_wish(&w);
		check_again(&w);
	}
	buf_free(&w.store);
	read_acts(input);
	(void)!roster_row_take(&input, &row);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Any bytes as a JID: what is accepted is canonical, that is, the same again, and falls into the
 * same parts without preparation. Passwords are tried on the way. */
#include "common/jid.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_canonical(struct jid j)
{
	struct buf store = {0};
	struct jid again, split;

	CHECK(str_utf8(j.text) && j.text.n <= JID_MAX && str_find(j.text, '\0') == j.text.n);
	CHECK(jid_parse(j.text, &store, &again));
	CHECK(str_eq(again.text, j.text));
	CHECK(jid_split(j.text, &split));
	CHECK(str_eq(jid_local(split), jid_local(j)));
	CHECK(str_eq(jid_domain(split), jid_domain(j)));
	CHECK(str_eq(jid_resource(split), jid_resource(j)));
	buf_clear(&store);
	again = jid_join(&store, jid_local(j), jid_domain(j), jid_resource(j));
	CHECK(str_eq(again.text, j.text));
	CHECK(str_find(jid_local(j), '@') == j.local_n &&
		str_find(jid_domain(j), '@') == j.domain_n);
	CHECK(str_find(jid_bare(j), '/') == jid_bare(j).n);
	buf_free(&store);
}

static void check_password(bool (*prep)(struct buf *out, struct str in), struct str in)
{
	struct buf once = {0}, twice = {0};

	if (prep(&once, in)) {
		CHECK(once.n > 0 && once.n <= JID_PART_MAX && str_utf8(buf_str(&once)));
		CHECK(prep(&twice, buf_str(&once)));
		CHECK(str_eq(buf_str(&once), buf_str(&twice)));
	} else {
		CHECK(once.n == 0);
	}
	buf_free(&once);
	buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = str_at(data, size);
	struct buf store = {0};
	struct jid j;

	if (jid_parse(raw, &store, &j))
		check_canonical(j);
	else
		CHECK(store.n == 0);
	buf_free(&store);
	check_password(prep_password, raw);
	check_password(prep_saslprep, raw);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Children that only a server may add are cut from what clients send, before anything else looks at
 * it: a delay by one of our domains (XEP-0203), a stanza-id by any address of ours (XEP-0359 3),
 * and the copies of XEP-0280. Those by other domains pass. */
#include "sm/module.h"

#include "common/xml.h"

/* Is the attribute of this child an address of one of our domains? `domain_itself`: with nothing in
 * front of it. One that is missing, or no address, is nobody's: no client can be misled by it. */
static bool is_ours(const struct traffic *t, const struct stanza_child *c, const char *attribute,
	bool domain_itself)
{
	struct xml *x = xml_parse(c->whole);
	struct buf store = {0};
	struct jid j;
	bool ours = x && jid_parse(xml_attr(xml_root(x), attribute), &store, &j) &&
		conf_domain(t->house->conf, jid_domain(j)) &&
		!(domain_itself && (jid_local(j).n || jid_is_full(j)));

	buf_free(&store);
	xml_free(&x);
	return ours;
}

static bool is_forged(void *ctx, const struct stanza_child *c)
{
	const struct traffic *t = ctx;

	switch (mark_child(c)) {
	case MARK_carbon:
		return true;
	case MARK_stanza_id:
		return is_ours(t, c, "by", false);
	case MARK_delay:
		return is_ours(t, c, "from", true);
	default:
		return false;
	}
}

enum verdict clean_from_client(struct traffic *t)
{
	if (t->stanza->kind != STANZA_IQ &&
		(t->marks & (MARK_carbon | MARK_stanza_id | MARK_delay)))
		traffic_cut(t, is_forged, t);
	return PASS;
}

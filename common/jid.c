/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * JIDs: split as RFC 7622 3.1 says (the first '/' ends the bare JID, then the first '@' in it ends
 * the localpart), each part prepared. */
#include "common/jid.h"

struct parts {
	struct str local, domain, resource;
};

/* Cuts, and refuses a separator with nothing beside it. */
static bool cut(struct str text, struct parts *p)
{
	struct str bare;

	*p = (struct parts){STR_NONE, STR_NONE, STR_NONE};
	if (str_cut(text, '/', &bare, &p->resource) && p->resource.n == 0)
		return false;
	if (!str_cut(bare, '@', &p->local, &p->domain)) {
		p->domain = bare;
		p->local = STR_NONE;
		return bare.n > 0;
	}
	return p->local.n > 0 && p->domain.n > 0;
}

static struct jid jid_of(struct str text, struct parts p)
{
	return (struct jid){
		text, (uint16_t)p.local.n, (uint16_t)p.domain.n, (uint16_t)p.resource.n};
}

static bool is_ready(struct parts p)
{
	return (p.local.n == 0 || prep_local_ready(p.local)) && prep_domain_ready(p.domain) &&
		(p.resource.n == 0 || prep_resource_ready(p.resource));
}

/* Appends the canonical text; on failure the caller cuts `store` back. */
static bool prepare(struct buf *store, struct parts raw, struct jid *out)
{
	size_t start = store->n, local_n = 0, domain_at, resource_at;

	if (raw.local.n) {
		if (!prep_local(store, raw.local))
			return false;
		local_n = store->n - start;
		buf_putc(store, '@');
	}
	domain_at = store->n;
	if (!prep_domain(store, raw.domain))
		return false;
	out->local_n = (uint16_t)local_n;
	out->domain_n = (uint16_t)(store->n - domain_at);
	out->resource_n = 0;
	if (raw.resource.n) {
		buf_putc(store, '/');
		resource_at = store->n;
		if (!prep_resource(store, raw.resource))
			return false;
		out->resource_n = (uint16_t)(store->n - resource_at);
	}
	out->text = str_skip(buf_str(store), start);
	return true;
}

bool jid_parse(struct str raw, struct buf *store, struct jid *out)
{
	size_t start = store->n;
	struct parts p;

	if (!cut(raw, &p))
		return false;
	if (is_ready(p)) {
		*out = jid_of(raw, p);
		return true;
	}
	if (prepare(store, p, out))
		return true;
	store->n = start;
	return false;
}

bool jid_split(struct str canonical, struct jid *out)
{
	struct parts p;

	if (!cut(canonical, &p))
		return false;
	if (p.local.n > JID_PART_MAX || p.domain.n > JID_PART_MAX || p.resource.n > JID_PART_MAX)
		return false;
	*out = jid_of(canonical, p);
	return true;
}

struct jid jid_join(struct buf *store, struct str local, struct str domain, struct str resource)
{
	struct parts p = {local, domain, resource};
	size_t start = store->n;

	CHECK(domain.n > 0);
	CHECK(local.n <= JID_PART_MAX && domain.n <= JID_PART_MAX && resource.n <= JID_PART_MAX);
	if (local.n) {
		buf_put(store, local);
		buf_putc(store, '@');
	}
	buf_put(store, domain);
	if (resource.n) {
		buf_putc(store, '/');
		buf_put(store, resource);
	}
	return jid_of(str_skip(buf_str(store), start), p);
}

struct str jid_local(struct jid j)
{
	return str_head(j.text, j.local_n);
}

struct str jid_domain(struct jid j)
{
	return str_head(str_skip(j.text, j.local_n ? j.local_n + 1u : 0), j.domain_n);
}

struct str jid_resource(struct jid j)
{
	return str_skip(j.text, j.text.n - j.resource_n);
}

struct str jid_bare(struct jid j)
{
	return str_head(j.text, j.resource_n ? j.text.n - j.resource_n - 1u : j.text.n);
}

bool jid_is_full(struct jid j)
{
	return j.resource_n > 0;
}

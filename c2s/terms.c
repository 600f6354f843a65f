/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See terms.h. */
#include "c2s/terms.h"

static void set_limits(struct terms *t)
{
	const struct conf *c = t->conf;

	t->session_limits = (struct scan_limits){
		.bytes = (size_t)c->stanza_bytes,
		.elements = (unsigned)c->stanza_elements,
		.depth = (unsigned)c->stanza_depth,
		.attributes = (unsigned)c->element_attributes,
		.name_bytes = (unsigned)c->name_bytes,
	};
	t->login_limits = t->session_limits;
	t->login_limits.bytes = (size_t)c->login_stanza_bytes;
	t->login_limits.elements = (unsigned)c->login_stanza_elements;
}

/* The first is for everybody: the top level's, or, without that, the first domain's; the others for
 * who asks for their domain. */
static bool make_contexts(struct terms *t, const struct setup *s, const struct tickets *tickets,
	struct buf *why)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct identity *one = &s->identities[i];
		struct tls_ctx *ctx = tls_ctx_new(buf_str(&one->certificate), buf_str(&one->key),
			tickets, why);

		if (!ctx)
			return false;
		if (one->client_ca.n &&
			!tls_ctx_ask(ctx, str_of(one->domain), buf_str(&one->client_ca), why)) {
			tls_ctx_drop(&ctx);
			return false;
		}
		if (i == 0)
			t->tls = ctx;
		else
			tls_ctx_name(t->tls, str_of(one->domain), ctx);
	}
	return true;
}

struct terms *terms_new(struct setup **setup, const struct tickets *tickets, struct buf *why)
{
	struct terms *t = mem_new(sizeof *t);

	t->holders = 1;
	if (make_contexts(t, *setup, tickets, why)) {
		t->conf = (*setup)->conf;
		(*setup)->conf = NULL;
		set_limits(t);
	} else {
		terms_drop(&t);
	}
	setup_free(setup);
	return t;
}

struct terms *terms_hold(struct terms *t)
{
	t->holders++;
	return t;
}

void terms_drop(struct terms **t)
{
	struct terms *old = *t;
	struct conf *conf;

	*t = NULL;
	if (!old || --old->holders)
		return;
	conf = (struct conf *)old->conf;
	tls_ctx_drop(&old->tls);
	conf_free(&conf);
	mem_free(old);
}

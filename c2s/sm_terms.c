/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See sm_terms.h. */
#include "c2s/sm_terms.h"

void sm_terms_caps_put(struct sm_terms *t, struct str domain, struct str version)
{
	struct sm_caps **at = &t->caps, *c;
	size_t n = 0;
	while (*at && !str_eq(buf_str(&(*at)->domain), domain)) {
		at = &(*at)->next;
		n++;
	}
	if (!*at && n >= SM_CAPS_MOST)
		return;
	if (!*at) {
		*at = mem_new(sizeof **at);
		buf_put(&(*at)->domain, domain);
	}
	c = *at;
	buf_clear(&c->version);
	buf_put(&c->version, version);
}

struct str sm_terms_caps(const struct sm_terms *t, struct str domain)
{
	for (const struct sm_caps *c = t->caps; c; c = c->next) {
		if (str_eq(buf_str(&c->domain), domain))
			return buf_str(&c->version);
	}
	return STR_NONE;
}

void sm_terms_end(struct sm_terms *t)
{
	struct sm_caps *c;
	while ((c = t->caps) != NULL) {
		t->caps = c->next;
		buf_free(&c->domain);
		buf_free(&c->version);
		mem_free(c);
	}
}

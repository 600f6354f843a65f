/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See csi.h. What waits is a list, oldest first, which CSI_MOST keeps short enough to be
 * searched. */
#include "c2s/csi.h"
#include "common/mark.h"
#include <string.h>

struct kept {
	struct kept *next;
	struct str key, xml;
	char text[]; /* what both lie in */
};

struct csi {
	struct kept *first, **last;
	struct kept *taken;
	size_t count, bytes;
	struct buf key;
};

struct csi *csi_new(void)
{
	struct csi *s = mem_new(sizeof *s);
	s->last = &s->first;
	return s;
}

void csi_free(struct csi **s)
{
	struct csi *old = *s;
	struct str xml;
	if (!old)
		return;
	while (csi_take(old, &xml))
		;
	mem_free(old->taken);
	buf_free(&old->key);
	mem_free(old);
	*s = NULL;
}

/* Nothing but a chat state (XEP-0085), with what goes along with one. */
static bool is_chat_state(unsigned marks)
{
	return (marks & MARK_chat_state) && !(marks & MARK_store) &&
		!(marks & ~((unsigned)MARK_chat_state | MARK_ASIDE));
}

static const struct stanza_child *only_child(const struct stanza *s, enum ns ns)
{
	const struct stanza_child *c = s->child_count == 1 ? &s->child[0] : NULL;
	return c && c->ns == ns ? c : NULL;
}

/* The message within a copy (XEP-0280). */
static bool unwrap(const struct stanza_child *copy, struct stanza *inner)
{
	struct stanza way, forwarded;
	const struct stanza_child *c = NULL;
	if (stanza_view(copy->whole, &way) && (c = only_child(&way, NS_forward)) != NULL &&
		stanza_view(c->whole, &forwarded) &&
		(c = only_child(&forwarded, NS_client)) != NULL)
		return stanza_view(c->whole, inner);
	return false;
}

static void put_key(struct buf *key, const char *what, const struct stanza *s)
{
	buf_clear(key);
	buf_puts(key, what);
	buf_put(key, s->from.value);
	buf_putc(key, '\n');
}

static bool may_wait_copied(const struct stanza *s, struct buf *key)
{
	const struct stanza_child *copy = only_child(s, NS_carbons);
	struct stanza inner;
	if (!copy || !unwrap(copy, &inner) || str_is(inner.type_attr.value, "error") ||
		!is_chat_state(mark_message(&inner)))
		return false;
	put_key(key, str_is(copy->name, "sent") ? "sent " : "received ", &inner);
	buf_put(key, inner.to.value);
	return true;
}

/* Whose last word this is goes into `key`. */
static bool may_wait(struct str xml, struct buf *key)
{
	struct stanza s;
	unsigned marks;
	if (!stanza_view(xml, &s) || !s.from.value.n)
		return false;
	if (s.kind == STANZA_PRESENCE) {
		put_key(key, "presence ", &s);
		return s.type == TYPE_NONE || s.type == TYPE_UNAVAILABLE;
	}
	if (s.kind != STANZA_MESSAGE || s.type == TYPE_ERROR)
		return false;
	marks = mark_message(&s);
	if (marks == MARK_carbon)
		return may_wait_copied(&s, key);
	put_key(key, "state ", &s);
	return is_chat_state(marks);
}

static void drop(struct csi *s, struct kept **at)
{
	struct kept *k = *at;
	*at = k->next;
	if (s->last == &k->next)
		s->last = at;
	s->count--;
	s->bytes -= k->xml.n;
}

static void drop_older(struct csi *s, struct str key)
{
	for (struct kept **at = &s->first; *at; at = &(*at)->next) {
		struct kept *k = *at;
		if (!str_eq(k->key, key))
			continue;
		drop(s, at);
		mem_free(k);
		return;
	}
}

bool csi_keep(struct csi *s, struct str xml)
{
	struct kept *k;
	if (!may_wait(xml, &s->key))
		return false;
	k = mem_try(sizeof *k + s->key.n + xml.n);
	if (!k)
		return false;
	drop_older(s, buf_str(&s->key));
	memcpy(k->text, s->key.p, s->key.n);
	memcpy(k->text + s->key.n, xml.p, xml.n);
	k->key = str_at(k->text, s->key.n);
	k->xml = str_at(k->text + s->key.n, xml.n);
	k->next = NULL;
	*s->last = k;
	s->last = &k->next;
	s->count++;
	s->bytes += xml.n;
	return true;
}

size_t csi_count(const struct csi *s)
{
	return s ? s->count : 0;
}

size_t csi_bytes(const struct csi *s)
{
	return s ? s->bytes : 0;
}

bool csi_take(struct csi *s, struct str *xml)
{
	struct kept *k = s->first;
	mem_free(s->taken);
	s->taken = k;
	if (!k)
		return false;
	drop(s, &s->first);
	*xml = k->xml;
	return true;
}

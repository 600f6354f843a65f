/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The memory of the gate. An element in progress has a work area; an idle scanner has none. A
 * thread keeps a few of them warm, so that elements which arrive whole cost no allocation.
 * Everything is bounded by the limits, and refusal by the system ends the stream, not the
 * process. Canonical bytes are wiped before they go back: there may be a password in them. */
#include "common/scan_work.h"

#define SPARE_MOST 4      /* work areas kept per thread */
#define SPARE_BYTES 16384 /* ones that grew above this are not kept */
#define OUT_LEAST 1024

static _Thread_local struct scan_work *spare;
static _Thread_local unsigned spare_n;

static void work_free(struct scan_work *w)
{
	mem_free(w->out.p);
	mem_free(w->raw.p);
	mem_free(w->text.p);
	mem_free(w->attrs);
	mem_free(w->open);
	mem_free(w);
}

struct scan_work *scan_work_take(void)
{
	struct scan_work *w = spare;

	if (!w)
		return mem_try(sizeof *w);
	spare = w->next;
	spare_n--;
	w->next = NULL;
	return w;
}

static size_t held_bytes(const struct scan_work *w)
{
	return w->out.cap + w->raw.cap + w->text.cap + w->attr_room * sizeof *w->attrs +
		w->open_room * sizeof *w->open;
}

/* Back to nothing in progress, with the memory kept. */
static void work_clear(struct scan_work *w)
{
	mem_wipe(w->out.p, w->out.n);
	mem_wipe(w->raw.p, w->raw.n);
	w->out.n = w->raw.n = w->text.n = 0;
	w->attr_n = w->depth = w->elements = 0;
	w->uri_n = w->binding_n = 0;
	w->taken = 0;
	w->partial.have = 0;
	w->colon = 0;
	w->after_cr = false;
}

void scan_work_drop(struct scan_work **w)
{
	struct scan_work *old = *w;

	*w = NULL;
	if (!old)
		return;
	work_clear(old);
	if (spare_n >= SPARE_MOST || held_bytes(old) > SPARE_BYTES) {
		work_free(old);
		return;
	}
	old->next = spare;
	spare = old;
	spare_n++;
}

void scan_thread_end(void)
{
	while (spare) {
		struct scan_work *w = spare;

		spare = w->next;
		work_free(w);
	}
	spare_n = 0;
}

/* Doubles, up to `most` exactly; the old block is wiped. */
enum cond scan_try_grow(struct buf *b, size_t n, size_t most)
{
	size_t cap = b->cap ? b->cap * 2 : OUT_LEAST;
	char *p;

	if (n > most - b->n)
		return STREAM_policy_violation;
	if (cap < b->n + n)
		cap = b->n + n;
	if (cap > most)
		cap = most;
	p = mem_try(cap);
	if (!p)
		return STREAM_resource_constraint;
	if (b->n)
		memcpy(p, b->p, b->n);
	mem_wipe(b->p, b->n);
	mem_free(b->p);
	b->p = p;
	b->cap = cap;
	return COND_none;
}

bool scan_grow(struct scan *s, struct buf *b, size_t n, size_t most)
{
	enum cond why = scan_try_grow(b, n, most);

	if (why != COND_none)
		scan_fault(s, why,
			why == STREAM_policy_violation ? "the element is too long"
						       : "there is no memory for the element");
	else if (b == &s->work->out)
		s->work->out_most = b->cap;
	return why == COND_none;
}

/* The names and URIs in scope cannot be longer than what has been taken: a raw name and a URI
 * are both in the input. */
bool scan_push_text(struct scan *s, const char *p, size_t n)
{
	struct buf *text = &s->work->text;

	if (text->cap - text->n < n && !scan_grow(s, text, n, SIZE_MAX / 2))
		return false;
	if (n)
		memcpy(text->p + text->n, p, n);
	text->n += n;
	return true;
}

/* A table of *room rows grows by half its size, at least to 16 and at most to `most` rows;
 * unchanged (and a fault) without memory. */
static void *more_rows(struct scan *s, void *rows, unsigned *room, size_t row_bytes, unsigned most)
{
	size_t wanted = *room ? (size_t)*room + *room / 2 : 16;
	void *grown;

	if (wanted > most)
		wanted = most;
	grown = mem_resize(rows, wanted * row_bytes);
	if (!grown) {
		scan_fault(s, STREAM_resource_constraint, "there is no memory for the element");
		return NULL;
	}
	*room = (unsigned)wanted;
	return grown;
}

bool scan_room_for_attr(struct scan *s)
{
	struct scan_work *w = s->work;
	void *grown;

	if (w->attr_n < w->attr_room)
		return true;
	grown = more_rows(s, w->attrs, &w->attr_room, sizeof *w->attrs, s->limits->attributes);
	if (grown)
		w->attrs = grown;
	return grown != NULL;
}

bool scan_room_for_open(struct scan *s)
{
	struct scan_work *w = s->work;
	void *grown;

	if (w->depth < w->open_room)
		return true;
	grown = more_rows(s, w->open, &w->open_room, sizeof *w->open, s->limits->depth);
	if (grown)
		w->open = grown;
	return grown != NULL;
}

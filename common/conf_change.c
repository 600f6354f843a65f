/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Values are compared and copied by the type of their row. */
#include "common/conf_change.h"

#include "common/log.h"
#include "common/setting.h"

#include <string.h>

static bool same_list(const struct conf_list *a, const struct conf_list *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = strcmp(a->words[i], b->words[i]) == 0;
	return same;
}

static bool same_value(const struct setting *s, const void *a, const void *b)
{
	switch (s->type) {
	case SETTING_number:
	case SETTING_size:
	case SETTING_time:
		return *(const int64_t *)a == *(const int64_t *)b;
	case SETTING_flag:
		return *(const bool *)a == *(const bool *)b;
	case SETTING_choice:
		return *(const int *)a == *(const int *)b;
	case SETTING_list:
		return same_list(a, b);
	case SETTING_text:
	case SETTING_path:
		return strcmp(*(const char *const *)a, *(const char *const *)b) == 0;
	}
	CHECK(!"a type that we know");
}

static struct buf *list_of_row(struct conf_change *c, const struct setting *s)
{
	if (strcmp(s->when, "live") == 0)
		return &c->live;
	return strcmp(s->when, "fresh") == 0 ? &c->fresh : &c->restart;
}

void conf_change_add(struct buf *list, const char *what)
{
	if (list->n)
		buf_puts(list, ", ");
	buf_puts(list, what);
}

/* `domain`: whose section it is; NULL: the top level. */
static void compare(struct conf_change *c, const struct setting *rows, const char *domain,
	const void *now, const void *next)
{
	struct buf what = {0};

	for (const struct setting *s = rows; s->name; s++) {
		if (same_value(s, (const char *)now + s->at, (const char *)next + s->at))
			continue;
		buf_clear(&what);
		if (domain)
			buf_printf(&what, "domain \"%s\": ", domain);
		setting_key(s, &what);
		conf_change_add(list_of_row(c, s), buf_cstr(&what));
	}
	buf_free(&what);
}

static void note_domain(struct conf_change *c, const char *name, const char *what)
{
	struct buf words = {0};

	buf_printf(&words, "domain \"%s\" (%s)", name, what);
	conf_change_add(&c->fresh, buf_cstr(&words));
	buf_free(&words);
}

void conf_change_find(struct conf_change *c, const struct conf *now, const struct conf *next)
{
	compare(c, setting_global, NULL, now, next);
	for (size_t i = 0; i < next->domain_count; i++) {
		const struct conf_domain *d = &next->domains[i];
		const struct conf_domain *was = conf_domain(now, str_of(d->name));

		if (was)
			compare(c, setting_domain, d->name, was, d);
		else
			note_domain(c, d->name, "new");
	}
	for (size_t i = 0; i < now->domain_count; i++)
		if (!conf_domain(next, str_of(now->domains[i].name)))
			note_domain(c, now->domains[i].name, "gone");
}

void conf_change_end(struct conf_change *c)
{
	buf_free(&c->live);
	buf_free(&c->fresh);
	buf_free(&c->restart);
}

static void report_list(const struct buf *list, const char *whose, const char *when,
	struct buf *out)
{
	if (list->n)
		buf_printf(out, "%s: %s: %.*s\n", whose, when, STR_ARG(buf_str(list)));
}

void conf_change_report(const struct conf_change *c, const char *whose, struct buf *out)
{
	report_list(&c->live, whose, "in effect", out);
	report_list(&c->fresh, whose, "in effect for new connections", out);
	report_list(&c->restart, whose, "waits for a restart", out);
	if (!c->live.n && !c->fresh.n && !c->restart.n)
		buf_printf(out, "%s: nothing has changed\n", whose);
}

void conf_change_log(const struct conf_change *c)
{
	log_event(reload, LOG_STR("live", buf_str(&c->live)), LOG_STR("fresh", buf_str(&c->fresh)),
		LOG_STR("restart", buf_str(&c->restart)));
}

static const char *copy_text(struct arena *memory, const char *text)
{
	return arena_copy(memory, str_of(text)).p;
}

static void copy_list(struct arena *memory, struct conf_list *to, const struct conf_list *from)
{
	to->n = from->n;
	to->words = arena_new(memory, (from->n ? from->n : 1) * sizeof *to->words);
	for (size_t i = 0; i < from->n; i++)
		to->words[i] = copy_text(memory, from->words[i]);
}

static void copy_value(const struct setting *s, struct arena *memory, void *to, const void *from)
{
	switch (s->type) {
	case SETTING_number:
	case SETTING_size:
	case SETTING_time:
		*(int64_t *)to = *(const int64_t *)from;
		break;
	case SETTING_flag:
		*(bool *)to = *(const bool *)from;
		break;
	case SETTING_choice:
		*(int *)to = *(const int *)from;
		break;
	case SETTING_list:
		copy_list(memory, to, from);
		break;
	case SETTING_text:
	case SETTING_path:
		*(const char **)to = copy_text(memory, *(const char *const *)from);
		break;
	}
}

static void inherit(const struct setting *rows, struct arena *memory, void *next, const void *now)
{
	for (const struct setting *s = rows; s->name; s++)
		if (strcmp(s->when, "restart") == 0)
			copy_value(s, memory, (char *)next + s->at, (const char *)now + s->at);
}

void conf_inherit(struct conf *next, const struct conf *now)
{
	inherit(setting_global, next->memory, next, now);
	for (size_t i = 0; i < next->domain_count; i++) {
		const struct conf_domain *was = conf_domain(now, str_of(next->domains[i].name));

		if (was)
			inherit(setting_domain, next->memory, &next->domains[i], was);
	}
}

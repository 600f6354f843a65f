/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See reload.h. The old configuration is freed when nothing borrows from it any more: whoever keeps
 * a piece of it takes the new one here. */
#include "sm/reload.h"

#include "common/conf_change.h"
#include "common/log.h"
#include "sm/answer.h"
#include "sm/control_work.h"
#include "sm/peer_work.h"
#include "sm/run_directory.h"
#include "sm/verify.h"
#include "sm/watch.h"

#define ANSWER_MS 30000 /* that the c2s parent may take */

static void take(struct house *h, struct conf *next)
{
	conf_inherit(next, h->conf);
	h->conf = next;
	verify_conf(h->verify, next);
	guard_conf(h->guard, next);
	control_conf(h->control);
	run_directory_admit(next);
	log_level_set((enum log_level)next->log_level);
	h->c2s_level = 0;
	conf_free(&h->own_conf);
	h->own_conf = next;
	watch_caps(h);
	if (h->reloaded)
		h->reloaded();
}

bool house_reload(struct house *h, struct buf *report)
{
	struct conf_change change = {0};
	struct buf why = {0};
	struct conf *next = conf_load(h->conf->path, &why);

	if (next) {
		conf_change_find(&change, h->conf, next);
		conf_change_report(&change, "sm", report);
		conf_change_log(&change);
		conf_change_end(&change);
		take(h, next);
	} else {
		log_event(reload_failed, LOG_STR("why", buf_str(&why)));
		buf_printf(report, "nothing is changed: %s\n", buf_cstr(&why));
	}
	buf_free(&why);
	return next != NULL;
}

/* the command */

/* A status other than 0 has its words in one line. */
static void say_failed(struct control_client *c, struct buf *report)
{
	while (report->n && report->p[report->n - 1] == '\n')
		report->n--;
	for (size_t i = 0; i < report->n; i++)
		if (report->p[i] == '\n')
			report->p[i] = ';';
	control_say(c, 1, buf_cstr(report));
}

static void say_report(struct control_client *c, bool failed, struct buf *report)
{
	struct str rest = buf_str(report), line;

	if (failed) {
		say_failed(c, report);
	} else {
		report_head(&c->out, 0, NULL);
		while (rest.n) {
			str_cut(rest, '\n', &line, &rest);
			report_words(&c->out, line);
		}
		control_end(c);
	}
	buf_free(report);
}

static bool ask_parent(struct control_client *c)
{
	struct message m = {.code = MSG_reload};
	struct peer_link *parent = c->house->peers->parent;

	if (!parent)
		return false;
	c->reload = m.as.reload.request = ++c->house->reloads;
	channel_send(&parent->hello, &m);
	house_touch(c->house);
	return true;
}

void control_reload(struct control_client *c)
{
	struct buf report = {0};

	if (!house_reload(c->house, &report)) {
		say_report(c, true, &report);
		return;
	}
	if (!ask_parent(c)) {
		buf_puts(&report, "c2s: is not here; it reads its configuration when it starts\n");
		say_report(c, false, &report);
		return;
	}
	c->state = CLIENT_WORKED_FOR;
	c->patience = uv_now(&c->house->loop) + ANSWER_MS;
	buf_take(&c->report, &report);
}

/* Ends the wait: with what c2s reports, or, without `failed`, what is to be said instead. */
static void finish(struct control_client *c, bool failed, struct str lines)
{
	c->reload = 0;
	c->state = CLIENT_ANSWERED;
	buf_put(&c->report, lines);
	say_report(c, failed, &c->report);
	control_touch(c);
}

static void finish_all(struct control_client *c, void *ctx)
{
	(void)ctx;
	if (c->reload)
		finish(c, true, STR("c2s: is gone, before it said how its reload went\n"));
}

void reload_parent_gone(struct house *h)
{
	if (h->control)
		control_each(h->control, finish_all, NULL);
}

void control_reload_late(struct control_client *c)
{
	finish(c, true, STR("c2s: has not answered; see its log\n"));
}

static void finish_one(struct control_client *c, void *ctx)
{
	const struct msg_reloaded *m = ctx;

	if (c->reload == m->request)
		finish(c, m->failed, m->report);
}

bool answer_reloaded(struct peer_link *l, const struct msg_reloaded *m)
{
	struct house *h = l->house;

	buf_clear(&h->expiries);
	buf_put(&h->expiries, m->expiries);
	if (m->request && h->control)
		control_each(h->control, finish_one, (void *)m);
	return true;
}

void report_expiries(struct buf *out, const struct house *h)
{
	struct str rest = buf_str(&h->expiries), line, seconds, name;
	uint64_t at;

	report_list(out, "certificates", "name:i expires:t");
	while (rest.n) {
		str_cut(rest, '\n', &line, &rest);
		str_cut(line, ' ', &seconds, &name);
		if (!str_u64(seconds, &at) || at > INT64_MAX || !str_utf8(name))
			continue;
		report_row(out);
		report_text(out, str_is(name, "*") ? STR("(all others)") : name);
		report_number(out, (int64_t)at);
		report_row_end(out);
	}
}

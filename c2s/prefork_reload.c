/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A reload in the parent: what is bad changes nothing; what is good is in effect here at once, for
 * workers to come by fork, and for those that live in sealed memory. The listeners stay what they
 * are. */
#include "c2s/parent.h"
#include "c2s/prefork_work.h"
#include "common/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Says to sm what came of the reload that is open, and closes it. */
static void answer(struct prefork *p, bool failed)
{
	if (p->reload.lost)
		buf_printf(&p->reload.report,
			"c2s: %u workers could not take it, and go on as before; see the log\n",
			p->reload.lost);
	p->reload.open = false;
	broker_reloaded(p->broker, p->reload.request, failed, buf_str(&p->reload.report));
}

static void answer_when_taken(struct prefork *p)
{
	for (unsigned i = 0; i < p->places; i++)
		if (p->children[i].passed)
			return;
	if (p->reload.open)
		answer(p, false);
}

void prefork_taken(struct prefork *p, unsigned slot, bool taken)
{
	struct child *c = &p->children[slot];

	if (!c->passed)
		return;
	c->passed--;
	p->reload.lost += !taken;
	answer_when_taken(p);
}

void prefork_untaken(struct prefork *p, unsigned slot)
{
	p->children[slot].passed = 0;
	answer_when_taken(p);
}

static void pass_on(struct prefork *p)
{
	int memory = setup_seal(p->setup);

	for (unsigned i = 0; i < p->places; i++) {
		struct child *c = &p->children[i];

		if (c->fd < 0)
			continue;
		if (memory >= 0 && parent_say(c->fd, PARENT_SETUP, memory)) {
			c->passed++;
			continue;
		}
		log_event(reload_failed, LOG_U64("slot", i), LOG_TEXT("why", strerror(errno)));
		p->reload.lost++;
	}
	if (memory >= 0)
		close(memory);
}

/* A certificate where there was none at the start: nobody listens for direct TLS. */
static void note_missing_listener(const struct prefork *p, struct conf_change *c,
	const struct conf *next)
{
	if (conf_has_certificate(next) && next->listen_tls.n && !p->ports[0].tls_n)
		conf_change_add(&c->restart, "listen-tls (there was no certificate at the start)");
}

static void take(struct prefork *p, struct setup *next)
{
	struct conf_change change = {0};
	struct buf expiries = {0};

	conf_change_find(&change, p->conf, next->conf);
	setup_compare(&change, p->setup, next);
	note_missing_listener(p, &change, next->conf);
	conf_change_report(&change, "c2s", &p->reload.report);
	conf_inherit(next->conf, p->conf);
	setup_free(&p->setup);
	p->setup = next;
	p->conf = next->conf;
	log_level_set((enum log_level)p->conf->log_level);
	conf_change_log(&change);
	conf_change_end(&change);
	setup_expiries(p->setup, &expiries);
	broker_expiries(p->broker, buf_str(&expiries));
	buf_free(&expiries);
	prefork_tickets(p, prefork_now()); /* before the contexts that are made with them */
	pass_on(p);
}

void prefork_reload(struct prefork *p)
{
	struct buf why = {0};
	struct setup *next;

	p->reload.wanted = false;
	if (p->stopping)
		return;
	/* the workers answer in order, but who asked first need not wait for it */
	if (p->reload.open)
		answer(p, false);
	buf_clear(&p->reload.report);
	p->reload.open = true;
	p->reload.lost = 0;
	p->reload.request = p->reload.wanted_by;
	p->reload.wanted_by = 0;
	next = setup_load(p->conf->path, &why);
	if (next) {
		take(p, next);
		answer_when_taken(p);
	} else {
		log_event(reload_failed, LOG_STR("why", buf_str(&why)));
		buf_printf(&p->reload.report, "c2s: nothing is changed: %s\n", buf_cstr(&why));
		answer(p, true);
	}
	buf_free(&why);
}

void prefork_reload_end(struct prefork *p)
{
	buf_free(&p->reload.report);
	setup_free(&p->setup);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The serving child: builds the house, runs its loop, takes it down. Reading happens in the loop's
 * poll phase; the check phase right behind it ends the turn. */
#include "sm/house.h"

#include "common/log.h"
#include "common/log_sink.h"
#include "common/xml.h"
#include "sm/answer.h"
#include "sm/arrival.h"
#include "sm/block.h"
#include "sm/bound.h"
#include "sm/control.h"
#include "sm/errand.h"
#include "sm/last.h"
#include "sm/mailbox.h"
#include "sm/metrics.h"
#include "sm/opening.h"
#include "sm/peer.h"
#include "sm/reload.h"
#include "sm/route.h"
#include "sm/session.h"
#include "sm/store_account.h"
#include "sm/store_motd.h"
#include "sm/turn.h"
#include "sm/enrol.h"
#include "sm/verify.h"
#include "sm/watch.h"

#include <signal.h>
#include <time.h>

#define TICK_MS 250

/* The loop's own handles, beside the house. */
struct frame {
	struct house house;
	uv_check_t check;
	uv_timer_t tick;
	uv_signal_t term, interrupt, hangup;
	struct verify_out out;
};

static void do_nothing(uv_idle_t *hurry)
{
	(void)hurry;
}

void house_touch(struct house *h)
{
	if (!h->stopping)
		uv_idle_start(&h->hurry, do_nothing);
}

static void end_turn(uv_check_t *check)
{
	struct house *h = check->data;

	uv_idle_stop(&h->hurry);
	arrivals_turn(h);
	turn_commit(h);
	errands_turn(h);
	mailboxes_turn(h);
	peers_judge(h);
}

static void tick(uv_timer_t *timer)
{
	struct house *h = timer->data;

	log_sink_follow();
	guard_tick(h->guard, uv_now(&h->loop));
	links_tick(h);
	peers_tick(h);
	lasts_write(h);
	house_touch(h);
}

static void close_handles(struct frame *f)
{
	uv_close((uv_handle_t *)&f->check, NULL);
	uv_close((uv_handle_t *)&f->house.hurry, NULL);
	uv_close((uv_handle_t *)&f->tick, NULL);
	uv_close((uv_handle_t *)&f->term, NULL);
	uv_close((uv_handle_t *)&f->interrupt, NULL);
	uv_close((uv_handle_t *)&f->hangup, NULL);
}

/* SIGTERM: sessions stay, clients stay; only we go. The last turn is recorded, and the session
 * table written, but nothing that this turn has still to say is lost when it is not: the next sm
 * takes it up. */
static void stop(uv_signal_t *s, int number)
{
	struct house *h = s->data;

	(void)number;
	if (h->stopping)
		return;
	turn_commit(h);
	h->stopping = true;
	uv_stop(&h->loop);
}

static void reload(uv_signal_t *s, int number)
{
	struct house *h = s->data;
	struct buf report = {0};

	(void)number;
	if (!h->stopping)
		house_reload(h, &report); /* which the log has too */
	buf_free(&report);
}

static void start_handles(struct frame *f)
{
	struct house *h = &f->house;

	uv_check_init(&h->loop, &f->check);
	uv_idle_init(&h->loop, &h->hurry);
	uv_timer_init(&h->loop, &f->tick);
	uv_signal_init(&h->loop, &f->term);
	uv_signal_init(&h->loop, &f->interrupt);
	uv_signal_init(&h->loop, &f->hangup);
	f->check.data = f->tick.data = f->term.data = f->interrupt.data = f->hangup.data = h;
	uv_check_start(&f->check, end_turn);
	uv_timer_start(&f->tick, tick, TICK_MS, TICK_MS);
	uv_signal_start(&f->term, stop, SIGTERM);
	uv_signal_start(&f->interrupt, stop, SIGINT);
}

/* Not before there is something to reload. */
static void start_hangup(struct frame *f)
{
	sigset_t hangup;

	uv_signal_start(&f->hangup, reload, SIGHUP);
	sigemptyset(&hangup);
	sigaddset(&hangup, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &hangup, NULL); /* our parent may have sent one meanwhile */
}

/* building */

static bool open_store(struct house *h, const char *path, const struct verify_out *out,
	struct buf *why)
{
	h->writer = desk_new(&h->loop, path, DB_DURABLE, store_migrate, why);
	if (h->writer)
		h->reader = desk_new(&h->loop, path, DB_READ, NULL, why);
	if (h->reader)
		h->verify = verify_new(h->conf, h->reader, path, out, why);
	if (h->verify)
		verify_writer(h->verify, h->writer);
	return h->verify && client_secret_read(path, h->client_secret, why) &&
		mailboxes_read(h, path, why) && blocks_read(h->blocks, path, why) &&
		motd_read(path, &h->motd, why);
}

static bool build(struct frame *f, int c2s_fd, int control_fd, struct buf *why)
{
	struct house *h = &f->house;
	struct buf path = {0};
	bool recovered = false;
	bool good;

	buf_printf(&path, "%s/store.db", h->conf->state_directory);
	good = open_store(h, buf_cstr(&path), &f->out, why) && turn_new(h, &recovered, why) &&
		rosters_recover(h, buf_cstr(&path), why) && turn_table_start(h, why);
	buf_free(&path);
	if (!good)
		return false;
	verify_guard(h->verify, h->guard);
	if (recovered)
		gather_start(h);
	h->control = control_new(h, control_fd, why);
	return h->control && links_listen(h, c2s_fd, why) && metrics_start(h, why);
}

/* In the order in which they lean on each other. Jobs that are still under way are waited for;
 * their answers find nobody. */
static void take_down(struct frame *f)
{
	struct house *h = &f->house;

	h->stopping = true;
	turn_table_stop(h);
	links_close(h);
	control_free(&h->control);
	metrics_stop(h);
	lasts_write(h);
	desk_free(&h->reader);
	desk_free(&h->writer);
	verify_free(&h->verify);
	guard_free(&h->guard);
	close_handles(f);
	uv_run(&h->loop, UV_RUN_DEFAULT);
	uv_loop_close(&h->loop);
	enrols_free(&h->enrols);
	turn_free(&h->turn);
	errands_free(&h->errands);
	blocks_free(&h->blocks);
	lasts_free(&h->lasts);
	mailboxes_free(&h->mailboxes);
	openings_free(&h->openings);
	sessions_free(&h->sessions);
	bound_free(&h->bound);
	peers_free(h);
	route_work_free(&h->route);
}

int house_run(const struct conf *conf, int c2s_fd, int control_fd, void (*ready)(void),
	void (*reloaded)(void))
{
	struct frame *f = mem_new(sizeof *f);
	struct house *h = &f->house;
	struct buf why = {0};
	bool good;

	h->conf = conf;
	h->reloaded = reloaded;
	f->out = answer_verify_out(h);
	h->started = (int64_t)time(NULL);
	CHECK(uv_loop_init(&h->loop) == 0);
	h->guard = watch_guard_new(h, &f->out);
	xml_thread_start();
	h->sessions = sessions_new();
	h->bound = bound_new();
	h->errands = errands_new();
	h->blocks = blocks_new();
	h->lasts = lasts_new();
	h->mailboxes = mailboxes_new();
	h->openings = openings_new();
	h->route = route_work_new();
	h->peers = peers_new();
	h->enrols = enrols_new();
	start_handles(f);
	good = build(f, c2s_fd, control_fd, &why);
	if (good)
		start_hangup(f);
	if (good && ready)
		ready();
	if (good)
		uv_run(&h->loop, UV_RUN_DEFAULT);
	else
		log_event(internal, LOG_TEXT("what", "sm cannot start"),
			LOG_STR("why", buf_str(&why)));
	take_down(f);
	conf_free(&h->own_conf);
	buf_free(&h->expiries);
	buf_free(&why);
	mem_wipe(f, sizeof *f);
	mem_free(f);
	return good ? 0 : HOUSE_CANNOT_START;
}

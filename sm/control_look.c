/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Commands that only look. What may be long is made piece by piece, a few
 * hundred rows whenever the client has taken those before, so that nobody waits for it. */
#include <time.h>
#include <unistd.h>

#include "common/jid.h"
#include "common/log.h"
#include "sm/control_work.h"
#include "sm/peer.h"
#include "sm/session.h"
#include "sm/tally.h"
#include "sm/verify.h"

#define ROWS 256   /* of a piece */
#define LOOKS 2048 /* at sessions that are not wanted, for a piece */

/* --- status ---------------------------------------------------------------------------------- */

static void report_workers(struct buf *out, struct house *h)
{
	struct tally t;

	tally_workers(h, &t);
	report_list(out, "workers",
		"slot:n incarnation:n pid:n joined:b connections:n negotiating:n sessions:n queued:z");
	for (size_t i = 0; i < t.n; i++) {
		const struct peer *p = t.of[i].peer;

		report_row(out);
		report_number(out, p->slot);
		report_number(out, p->incarnation);
		report_number(out, p->pid);
		report_number(out, p->joined && !p->dead);
		report_number(out, p->connections);
		report_number(out, p->negotiating);
		report_number(out, (int64_t)t.of[i].sessions);
		report_number(out, (int64_t)p->queued);
		report_row_end(out);
	}
}

static void report_desk(struct buf *out, const char *name, const struct desk *k, const char *folder,
	const char *file)
{
	struct buf path = {0};
	enum db_result why;
	int64_t since;

	if (!k)
		return;
	since = desk_trouble(k, &why);
	buf_printf(&path, "%s/%s", folder, file);
	report_row(out);
	report_text(out, str_of(name));
	report_text(out, str_of(since ? db_result_name(why) : "works"));
	report_number(out, since);
	report_number(out, (int64_t)desk_waiting(k));
	report_number(out, (int64_t)db_wal_bytes(buf_cstr(&path)));
	report_row_end(out);
	buf_free(&path);
}

static const char *state_of(const struct house *h)
{
	if (h->stopping)
		return "stopping";
	return h->gathering ? "waiting for the workers to join again" : "serving";
}

void control_status(struct control_client *c)
{
	struct house *h = c->house;
	struct buf *out = &c->out;

	report_head(out, 0, NULL);
	report_record(out, "version:s state:s pid:n uptime:d since:t sessions:n routed:n ghosts:n");
	report_row(out);
	report_text(out, STR(GATEHOUSE_VERSION));
	report_text(out, str_of(state_of(h)));
	report_number(out, getpid());
	report_number(out, time(NULL) - h->started);
	report_number(out, h->started);
	report_number(out, (int64_t)session_count(h->sessions));
	report_number(out, (int64_t)h->routed);
	report_number(out, (int64_t)h->ghosts);
	report_row_end(out);
	report_workers(out, h);
	report_list(out, "databases", "name:i state:s refuses_since:t waiting:n wal:z");
	report_desk(out, "store.db-reader", h->reader, h->conf->state_directory, "store.db");
	report_desk(out, "store.db-writer", h->writer, h->conf->state_directory, "store.db");
	report_desk(out, "sessions.db", h->table_desk, h->conf->run_directory, "sessions.db");
	report_expiries(out, h);
	control_end(c);
}

/* --- sessions -------------------------------------------------------------------------------- */

struct listing {
	struct str domain, user; /* prepared; empty: any */
	bool user_is_jid;
	struct buf text; /* what they borrow from */
	size_t place;    /* the next to look at */
};

static bool is_wanted(const struct listing *l, struct jid jid)
{
	if (l->domain.n && !str_eq(l->domain, jid_domain(jid)))
		return false;
	return !l->user.n || str_eq(l->user, l->user_is_jid ? jid_bare(jid) : jid_local(jid));
}

/* What was asked for, as it stands in JIDs. False: no session can be meant. */
static bool read_filters(struct listing *l, const struct request *r)
{
	const struct str *domain = request_option(r, "domain"), *user = request_option(r, "user");
	size_t domain_n;
	struct jid jid;

	if (domain && !prep_domain(&l->text, *domain))
		return false;
	domain_n = l->text.n;
	l->user_is_jid = user && str_find(*user, '@') < user->n;
	if (user && !l->user_is_jid && !prep_local(&l->text, *user))
		return false;
	if (l->user_is_jid && (!jid_parse(*user, &l->text, &jid) || jid_is_full(jid)))
		return false;
	l->domain = str_head(buf_str(&l->text), domain_n);
	l->user = l->user_is_jid ? jid.text : str_skip(buf_str(&l->text), domain_n);
	return true;
}

static void listing_free(struct control_client *c)
{
	struct listing *l = c->own;

	buf_free(&l->text);
	mem_free(l);
}

static int64_t idle_seconds(const struct house *h, const struct session *s)
{
	uint64_t now = uv_now(&h->loop);

	return now > s->active ? (int64_t)((now - s->active) / 1000) : 0;
}

#define SESSION_COLUMNS \
	"jid:s sid:i worker:n address:s priority:n idle:d queue:z tls:s mechanism:s since:t cipher:s available:b anonymous:b compressed:b"

static void report_session(struct buf *out, const struct house *h, const struct session *s)
{
	report_row(out);
	report_text(out, s->row.jid);
	report_hex(out, s->row.sid);
	report_number(out, s->peer ? s->peer->slot : -1);
	report_text(out, s->row.address);
	report_number(out, s->row.priority);
	report_number(out, idle_seconds(h, s));
	report_number(out, (int64_t)s->queued);
	report_text(out, s->row.tls);
	report_text(out, s->row.mechanism);
	report_number(out, s->row.since);
	report_text(out, s->row.cipher);
	report_number(out, s->row.available);
	report_number(out, session_is_anonymous(s));
	report_number(out, (s->row.flags & PROTO_FLAG_COMPRESSED) != 0);
}

/* Ten thousand sessions lie all over the memory: most of the time would go to waiting for it. What
 * is shown stands before `answered`. */
static void fetch_ahead(const struct sessions *t, size_t place)
{
	const struct session *far = session_at(t, place + 8), *near = session_at(t, place + 4);

	for (size_t i = 0; far && i < offsetof(struct session, answered); i += 64)
		__builtin_prefetch((const char *)far + i);
	if (near)
		__builtin_prefetch(near->row.jid.p);
	if (near)
		__builtin_prefetch(near->row.jid.p + 64);
}

/* A piece ends after so many rows, and after so many looks where few are wanted: others wait. */
static void more_sessions(struct control_client *c)
{
	const struct sessions *t = c->house->sessions;
	struct listing *l = c->own;
	unsigned rows = 0;

	for (unsigned n = 0; n < LOOKS && rows < ROWS; n++) {
		const struct session *s = session_at(t, l->place);

		fetch_ahead(t, l->place);
		if (l->place++ >= session_places(t)) {
			control_end(c);
			return;
		}
		if (!s || !is_wanted(l, s->jid))
			continue;
		report_session(&c->out, c->house, s);
		report_row_end(&c->out);
		rows++;
	}
}

void control_sessions(struct control_client *c)
{
	struct listing *l = mem_new(sizeof *l);

	c->own = l;
	c->more_free = listing_free;
	c->more = more_sessions;
	if (!read_filters(l, &c->request)) {
		c->more = NULL;
		control_say(c, 1, "--domain takes a domain, --user a localpart or a bare JID");
		return;
	}
	report_head(&c->out, 0, NULL);
	report_list(&c->out, "sessions", SESSION_COLUMNS);
}

bool control_hex(struct str hex, uint64_t *number)
{
	uint64_t value = 0;

	if (hex.n == 0 || hex.n > 16)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		char ch = hex.p[i];
		bool is_digit = ch >= '0' && ch <= '9';

		if (!is_digit && (ch < 'a' || ch > 'f'))
			return false;
		value = value << 4 | (uint64_t)(is_digit ? ch - '0' : ch - 'a' + 10);
	}
	*number = value;
	return true;
}

struct session *control_session_by_sid(const struct control_client *c, struct str hex)
{
	uint64_t sid;

	return control_hex(hex, &sid) ? session_by_sid(c->house->sessions, sid) : NULL;
}

static unsigned lines_of(struct str s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '\n';
	return n;
}

void control_session(struct control_client *c)
{
	const struct session *s = control_session_by_sid(c, c->request.arguments[0]);
	struct buf *out = &c->out;

	if (!s) {
		control_say(c, 1, "there is no such session");
		return;
	}
	report_head(out, 0, NULL);
	report_record(out,
		SESSION_COLUMNS
		" direct_tls:b connection:i worker_pid:n directed_presence:n presence:s");
	report_session(out, c->house, s);
	report_number(out, (s->row.flags & PROTO_FLAG_DIRECT_TLS) != 0);
	report_hex(out, s->row.conn);
	report_number(out, s->peer ? (int64_t)s->peer->pid : 0);
	report_number(out, lines_of(s->row.directed));
	report_text(out, s->row.presence);
	report_row_end(out);
	control_end(c);
}

/* --- stats ----------------------------------------------------------------------------------- */

static void report_counter(struct buf *out, const char *name, uint64_t value)
{
	report_row(out);
	report_text(out, str_of(name));
	report_number(out, (int64_t)value);
	report_row_end(out);
}

void control_stats(struct control_client *c)
{
	struct house *h = c->house;
	struct buf *out = &c->out;
	struct verify_counts proofs = {0};
	uint64_t sums[EVENT_TOP];

	if (h->verify)
		proofs = verify_counts(h->verify);
	tally_events(h, sums);
	report_head(out, 0, NULL);
	report_record(out,
		"uptime:d sessions:n routed:n ghosts:n proofs:n proofs_refused:n proofs_unavailable:n proofs_repeated:n messages:n");
	report_row(out);
	report_number(out, time(NULL) - h->started);
	report_number(out, (int64_t)session_count(h->sessions));
	report_number(out, (int64_t)h->routed);
	report_number(out, (int64_t)h->ghosts);
	report_number(out, (int64_t)proofs.proved);
	report_number(out, (int64_t)proofs.refused);
	report_number(out, (int64_t)proofs.unavailable);
	report_number(out, (int64_t)proofs.repeated);
	report_number(out, (int64_t)h->messages);
	report_row_end(out);
	report_map(out, "events");
	for (unsigned e = 0; e < EVENT_TOP; e++) {
		if (event_name((enum event)e))
			report_counter(out, event_name((enum event)e), sums[e]);
	}
	control_end(c);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The control socket from both ends, in one process: real requests, real databases, and sessions that are only an
 * array. */
#include "sm/announce.h"
#include "sm/control.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/condition.h"
#include "common/log.h"
#include "sm/peer.h"
#include "sm/roster_act.h"
#include "sm/session.h"
#include "sm/token.h"
#include "sm/store_account.h"
#include "sm/trace.h"
#include "sm/credential_line.h"
#include "sm/watch.h"
#include "t/lib/sm_try.h"

#define SESSIONS 10000

static struct house house;
static struct peer peers[2];
static struct session sessions[SESSIONS];
static char jids[SESSIONS][48];
static size_t session_n;
static bool touched;
static struct buf kicked; /* sids and accounts, each with a blank */
static char reason[64];
static int listener;
static uint32_t watched;
static struct buf watched_pattern;

/* --- what helper files of sm would do -------------------------------------------------------- */

void house_touch(struct house *h)
{
	(void)h;
	touched = true;
}

size_t session_count(const struct sessions *t)
{
	(void)t;
	return session_n;
}

void session_each(struct sessions *t, void (*visit)(void *ctx, void *session), void *ctx)
{
	(void)t;
	for (size_t i = 0; i < session_n; i++)
		visit(ctx, &sessions[i]);
}

size_t session_places(const struct sessions *t)
{
	(void)t;
	return session_n;
}

struct session *session_at(const struct sessions *t, size_t place)
{
	(void)t;
	return place < session_n ? &sessions[place] : NULL;
}

void watch_level(struct house *h, enum log_level level)
{
	h->c2s_level = (unsigned)level + 1;
}

void watch_trace(struct house *h, uint32_t trace, struct str pattern)
{
	(void)h;
	watched = trace;
	buf_clear(&watched_pattern);
	buf_put(&watched_pattern, pattern);
}

void watch_caps(struct house *h)
{
	(void)h;
}

struct session *session_by_sid(const struct sessions *t, uint64_t sid)
{
	(void)t;
	return sid && sid <= session_n ? &sessions[sid - 1] : NULL;
}

struct session *session_by_jid(const struct sessions *t, struct str full)
{
	(void)t;
	for (size_t i = 0; i < session_n; i++) {
		if (str_eq(sessions[i].row.jid, full))
			return &sessions[i];
	}
	return NULL;
}

static void note_kick(int why, struct str text)
{
	assert_true(cond_group((enum cond)why) == COND_OF_STREAM);
	snprintf(reason, sizeof reason, "%.*s", STR_ARG(text));
}

void session_kick(struct house *h, struct session *s, int why, struct str text)
{
	note_kick(why, text);
	buf_printf(&kicked, "%llu ", (unsigned long long)s->row.sid);
	house_touch(h);
}

unsigned account_kick(struct house *h, struct str bare, int why, struct str text)
{
	note_kick(why, text);
	buf_printf(&kicked, "%.*s ", STR_ARG(bare));
	house_touch(h);
	return str_is(bare, "u1@x.test") ? 2 : 0;
}

static struct buf revoked; /* accounts, each with a blank */

void account_revoke(struct house *h, struct str bare)
{
	(void)h;
	buf_printf(&revoked, "%.*s ", STR_ARG(bare));
}

unsigned announce_all(struct house *h, struct str domain, struct str text)
{
	(void)h;
	(void)domain;
	(void)text;
	return 0;
}

unsigned account_removed(struct house *h, struct str bare)
{
	account_revoke(h, bare);
	return account_kick(h, bare, STREAM_not_authorized, STR_NONE);
}

void acts_run(struct house *h, struct str acts)
{
	(void)h;
	(void)acts;
}

void tokens_revoke(struct house *h, struct str account)
{
	(void)h;
	(void)account;
}

struct account *account_by_jid(const struct sessions *t, struct str bare)
{
	(void)t;
	(void)bare;
	return NULL;
}

void peers_each(struct house *h, void (*visit)(void *ctx, const struct peer *p), void *ctx)
{
	(void)h;
	for (size_t i = 0; i < COUNT(peers); i++)
		visit(ctx, &peers[i]);
}

static void fill(size_t n)
{
	session_n = n;
	for (size_t i = 0; i < n; i++) {
		struct session *s = &sessions[i];

		snprintf(jids[i], sizeof jids[i], "u%zu@%s/resource-%zu", i % 100, i % 2 ? "x.test" : "y.test", i);
		*s = (struct session){.row = {.sid = i + 1,
					      .jid = str_of(jids[i]),
					      .since = 1700000000,
					      .address = STR("192.0.2.1"),
					      .tls = STR("TLSv1.3"),
					      .cipher = STR("TLS13-AES128-GCM-SHA256"),
					      .mechanism = STR("SCRAM-SHA-256")},
			.peer = &peers[i % 2]};
		assert_true(jid_split(s->row.jid, &s->jid));
	}
}

/* --- a client -------------------------------------------------------------------------------- */

static int dial(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof to.sun_path, "%s", try_path("control.sock"));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static void say(int fd, struct str bytes)
{
	assert_int_equal(send(fd, bytes.p, bytes.n, MSG_NOSIGNAL), (ssize_t)bytes.n);
}

/* Turns of the house, as its loop would do them. */
static void turn(void)
{
	uv_run(&house.loop, UV_RUN_NOWAIT);
	if (touched) {
		touched = false;
		control_flush(house.control);
	}
}

/* The answer until its end; the socket is closed. */
static const char *hear(int fd)
{
	static struct buf answer;
	ssize_t n;

	buf_clear(&answer);
	for (;;) {
		turn();
		n = recv(fd, buf_room(&answer, 65536), 65536, MSG_DONTWAIT);
		if (n > 0)
			buf_grew(&answer, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	close(fd);
	return buf_cstr(&answer);
}

static const char *ask(const char *request)
{
	int fd = dial();

	say(fd, str_of(request));
	shutdown(fd, SHUT_WR);
	return hear(fd);
}

static unsigned lines(const char *answer, const char *beginning)
{
	unsigned n = 0;

	for (const char *p = answer; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		n += strncmp(p, beginning, strlen(beginning)) == 0;
	return n;
}

static bool is_whole(const char *answer)
{
	size_t n = strlen(answer);

	return n > 3 && strcmp(answer + n - 3, "\n.\n") == 0;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void what_only_looks(void **state)
{
	const char *answer;

	(void)state;
	fill(4);
	answer = ask("status");
	assert_true(is_whole(answer) && strncmp(answer, "0\n= version:s", 13) == 0);
	assert_non_null(strstr(answer, "\n+ 0 7 70 1 "));
	assert_non_null(strstr(answer, "store.db-writer works 0 0 "));
	answer = ask("session -- 0000000000000002\n");
	assert_true(is_whole(answer));
	assert_non_null(strstr(answer, "\n+ u1@x.test/resource-1 0000000000000002 1 192.0.2.1 "));
	assert_non_null(strstr(ask("session 2"), "\n+ u1@x.test/resource-1 "));
	assert_string_equal(ask("session 99"), "1 there is no such session\n.\n");
	assert_string_equal(ask("session x"), "1 there is no such session\n.\n");
	answer = ask("stats");
	assert_true(is_whole(answer));
	assert_non_null(strstr(answer, "\n+ login 7\n"));
}

static void ten_thousand_sessions_come_in_pieces(void **state)
{
	const char *answer;

	(void)state;
	fill(SESSIONS);
	answer = ask("sessions\n");
	assert_true(is_whole(answer));
	assert_int_equal(lines(answer, "+ "), SESSIONS);
	assert_int_equal(lines(ask("sessions --domain=x.test"), "+ "), SESSIONS / 2);
	assert_int_equal(lines(ask("sessions --domain=X.TEST --user=U1"), "+ "), SESSIONS / 100);
	assert_int_equal(lines(ask("sessions --user=u2@y.test"), "+ "), SESSIONS / 100);
	assert_int_equal(lines(ask("sessions --user=u2@x.test"), "+ "), 0);
	assert_int_equal(lines(ask("sessions --user=nobody"), "+ "), 0);
	assert_int_equal(lines(ask("sessions --user=a@b/c"), "1 "), 1);
	assert_int_equal(lines(ask("sessions --domain=a%20b"), "1 "), 1);
}

static void sessions_that_end_meanwhile_are_left_out(void **state)
{
	struct buf answer = {0};
	unsigned n;
	int fd;

	(void)state;
	fill(SESSIONS);
	fd = dial();
	say(fd, STR("sessions"));
	shutdown(fd, SHUT_WR);
	while (recv(fd, buf_room(&answer, 1), 1, MSG_DONTWAIT) != 1)
		turn();
	session_n = 5; /* most of them are gone now */
	n = lines(hear(fd), "+ ");
	assert_true(n < SESSIONS && n >= 5);
	buf_free(&answer);
}

static void answers_wait_for_the_end_of_the_turn(void **state)
{
	char byte;
	int fd;

	(void)state;
	fill(3);
	buf_clear(&kicked);
	fd = dial();
	say(fd, STR("kick 2"));
	shutdown(fd, SHUT_WR);
	while (!touched)
		uv_run(&house.loop, UV_RUN_NOWAIT);
	for (int i = 0; i < 20; i++)
		uv_run(&house.loop, UV_RUN_NOWAIT);
	assert_string_equal(buf_cstr(&kicked), "2 ");
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1); /* it is decided, but not recorded */
	assert_string_equal(hear(fd), "0\n! 1%20session%20ended\n.\n");
}

static void sessions_are_ended_by_every_name(void **state)
{
	(void)state;
	fill(10);
	buf_clear(&kicked);
	assert_non_null(strstr(ask("kick 0000000000000003"), "1%20session"));
	assert_string_equal(reason, "ended by the operator");
	assert_non_null(strstr(ask("kick --reason=back%20at%20<8> -- U1@X.test/resource-1"), "1%20session"));
	assert_string_equal(reason, "back at <8>");
	assert_non_null(strstr(ask("kick u1@x.test"), "2%20sessions"));
	assert_string_equal(buf_cstr(&kicked), "3 2 u1@x.test ");
	assert_int_equal(lines(ask("kick 99"), "1 there is no such session"), 1);
	assert_int_equal(lines(ask("kick u9@x.test"), "1 there is no such session"), 1);
	assert_int_equal(lines(ask("kick u1@x.test/none"), "1 there is no such session"), 1);
	assert_int_equal(lines(ask("kick @@"), "1 there is no such session"), 1);
	buf_clear(&kicked);
	assert_int_equal(lines(ask("kick --reason=a%0ab 3"), "64 "), 1);
	assert_int_equal(lines(ask("kick --reason=\xff 3"), "64 "), 1);
	assert_int_equal(kicked.n, 0);
}

static const char *ask_with_verifiers(const char *request, const char *password)
{
	struct verifier v[2];
	struct buf bytes = {0}, list = {0};
	const char *answer;

	verifier_make(&v[0], HASH_SHA1, str_of(password), 4096);
	verifier_make(&v[1], HASH_SHA256, str_of(password), 4096);
	buf_printf(&bytes, "%s\n", request);
	credential_put_verifier(&list, &v[0]);
	credential_put_verifier(&list, &v[1]);
	credential_line_write(&bytes, buf_str(&list));
	buf_free(&list);
	answer = ask(buf_cstr(&bytes));
	buf_free(&bytes);
	return answer;
}

static void accounts_are_kept(void **state)
{
	(void)state;
	buf_clear(&kicked);
	assert_string_equal(ask_with_verifiers("account add u1@x.test", "one"), "0\n! added\n.\n");
	assert_string_equal(ask_with_verifiers("account add U1@x.test", "one"), "1 the account exists already\n.\n");
	assert_string_equal(ask_with_verifiers("account passwd u1@x.test", "two"), "0\n! changed\n.\n");
	assert_string_equal(ask_with_verifiers("account passwd u2@x.test", "two"), "1 there is no such account\n.\n");
	assert_int_equal(lines(ask_with_verifiers("account add u1@elsewhere.test", "x"), "1 this domain"), 1);
	assert_int_equal(lines(ask_with_verifiers("account add x.test", "x"), "1 an account is named"), 1);
	assert_int_equal(lines(ask_with_verifiers("account add a@x.test/r", "x"), "1 an account is named"), 1);
	assert_int_equal(lines(ask("account add u3@x.test"), "64 the credentials"), 1);
	assert_int_equal(lines(ask("account add u3@x.test\nAQAAAAA=\n"), "64 the credentials"), 1);
	assert_int_equal(lines(ask("account list"), "+ u1@x.test "), 1);
	assert_int_equal(lines(ask("account list"), "+ "), 1);
	assert_int_equal(kicked.n, 0);
	assert_string_equal(ask("account remove u1@x.test"), "0\n! removed;%202%20sessions%20ended\n.\n");
	assert_string_equal(buf_cstr(&kicked), "u1@x.test ");
	/* An sm that died between the two: what was left is done now. */
	assert_string_equal(ask("account remove u1@x.test"),
		"1 there is no such account any more; its sessions are ended now\n.\n");
	assert_string_equal(buf_cstr(&kicked), "u1@x.test u1@x.test ");
	assert_string_equal(ask("account remove u9@x.test"), "1 there is no such account\n.\n");
}

static void many_accounts_come_in_pages(void **state)
{
	struct buf why = {0};
	struct db *d = db_open(try_path("store.db"), DB_DURABLE, &why);
	char name[32];

	(void)state;
	assert_int_equal(db_exec(d, "BEGIN"), DB_OK);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "n%d@x.test", i);
		assert_int_equal(store_account_add(d, str_of(name), STR_NONE), DB_OK);
	}
	assert_int_equal(db_exec(d, "COMMIT"), DB_OK);
	assert_int_equal(lines(ask("account list"), "+ n"), 1000); /* two pages exactly, and the empty one */
	assert_true(is_whole(ask("account list")));
	assert_int_equal(db_exec(d, "ALTER TABLE account RENAME TO hidden"), DB_OK);
	assert_int_equal(lines(ask("account list"), "1 the database refuses work"), 1);
	assert_int_equal(lines(ask("account remove n1@x.test"), "1 nothing is changed"), 1);
	assert_int_equal(db_exec(d, "ALTER TABLE hidden RENAME TO account; DELETE FROM account"), DB_OK);
	db_close(&d);
}

static void only_status_is_answered_while_gathering(void **state)
{
	char byte;
	int fd;

	(void)state;
	fill(3);
	buf_clear(&kicked);
	house.gathering = true;
	fd = dial();
	say(fd, STR("kick 2"));
	shutdown(fd, SHUT_WR);
	assert_non_null(strstr(ask("status"), "waiting%20for%20the%20workers"));
	for (int i = 0; i < 20; i++)
		turn();
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(kicked.n, 0);
	house.gathering = false;
	house_touch(&house);
	assert_non_null(strstr(hear(fd), "1%20session"));
	assert_string_equal(buf_cstr(&kicked), "2 ");
}

static void what_is_no_request_is_refused(void **state)
{
	struct buf large = {0};

	(void)state;
	assert_int_equal(lines(ask(""), "64 "), 1);
	assert_int_equal(lines(ask("\n\n\n"), "64 "), 1);
	assert_int_equal(lines(ask("reboot"), "64 no such command"), 1);
	assert_int_equal(lines(ask("serve"), "64 this command"), 1);
	assert_int_equal(lines(ask("kick"), "64 usage"), 1);
	assert_int_equal(lines(ask("kick %"), "64 a word is malformed"), 1);
	while (large.n < 20000)
		buf_puts(&large, "kick ");
	assert_int_equal(lines(ask(buf_cstr(&large)), "64 the request is too long"), 1);
	while (large.n < 100000)
		buf_puts(&large, "kick ");
	assert_int_equal(lines(ask(buf_cstr(&large)), "64 the request is too long"), 1);
	buf_free(&large);
}

static void clients_may_come_in_any_way(void **state)
{
	int silent[40], fd = dial();

	(void)state;
	fill(100);
	for (const char *p = "session 1\n"; *p; p++) { /* byte by byte */
		say(fd, str_at(p, 1));
		turn();
	}
	shutdown(fd, SHUT_WR);
	assert_int_equal(lines(hear(fd), "+ "), 1);
	for (size_t i = 0; i < COUNT(silent); i++) /* more than there are places */
		silent[i] = dial();
	for (int i = 0; i < 100; i++)
		turn();
	for (size_t i = 0; i < COUNT(silent); i++) {
		say(silent[i], STR("sessions"));
		shutdown(silent[i], SHUT_WR);
		if (i % 2)
			close(silent[i]); /* and does not wait for the answer */
		else
			assert_int_equal(lines(hear(silent[i]), "+ "), 100);
	}
	for (int i = 0; i < 100; i++)
		turn();
	fd = dial();
	say(fd, STR("account remove nobody@x.test")); /* gone before the database answers */
	shutdown(fd, SHUT_WR);
	close(fd);
	for (int i = 0; i < 100; i++)
		turn();
	while (desk_waiting(house.writer)) /* it is done all the same; the next test is not to see it */
		turn();
	assert_true(is_whole(ask("status")));
}

/* --- rights ---------------------------------------------------------------------------------- */

/* A request of somebody else: the kernel notes who connects at that moment. */
static const char *ask_as(uid_t uid, gid_t group, const char *request)
{
	gid_t groups[2] = {60000, group}, before[64];
	int n = getgroups(COUNT(before), before), fd;

	assert_int_equal(setgroups(2, groups), 0);
	assert_int_equal(seteuid(uid), 0);
	fd = dial();
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setgroups((size_t)n, before), 0);
	(void)!send(fd, request, strlen(request), MSG_NOSIGNAL); /* whoever is turned away may be so at once */
	shutdown(fd, SHUT_WR);
	return hear(fd);
}

static void rights_are_those_of_the_peer(void **state)
{
	gid_t all, look;
	uint64_t before;

	(void)state;
	if (geteuid() != 0)
		skip();
	all = getgrnam("daemon")->gr_gid;
	look = getgrnam("games")->gr_gid;
	fill(3);
	before = log_count(EVENT_command_refused);
	assert_int_equal(lines(ask_as(61000, 60001, "status"), "77 "), 1);
	assert_int_equal(lines(ask_as(61000, 60001, "kick 1"), "77 "), 1);
	assert_int_equal(log_count(EVENT_command_refused), before + 2);
	assert_int_equal(lines(ask_as(61000, look, "sessions"), "+ "), 3);
	buf_clear(&kicked);
	assert_int_equal(lines(ask_as(61000, look, "kick 1"), "77 "), 1);
	assert_int_equal(lines(ask_as(61000, look, "account remove a@x.test"), "77 "), 1);
	assert_int_equal(kicked.n, 0);
	before = log_count(EVENT_command);
	assert_int_equal(lines(ask_as(61000, all, "kick 1"), "0"), 1);
	assert_string_equal(buf_cstr(&kicked), "1 ");
	assert_int_equal(log_count(EVENT_command), before + 1);
}

static void it_can_end_with_clients_there(void **state)
{
	struct buf why = {0};
	int fd = dial(), other = dial();
	char rest[4096];
	int again;

	(void)state;
	fill(SESSIONS);
	say(fd, STR("sessions"));
	shutdown(fd, SHUT_WR);
	say(other, STR("account remove nobody@x.test"));
	shutdown(other, SHUT_WR);
	for (int i = 0; i < 3; i++)
		turn();
	again = dup(listener);
	control_free(&house.control);
	assert_null(house.control);
	while (desk_waiting(house.writer))
		uv_run(&house.loop, UV_RUN_ONCE);
	uv_run(&house.loop, UV_RUN_NOWAIT);
	while (recv(other, rest, sizeof rest, 0) > 0)
		continue;
	close(fd);
	close(other);
	listener = again;
	house.control = control_new(&house, dup(listener), &why);
	assert_non_null(house.control);
}

/* --- the house ------------------------------------------------------------------------------- */

static void listen_here(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	snprintf(at.sun_path, sizeof at.sun_path, "%s", try_path("control.sock"));
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 64) != 0 ||
		chmod(at.sun_path, 0666) != 0 || chmod(try_folder, 0755) != 0)
		abort();
}

static void start(struct conf **conf)
{
	struct buf why = {0}, text = {0};

	buf_printf(&text,
		"state-directory = \"%s\"\nrun-directory = \"%s\"\nadmin-group = daemon\nadmin-group-read = games\n"
		"domain x.test {\n}\ndomain y.test {\n}\n",
		try_folder, try_folder);
	try_write("gatehouse.conf", buf_cstr(&text));
	buf_free(&text);
	*conf = conf_load(try_path("gatehouse.conf"), &why);
	house.conf = *conf;
	uv_loop_init(&house.loop);
	house.writer = desk_new(&house.loop, try_path("store.db"), DB_DURABLE, store_migrate, &why);
	house.reader = desk_new(&house.loop, try_path("store.db"), DB_READ, NULL, &why);
	for (uint16_t i = 0; i < COUNT(peers); i++)
		peers[i] = (struct peer){
			.house = &house, .slot = i, .incarnation = i + 7u, .pid = i + 70u, .joined = true};
	peers[0].counters[EVENT_login] = 3;
	peers[1].counters[EVENT_login] = 4;
	listen_here();
	house.control = control_new(&house, dup(listener), &why);
	if (!house.conf || !house.writer || !house.reader || !house.control) {
		fprintf(stderr, "%s\n", buf_cstr(&why));
		abort();
	}
	buf_free(&why);
}

static void end(struct conf **conf)
{
	control_free(&house.control);
	desk_free(&house.reader);
	desk_free(&house.writer);
	uv_run(&house.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&house.loop) != 0)
		abort();
	close(listener);
	conf_free(conf);
	buf_free(&kicked);
	unlink(try_path("control.sock"));
	try_remove("gatehouse.conf");
	try_remove("store.db");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TITLED("control: status, session and stats answer at once", what_only_looks),
		TITLED("control: ten thousand sessions come in pieces, or those that were asked for",
			ten_thousand_sessions_come_in_pieces),
		TITLED("control: sessions that end while they are listed are left out",
			sessions_that_end_meanwhile_are_left_out),
		TITLED("control: an answer leaves only when its turn is recorded",
			answers_wait_for_the_end_of_the_turn),
		TITLED("control: kick takes a sid, a full JID or an account, and a reason of one line",
			sessions_are_ended_by_every_name),
		TITLED("control: accounts are added, changed, listed and removed with their sessions",
			accounts_are_kept),
		TITLED("control: a long list of accounts is whole, and a broken store is said",
			many_accounts_come_in_pages),
		TITLED("control: until the workers are gathered only status is answered",
			only_status_is_answered_while_gathering),
		TITLED("control: what is no request is refused in one line", what_is_no_request_is_refused),
		TITLED("control: bytes one by one, too many clients, clients that leave", clients_may_come_in_any_way),
		TITLED("control: strangers may nothing, one group may look, the other may everything",
			rights_are_those_of_the_peer),
		TITLED("control: it can end while clients wait", it_can_end_with_clients_there),
	};
	struct conf *conf;
	int failed;

	signal(SIGPIPE, SIG_IGN); /* as serve.c does */
	try_start();
	start(&conf);
	failed = cmocka_run_group_tests_name("control", tests, NULL, NULL);
	end(&conf);
	try_end();
	return failed;
}

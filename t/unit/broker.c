/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The broker against an sm of our own: who is introduced, when it is tried again, what the parent's
 * link says. Time is an argument, so nothing waits for it. */
#include "c2s/broker.h"
#include "c2s/parent.h"
#include "common/buf.h"
#include "proto/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOTS 3

struct scene {
	char folder[64], path[80];
	int listener; /* sm's; -1: sm is away */
	struct broker *broker;
	int pair[SLOTS][2];
	uint32_t expelled;
	char banned[80];
	int own;                /* sm's end of the parent's link */
	struct channel channel; /* over it */
	struct buf said;        /* one line a message that came over a link */
};

static void expel(void *ctx, uint32_t incarnation)
{
	((struct scene *)ctx)->expelled = incarnation;
}

static void open_sm(struct scene *s)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof a.sun_path, "%s", s->path);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(s->listener, 8), 0);
}

static void close_sm(struct scene *s)
{
	if (s->listener >= 0)
		close(s->listener);
	if (s->own >= 0)
		close(s->own);
	s->own = s->listener = -1;
	unlink(s->path);
	channel_end(&s->channel);
	channel_start(&s->channel, ROLE_SM, ROLE_PARENT, FRAME_MAX);
}

static void start(struct scene *s)
{
	*s = (struct scene){.folder = "/tmp/gatehouse-broker-XXXXXX", .listener = -1, .own = -1};
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->path, sizeof s->path, "%s/c2s.sock", s->folder);
	s->broker = broker_new(s->folder, SLOTS, expel, s);
	assert_non_null(s->broker);
	channel_start(&s->channel, ROLE_SM, ROLE_PARENT, FRAME_MAX);
	for (int i = 0; i < SLOTS; i++)
		assert_true(parent_pair(s->pair[i]));
}

static void end(struct scene *s)
{
	close_sm(s);
	channel_end(&s->channel);
	broker_free(&s->broker);
	for (int i = 0; i < SLOTS; i++) {
		close(s->pair[i][0]);
		close(s->pair[i][1]);
	}
	buf_free(&s->said);
	assert_int_equal(rmdir(s->folder), 0);
}

static bool note(void *ctx, const struct message *m)
{
	struct scene *s = ctx;

	buf_puts(&s->said, msg_name(m->code));
	if (m->code == MSG_introduce)
		buf_printf(&s->said, " %u-%u slot=%u %u pid=%u", m->as.introduce.low,
			m->as.introduce.high, m->as.introduce.slot, m->as.introduce.incarnation,
			m->as.introduce.pid);
	if (m->code == MSG_worker_died)
		buf_printf(&s->said, " %u", m->as.worker_died.incarnation);
	for (size_t i = 0; m->code == MSG_roll_call && i < m->as.roll_call.incarnations.n; i++)
		buf_printf(&s->said, " %u", (unsigned)list_at(m->as.roll_call.incarnations, i));
	buf_putc(&s->said, '\n');
	return true;
}

/* What has come over the descriptor, as lines. */
static const char *hear(struct scene *s, int fd, struct channel *c)
{
	char bytes[4096];
	ssize_t n;

	buf_clear(&s->said);
	while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		assert_true(channel_feed(c, str_at(bytes, (size_t)n), note, s));
	return buf_cstr(&s->said);
}

static const char *expected_parent(const char *roll)
{
	static char line[200];

	snprintf(line, sizeof line, "introduce %d-%d slot=65535 0 pid=%d\nroll_call%s\n",
		PROTO_VERSION_LOW, PROTO_VERSION_HIGH, (int)getpid(), roll);
	return line;
}

/* The parent's link is the next that is accepted. */
static void take_own(struct scene *s)
{
	s->own = accept(s->listener, NULL, NULL);
	assert_true(s->own >= 0);
}

static void say(struct scene *s, const struct message *m)
{
	channel_send(&s->channel, m);
	assert_int_equal(write(s->own, s->channel.out.p, s->channel.out.n),
		(ssize_t)s->channel.out.n);
	buf_clear(&s->channel.out);
}

static void welcome(struct scene *s, unsigned version)
{
	struct message m = {.code = MSG_welcome};

	m.as.welcome.version = (uint16_t)version;
	say(s, &m);
}

/* The worker in `slot` was given a link: what sm hears first on it. "" when there is none. */
static const char *heard_of_worker(struct scene *s, unsigned slot)
{
	enum parent_word word;
	struct channel c;
	int passed, fd;

	if (parent_hear(s->pair[slot][1], &word, &passed) != PARENT_WORD)
		return "";
	assert_int_equal(word, PARENT_LINK);
	fd = accept(s->listener, NULL, NULL);
	assert_true(passed >= 0 && fd >= 0);
	channel_start(&c, ROLE_SM, ROLE_PARENT, FRAME_MAX);
	hear(s, fd, &c);
	channel_end(&c);
	assert_int_equal(write(passed, "x", 1), 1); /* it is the very socket */
	assert_int_equal(recv(fd, (char[2]){0}, 2, MSG_DONTWAIT), 1);
	close(passed);
	close(fd);
	return buf_cstr(&s->said);
}

static void introductions(void **state)
{
	struct scene s;
	char line[100];

	(void)state;
	start(&s);
	open_sm(&s);
	broker_worker_started(s.broker, 0, 100, 4711, s.pair[0][0]);
	broker_worker_started(s.broker, 2, 101, 4712, s.pair[2][0]);
	assert_int_equal(broker_wait(s.broker, 1000), 0);
	broker_turn(s.broker, 0, 1000);
	take_own(&s);
	assert_string_equal(hear(&s, s.own, &s.channel), expected_parent(" 100 101"));
	assert_string_equal(heard_of_worker(&s, 0), "");
	assert_int_equal(broker_wait(s.broker, 1000), -1);

	broker_worker_wants_link(s.broker, 2);
	assert_int_equal(broker_wait(s.broker, 1000), 0);
	broker_turn(s.broker, 0, 1000);
	snprintf(line, sizeof line, "introduce %d-%d slot=2 101 pid=4712\n", PROTO_VERSION_LOW,
		PROTO_VERSION_HIGH);
	assert_string_equal(heard_of_worker(&s, 2), line);
	assert_string_equal(heard_of_worker(&s, 0), "");
	assert_int_equal(broker_wait(s.broker, 1000), -1);
	end(&s);
}

static void roll_calls(void **state)
{
	struct scene s;

	(void)state;
	start(&s);
	open_sm(&s);
	broker_turn(s.broker, 0, 1000);
	take_own(&s);
	assert_string_equal(hear(&s, s.own, &s.channel), expected_parent(""));
	broker_worker_started(s.broker, 0, 100, 4711, s.pair[0][0]);
	broker_worker_started(s.broker, 1, 101, 4712, s.pair[1][0]);
	assert_string_equal(hear(&s, s.own, &s.channel), "roll_call 100\nroll_call 100 101\n");
	broker_worker_died(s.broker, 0);
	assert_string_equal(hear(&s, s.own, &s.channel), "worker_died 100\nroll_call 101\n");
	broker_worker_wants_link(s.broker, 0); /* its last word, read too late */
	assert_int_equal(broker_wait(s.broker, 1000), -1);
	end(&s);
}

static void sm_is_away(void **state)
{
	static const int waits[] = {100, 200, 400, 800, 1000, 1000};
	struct scene s;
	uint64_t now = 5000;

	(void)state;
	start(&s);
	broker_worker_started(s.broker, 0, 100, 4711, s.pair[0][0]);
	broker_worker_wants_link(s.broker, 0);
	for (size_t i = 0; i < COUNT(waits); i++) {
		broker_turn(s.broker, 0, now);
		assert_int_equal(broker_wait(s.broker, now), waits[i]);
		broker_turn(s.broker, 0, now + 1); /* too early: nothing is tried */
		assert_int_equal(broker_wait(s.broker, now), waits[i]);
		now += (uint64_t)waits[i];
	}
	open_sm(&s);
	broker_turn(s.broker, 0, now);
	take_own(&s);
	assert_string_equal(hear(&s, s.own, &s.channel), expected_parent(" 100"));
	assert_true(strlen(heard_of_worker(&s, 0)) > 0);
	welcome(&s, PROTO_VERSION_HIGH);
	broker_turn(s.broker, POLLIN, now);

	close_sm(&s); /* it dies: the first try is soon again */
	broker_worker_wants_link(s.broker, 0);
	broker_turn(s.broker, POLLIN | POLLHUP, now);
	assert_int_equal(broker_wait(s.broker, now), 100);
	open_sm(&s);
	broker_turn(s.broker, 0, now + 100);
	take_own(&s);
	assert_string_equal(hear(&s, s.own, &s.channel), expected_parent(" 100"));
	assert_true(strlen(heard_of_worker(&s, 0)) > 0);
	end(&s);
}

static void no_hammering(void **state)
{
	struct scene s;

	(void)state;
	start(&s);
	open_sm(&s);
	broker_worker_started(s.broker, 1, 100, 4711, s.pair[1][0]);
	broker_worker_wants_link(s.broker, 1);
	broker_turn(s.broker, 0, 1000);
	take_own(&s);
	assert_true(strlen(heard_of_worker(&s, 1)) > 0);
	broker_worker_wants_link(s.broker, 1);
	broker_turn(s.broker, 0, 1010);
	assert_string_equal(heard_of_worker(&s, 1), "");
	assert_int_equal(broker_wait(s.broker, 1010), 90);
	broker_turn(s.broker, 0, 1100);
	assert_true(strlen(heard_of_worker(&s, 1)) > 0);
	end(&s);
}

static void sm_expels(void **state)
{
	struct message m = {.code = MSG_expel};
	struct scene s;

	(void)state;
	start(&s);
	open_sm(&s);
	broker_turn(s.broker, 0, 1000);
	take_own(&s);
	welcome(&s, PROTO_VERSION_HIGH);
	m.as.expel.incarnation = 77;
	say(&s, &m);
	broker_turn(s.broker, POLLIN, 1000);
	assert_int_equal(s.expelled, 77);
	end(&s);
}

static void ban(void *ctx, struct network prefix, uint64_t seconds)
{
	struct scene *s = ctx;
	char text[NETWORK_TEXT];

	network_write(prefix, text);
	snprintf(s->banned, sizeof s->banned, "%s %u", text, (unsigned)seconds);
}

static void sm_bans(void **state)
{
	static const char *const words[][2] = {{"192.0.2.1", "192.0.2.1 60"},
		{"2001:db8::/64", "2001:db8::/64 60"}, {"", " 60"}, {"nonsense", "untouched"}};
	struct message m = {.code = MSG_ban};
	struct scene s;

	(void)state;
	start(&s);
	broker_on_ban(s.broker, ban);
	open_sm(&s);
	broker_turn(s.broker, 0, 1000);
	take_own(&s);
	welcome(&s, PROTO_VERSION_HIGH);
	for (size_t i = 0; i < COUNT(words); i++) {
		snprintf(s.banned, sizeof s.banned, "untouched");
		m.as.ban = (struct msg_ban){str_of(words[i][0]), 60};
		say(&s, &m);
		broker_turn(s.broker, POLLIN, 1000);
		assert_string_equal(s.banned, words[i][1]);
	}
	end(&s);
}

static void expect_cut(struct scene *s)
{
	short events;

	broker_turn(s->broker, POLLIN, 1000);
	assert_int_equal(broker_fd(s->broker, &events), -1);
	assert_true(broker_wait(s->broker, 1000) >= 100);
}

static void sm_breaks_the_protocol(void **state)
{
	struct scene s;

	(void)state;
	start(&s);
	open_sm(&s);
	broker_turn(s.broker, 0, 1000);
	take_own(&s);
	assert_int_equal(write(s.own, "this is not a frame at all", 26), 26);
	expect_cut(&s);
	end(&s);

	start(&s);
	open_sm(&s);
	broker_turn(s.broker, 0, 1000);
	take_own(&s);
	welcome(&s, PROTO_VERSION_HIGH + 1);
	expect_cut(&s);
	end(&s);
}

static void sm_does_not_read(void **state)
{
	struct scene s;
	short events = 0;

	(void)state;
	start(&s);
	open_sm(&s);
	broker_turn(s.broker, 0, 1000);
	take_own(&s);
	for (int i = 0; i < 200000 && broker_fd(s.broker, &events) >= 0; i++)
		broker_worker_started(s.broker, 0, 100, 4711, s.pair[0][0]);
	/* given up; it neither waits nor grows for ever */
	assert_int_equal(broker_fd(s.broker, &events), -1);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"broker: the parent's link comes first, then each worker's, introduced",
			introductions, NULL, NULL, NULL},
		{"broker: sm hears of every start and end", roll_calls, NULL, NULL, NULL},
		{"broker: while sm is away it is tried again, ever more slowly, and wishes are kept",
			sm_is_away, NULL, NULL, NULL},
		{"broker: a worker that is cut off at once gets a new link ten times a second at most",
			no_hammering, NULL, NULL, NULL},
		{"broker: sm says whom to refuse at the door; what is no address is passed over", sm_bans,
			NULL, NULL, NULL},
		{"broker: sm may expel a worker", sm_expels, NULL, NULL, NULL},
		{"broker: an sm that breaks the protocol is cut off, and tried again later",
			sm_breaks_the_protocol, NULL, NULL, NULL},
		{"broker: an sm that does not read is given up", sm_does_not_read, NULL, NULL,
			NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Peers that break the protocol, against the real serving child: each is cut off, a worker is expelled
 * as well, and the house goes on. */
#include "sm/house.h"
#include "t/fault/turn_world.h"

#include "common/condition.h"
#include "common/rand.h"

struct talk {
	int fd;
	struct channel channel;
	uint64_t expelled; /* the incarnation of the last `expel` */
	bool welcome, ended, refused;
};

static struct world world = {.nth = 0};

static struct talk call(enum role us)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct talk t = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};

	snprintf(a.sun_path, sizeof a.sun_path, "%s/c2s.sock", world.folder);
	assert_int_equal(connect(t.fd, (struct sockaddr *)&a, sizeof a), 0);
	channel_start(&t.channel, us, ROLE_SM, CHANNEL_MAX_TO_C2S);
	return t;
}

static void hang_up(struct talk *t)
{
	close(t->fd);
	channel_end(&t->channel);
}

static void put(struct talk *t, struct str bytes)
{
	(void)!send(t->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
}

static void flush(struct talk *t)
{
	put(t, buf_str(&t->channel.out));
	buf_clear(&t->channel.out);
}

static void introduce(struct talk *t, uint16_t slot, uint32_t incarnation)
{
	struct message m = {.code = MSG_introduce};
	struct channel c;

	channel_start(&c, ROLE_PARENT, ROLE_SM, CHANNEL_MAX_TO_C2S);
	m.as.introduce = (struct msg_introduce){PROTO_VERSION_LOW, PROTO_VERSION_HIGH, slot, incarnation, 1};
	channel_send(&c, &m);
	put(t, buf_str(&c.out));
	channel_end(&c);
}

static void join(struct talk *t, uint64_t heard, const uint64_t *conns, size_t n)
{
	struct message m = {.code = MSG_join};

	m.as.join = (struct msg_join){
		.low = PROTO_VERSION_LOW, .high = PROTO_VERSION_HIGH, .heard = heard, .conns = list_of(conns, n)};
	channel_send(&t->channel, &m);
	flush(t);
}

static bool note(void *ctx, const struct message *m)
{
	struct talk *t = ctx;

	if (m->code == MSG_welcome && t->channel.us == ROLE_C2S)
		assert_true(channel_resume(&t->channel, m->as.welcome.heard));
	t->welcome |= m->code == MSG_welcome;
	t->ended |= m->code == MSG_end;
	t->refused |= m->code == MSG_refused && m->as.refused.cond == STANZA_not_authorized;
	assert_int_not_equal(m->code, MSG_opened);
	if (m->code == MSG_expel)
		t->expelled = m->as.expel.incarnation;
	return true;
}

/* Reads on; false: the house hung up. */
static bool hear(struct talk *t)
{
	char bytes[65536];
	ssize_t n = recv(t->fd, bytes, sizeof bytes, 0);

	if (n <= 0)
		return false;
	assert_true(channel_feed(&t->channel, str_at(bytes, (size_t)n), note, t));
	return true;
}

static void hear_the_end(struct talk *t)
{
	while (hear(t))
		;
	hang_up(t);
}

static struct talk parent(void)
{
	struct talk t = call(ROLE_PARENT);

	introduce(&t, PROTO_SLOT_PARENT, 0);
	while (!t.welcome)
		assert_true(hear(&t));
	return t;
}

static struct talk worker(uint32_t incarnation)
{
	struct talk t = call(ROLE_C2S);

	introduce(&t, 0, incarnation);
	join(&t, 0, NULL, 0);
	while (!t.welcome)
		assert_true(hear(&t));
	return t;
}

/* The house lives, and lives since it began. */
static void lives(void)
{
	struct talk p = parent();

	assert_int_equal(waitpid(world.child, NULL, WNOHANG), 0);
	hang_up(&p);
}

static void wait_for_expel(struct talk *p, uint32_t incarnation)
{
	while (p->expelled != incarnation)
		assert_true(hear(p));
	hang_up(p);
}

static void noise(void **state)
{
	char bytes[5000];

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct talk t = i % 2 ? call(ROLE_C2S) : worker(1000 + (uint32_t)i);

		rand_bytes(bytes, sizeof bytes);
		memset(bytes + 1, 0, 3); /* a length that may be */
		put(&t, str_at(bytes, 1 + rand_u64() % (sizeof bytes - 1)));
		shutdown(t.fd, SHUT_WR);
		hear_the_end(&t);
	}
	lives();
}

static void out_of_turn(void **state)
{
	struct talk t;

	(void)state;
	t = call(ROLE_C2S);
	join(&t, 0, NULL, 0); /* nobody introduced it */
	hear_the_end(&t);
	t = call(ROLE_C2S);
	introduce(&t, 0, 1);
	introduce(&t, PROTO_SLOT_PARENT, 0); /* a worker that would be the parent */
	hear_the_end(&t);
	t = worker(2000);
	join(&t, 0, NULL, 0);
	hear_the_end(&t);
	lives();
}

/* One message of a joined worker, after which it must be expelled. */
static void one_fault(uint32_t incarnation, const struct message *m)
{
	struct talk p = parent(), t = worker(incarnation);

	channel_send(&t.channel, m);
	flush(&t);
	hear_the_end(&t);
	wait_for_expel(&p, incarnation);
	t = call(ROLE_C2S); /* and it may not come back */
	introduce(&t, 0, incarnation);
	join(&t, 0, NULL, 0);
	hear_the_end(&t);
	lives();
}

static void of_another(void **state)
{
	const uint64_t conns[] = {UINT64_C(1) << 32};
	struct message m = {.code = MSG_stanza};

	(void)state;
	m.as.stanza = (struct msg_stanza){.conn = conns[0], .xml = STR("<message/>")};
	one_fault(3000, &m);
	m = (struct message){.code = MSG_census, .as.census.conns = list_of(conns, 1)};
	one_fault(3001, &m);
	m = (struct message){.code = MSG_open_session, .as.open_session.conn = conns[0]};
	one_fault(3002, &m);
}

static void not_canonical(void **state)
{
	static const char *const bad[] = {"", "<message>", "<message/><message/>", "<message a='b'/>",
		"<!-- --><message/>", "<message>\x01</message>", "<message xmlns:a=\"b\"/>", "x"};
	struct message m = {.code = MSG_stanza};

	(void)state;
	for (uint32_t i = 0; i < COUNT(bad); i++) {
		m.as.stanza = (struct msg_stanza){.conn = (uint64_t)(4000 + i) << 32 | 1, .xml = str_of(bad[i])};
		one_fault(4000 + i, &m);
	}
}

static void unproven(void **state)
{
	struct talk t = worker(5000);
	struct message m = {.code = MSG_stanza};

	(void)state;
	m.as.stanza = (struct msg_stanza){
		.conn = UINT64_C(5000) << 32 | 1, .xml = STR("<message to=\"u0@localhost\"/>")};
	channel_send(&t.channel, &m);
	m = (struct message){.code = MSG_open_session, .as.open_session.conn = UINT64_C(5000) << 32 | 1};
	channel_send(&t.channel, &m);
	flush(&t);
	while (t.channel.acked < 1 || !t.refused)
		assert_true(hear(&t));
	hang_up(&t);
	lives();
}

static void liar(void **state)
{
	const uint64_t conns[] = {UINT64_C(6001) << 32 | 1};
	struct talk p = parent(), t = call(ROLE_C2S);

	(void)state;
	introduce(&t, 0, 6000);
	join(&t, 7, NULL, 0); /* has heard what nobody said */
	hear_the_end(&t);
	wait_for_expel(&p, 6000);
	t = call(ROLE_C2S);
	introduce(&t, 0, 6001);
	join(&t, 0, conns, 1); /* has a connection that has no session here */
	while (!t.ended)
		assert_true(hear(&t));
	hang_up(&t);
	lives();
}

/* Asks and asks, and reads nothing: what is answered must not pile up here for ever. */
static void never_reads(void **state)
{
	struct talk p = parent(), t = worker(7000);
	struct message m = {.code = MSG_open_session, .as.open_session.conn = UINT64_C(7000) << 32 | 1};
	struct pollfd expelled = {.fd = p.fd, .events = POLLIN};

	(void)state;
	for (int i = 0; i < 500; i++)
		channel_send(&t.channel, &m);
	while (poll(&expelled, 1, 0) == 0)
		put(&t, buf_str(&t.channel.out));
	wait_for_expel(&p, 7000);
	hang_up(&t);
	lives();
}

/* Each would be a walk over all sessions. */
static void counts_and_counts(void **state)
{
	struct talk t = worker(7001);
	struct message m = {.code = MSG_census};
	const struct message last = {.code = MSG_open_session, .as.open_session.conn = UINT64_C(7001) << 32 | 1};
	uint64_t *conns = mem_new(100000 * sizeof *conns);

	(void)state;
	for (size_t i = 0; i < 100000; i++)
		conns[i] = UINT64_C(7001) << 32 | i;
	m.as.census.conns = list_of(conns, 100000);
	for (int i = 0; i < 4; i++) {
		channel_send(&t.channel, &m);
		flush(&t);
	}
	channel_send(&t.channel, &last);
	flush(&t);
	while (!t.refused)
		assert_true(hear(&t));
	hang_up(&t);
	mem_free(conns);
	lives();
}

static int set_up(void **state)
{
	(void)state;
	alarm(HANG_SECONDS);
	world_start(&world);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	world_end(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"links: noise at any moment ends the link alone", noise, NULL, NULL, NULL},
		{"links: what comes out of turn ends the link", out_of_turn, NULL, NULL, NULL},
		{"links: a worker that speaks for another's connection is expelled for good", of_another, NULL, NULL,
			NULL},
		{"links: a worker that sends what no scanner wrote is expelled for good", not_canonical, NULL, NULL,
			NULL},
		{"links: a connection that proved nothing gets no session, and its stanzas go nowhere", unproven, NULL,
			NULL, NULL},
		{"links: a worker that asks for ever and never reads is expelled", never_reads, NULL, NULL, NULL},
		{"links: a census of a hundred thousand connections is taken, again and again", counts_and_counts, NULL,
			NULL, NULL},
		{"links: a join that claims too much is expelled, and unknown connections end", liar, NULL, NULL, NULL},
	};

	log_start("sm", LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("links", tests, set_up, tear_down);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The house killed at every point of its turns. The real serving child runs on real sockets; the two
 * workers and the c2s parent are played here, over proto/. Each worker has one client, and they send
 * each other numbered messages in small bursts, so that there are many turns to die in. Whatever
 * happens, each must get the other's messages once, in order, and both sessions stay. */
#include "sm/house.h"
#include "t/fault/turn_world.h"

/* links */

static int connect_to(const struct world *w)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s/c2s.sock", w->folder);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

/* Never waits: a house that died is started again from here. What it has not taken is lost with the link. */
static void flush(int fd, struct buf *out)
{
	ssize_t n = out->n ? send(fd, out->p, out->n, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (n < 0)
		assert_true(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
	buf_drop(out, n < 0 ? (errno == EAGAIN ? 0 : out->n) : (size_t)n);
}

static void introduce(int fd, uint16_t slot, uint32_t incarnation)
{
	struct message m = {.code = MSG_introduce};
	struct channel c;

	channel_start(&c, ROLE_PARENT, ROLE_SM, CHANNEL_MAX_TO_C2S);
	m.as.introduce = (struct msg_introduce){
		PROTO_VERSION_LOW, PROTO_VERSION_HIGH, slot, incarnation, (uint32_t)getpid()};
	channel_send(&c, &m);
	flush(fd, &c.out);
	channel_end(&c);
}

static void link_parent(struct world *w)
{
	const uint64_t alive[WORKERS] = {100, 101};
	struct message m = {.code = MSG_roll_call};

	w->parent_fd = connect_to(w);
	introduce(w->parent_fd, PROTO_SLOT_PARENT, 0);
	channel_end(&w->parent);
	channel_start(&w->parent, ROLE_PARENT, ROLE_SM, CHANNEL_MAX_TO_C2S);
	m.as.roll_call.incarnations = list_of(alive, WORKERS);
	channel_send(&w->parent, &m);
	flush(w->parent_fd, &w->parent.out);
}

static void link_worker(struct worker *k)
{
	struct message m = {.code = MSG_join};

	k->fd = connect_to(k->world);
	k->welcome = false;
	introduce(k->fd, (uint16_t)(k->incarnation - 100), k->incarnation);
	channel_cut(&k->channel);
	m.as.join = (struct msg_join){.low = PROTO_VERSION_LOW,
		.high = PROTO_VERSION_HIGH,
		.heard = k->channel.heard,
		.conns = list_of(&k->conn, k->step == STEP_TALK)};
	channel_send(&k->channel, &m);
	flush(k->fd, &k->channel.out);
}

/* a worker and its client */

static void ask_open(struct worker *k)
{
	struct message m = {.code = MSG_open_session};

	m.as.open_session = (struct msg_open_session){
		.conn = k->conn, .resource = STR("r"), .address = STR("::1"), .mechanism = STR("PLAIN")};
	channel_send(&k->channel, &m);
}

static void ask_prove(struct worker *k)
{
	struct message m = {.code = MSG_sasl_prove};
	char account[] = "u0@localhost";

	account[1] = (char)('0' + (k->incarnation - 100));
	m.as.sasl_prove = (struct msg_sasl_prove){.conn = k->conn,
		.attempt = 1,
		.hash = HASH_SHA256,
		.form = PROTO_FORM_CLIENT_KEY,
		.proof = str_at(client_key, hash_size(HASH_SHA256)),
		.address = STR("::1")};
	assert_true(jid_split(str_of(account), &m.as.sasl_prove.who));
	channel_send(&k->channel, &m);
}

static void ask(struct worker *k)
{
	if (k->step == STEP_OPEN)
		ask_open(k);
	else
		ask_prove(k);
}

/* Long enough that the log's files change several times. */
static void put_padding(struct buf *xml)
{
	buf_puts(xml, "<x xmlns=\"urn:x\">");
	memset(buf_room(xml, PADDING), 'x', PADDING);
	buf_grew(xml, PADDING);
	buf_puts(xml, "</x></message>");
}

static void say(struct worker *k, unsigned count)
{
	struct message m = {.code = MSG_stanza};
	struct buf xml = {0};

	for (; count && k->told < MESSAGES; count--) {
		buf_clear(&xml);
		buf_printf(&xml, "<message to=\"u%u@localhost/r\"><body>%u</body>", 1 - (k->incarnation - 100),
			k->told++);
		put_padding(&xml);
		m.as.stanza = (struct msg_stanza){.conn = k->conn, .xml = buf_str(&xml)};
		channel_send(&k->channel, &m);
	}
	buf_free(&xml);
}

static void hear(struct worker *k, struct str xml)
{
	struct str head, tail;
	uint64_t number;
	const char *body = memmem(xml.p, xml.n, "<body>", 6);

	assert_non_null(body);
	assert_true(str_cut(str_at(body + 6, (size_t)(xml.p + xml.n - body - 6)), '<', &head, &tail));
	assert_true(str_u64(head, &number));
	assert_int_equal(number, k->got);
	k->got++;
}

static bool on_message(void *ctx, const struct message *m)
{
	struct worker *k = ctx;

	switch (m->code) {
	case MSG_welcome:
		assert_true(channel_resume(&k->channel, m->as.welcome.heard));
		k->welcome = true;
		if (k->step < STEP_TALK)
			ask(k);
		return true;
	case MSG_sasl_verdict:
		assert_int_equal(m->as.sasl_verdict.cond, 0);
		if (k->step == STEP_PROVE) {
			k->step = STEP_OPEN;
			ask(k);
		}
		return true;
	case MSG_opened:
		if (k->step == STEP_OPEN)
			k->step = STEP_TALK;
		return true;
	case MSG_deliver:
		hear(k, m->as.deliver.xml);
		return true;
	case MSG_end:
		k->ended = true;
		return true;
	default:
		return true;
	}
}

/* the play */

static void drop(int *fd)
{
	close(*fd);
	*fd = -1;
}

static void read_worker(struct worker *k)
{
	static char bytes[65536];
	ssize_t n = recv(k->fd, bytes, sizeof bytes, 0);

	if (n <= 0) {
		drop(&k->fd);
		return;
	}
	if (!channel_feed(&k->channel, str_at(bytes, (size_t)n), on_message, k))
		fail_msg("the house broke the protocol: %s", k->channel.fault);
	channel_ack(&k->channel);
}

static void note_deaths(struct world *w)
{
	int status;

	if (waitpid(w->child, &status, WNOHANG) != w->child)
		return;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("the house ended by itself: %d", status);
	w->deaths++;
	start_child(w);
}

static void link_all(struct world *w)
{
	if (w->parent_fd < 0)
		link_parent(w);
	for (unsigned i = 0; i < WORKERS; i++) {
		if (w->worker[i].fd < 0)
			link_worker(&w->worker[i]);
	}
}

static bool is_read(int fd, short events)
{
	return fd >= 0 && (events & (POLLIN | POLLHUP | POLLERR));
}

/* One look at everything: what came is handled, what is to be said is sent. */
static void look(struct world *w)
{
	struct pollfd p[WORKERS + 1] = {{.fd = w->parent_fd, .events = POLLIN}};
	char bytes[4096];

	for (unsigned i = 0; i < WORKERS; i++)
		p[i + 1] = (struct pollfd){.fd = w->worker[i].fd, .events = POLLIN};
	poll(p, WORKERS + 1, 20);
	if (is_read(w->parent_fd, p[0].revents) && recv(w->parent_fd, bytes, sizeof bytes, 0) <= 0)
		drop(&w->parent_fd);
	for (unsigned i = 0; i < WORKERS; i++) {
		if (is_read(w->worker[i].fd, p[i + 1].revents))
			read_worker(&w->worker[i]);
		if (w->worker[i].fd >= 0)
			flush(w->worker[i].fd, &w->worker[i].channel.out);
	}
	note_deaths(w);
	link_all(w);
}

/* Lets both speak by turns, one to three messages at a time, each when all that was said before has
 * arrived. */
static void talk(struct world *w)
{
	unsigned burst = 1;

	while (w->worker[0].got < MESSAGES || w->worker[1].got < MESSAGES) {
		bool quiet = w->worker[0].got == w->worker[1].told && w->worker[1].got == w->worker[0].told;
		bool ready = w->worker[0].step == STEP_TALK && w->worker[1].step == STEP_TALK;

		if (ready && quiet) {
			say(&w->worker[0], burst);
			say(&w->worker[1], burst);
			burst = burst % 3 + 1;
		}
		look(w);
	}
}

static void settle(struct world *w)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		while (!w->worker[i].welcome || w->worker[i].channel.acked != w->worker[i].channel.sent)
			look(w);
	}
}

static unsigned play(const char *point, unsigned nth, bool again)
{
	struct world w = {.point = point, .nth = nth, .again = again};
	unsigned deaths;

	alarm(HANG_SECONDS);
	world_start(&w);
	link_all(&w);
	talk(&w);
	w.point = NULL;
	settle(&w);
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(w.worker[i].got, MESSAGES);
		assert_false(w.worker[i].ended);
	}
	deaths = w.deaths;
	world_end(&w);
	alarm(0);
	return deaths;
}

static void undisturbed(void **state)
{
	(void)state;
	assert_int_equal(play(NULL, 0, false), 0);
}

/* At each passing of the point, until there is none any more. */
static void each_turn(void **state)
{
	unsigned nth = 1;

	while (play(*state, nth, false) > 0)
		nth++;
	assert_true(nth > 1);
}

/* Child after child. From the third turn on each gets something done before it dies. */
static void again_and_again(void **state)
{
	for (unsigned nth = 3; nth < 6; nth++)
		assert_true(play(*state, nth, true) > 1);
}

#define ONCE(point) \
	{ \
		"turn: killed once, at " point ", at each turn: once, in order, nobody ended", each_turn, NULL, NULL, \
			(void *)(uintptr_t)point \
	}
#define OFTEN(point) \
	{ \
		"turn: child after child killed at " point ": once, in order, nobody ended", again_and_again, NULL, \
			NULL, (void *)(uintptr_t)point \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"turn: undisturbed, everything arrives", undisturbed, NULL, NULL, NULL},
		ONCE("turn_before_record"),
		OFTEN("turn_before_record"),
		ONCE("turn_after_record"),
		OFTEN("turn_after_record"),
		ONCE("turn_before_ack"),
		OFTEN("turn_before_ack"),
		ONCE("turn_between_links"),
		OFTEN("turn_between_links"),
		ONCE("turn_before_checksum"),
		OFTEN("turn_before_checksum"),
		ONCE("turn_before_head"),
	};

	log_start("sm", LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}

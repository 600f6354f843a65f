/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Carrying requests and answers between the control socket and the functions that commands.def
 * names. Everything a client may make us hold is bounded: how many there are, how long a request is
 * and takes, how much of an answer waits. */
#include "sm/control.h"

#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "sm/control_work.h"

#define CLIENTS_MOST 32 /* more wait in the listening socket's queue */
#define REQUEST_MS 5000 /* to send the request */
#define ANSWER_MS 30000 /* to take a piece of the answer */
#define REQUEST_MOST (2 * REQUEST_LINE_MOST)
#define GROUPS_MOST 65536

struct control {
	struct house *house;
	uv_pipe_t listener;
	uv_timer_t tick;  /* deadlines, while there are clients */
	uv_timer_t later; /* requests that waited for the gathering */
	unsigned handles; /* ours that are not closed yet */
	struct control_client *clients;
	unsigned count;
	bool held; /* a connection waits to be accepted */
	bool closed;
	int64_t group, group_read; /* -1: none */
};

static void (*const handlers[])(struct control_client *c) = {
#define CMD(words, arguments, options, rights, here, there, help) control_##there,
#include "sm/commands.def"
#undef CMD
};

/* --- who may what ---------------------------------------------------------------------------- */

/* Looked up once: the service of names may be slow. A group that is not there has no members, and
 * is no reason to stay down. */
static int64_t group_id(const char *name)
{
	char room[16384];
	struct group entry, *found = NULL;

	if (!*name)
		return -1;
	if (getgrnam_r(name, &entry, room, sizeof room, &found) == 0 && found)
		return (int64_t)found->gr_gid;
	log_event(config, LOG_TEXT("what", "there is no such group"), LOG_TEXT("group", name));
	return -1;
}

static bool is_in(int64_t group, const struct ucred *peer, const gid_t *groups, size_t n)
{
	bool in = group >= 0 && (int64_t)peer->gid == group;

	for (size_t i = 0; i < n && group >= 0; i++)
		in = in || (int64_t)groups[i] == group;
	return in;
}

static enum rights rights_of(const struct control *c, int fd, const struct ucred *peer)
{
	enum rights rights = RIGHTS_local;
	socklen_t size = GROUPS_MOST * sizeof(gid_t);
	gid_t *groups;

	if (peer->uid == 0 || peer->uid == geteuid())
		return RIGHTS_change;
	if (c->group < 0 && c->group_read < 0)
		return RIGHTS_local;
	groups = mem_try(size);
	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
		size = 0;
	if (is_in(c->group, peer, groups, size / sizeof *groups))
		rights = RIGHTS_change;
	else if (is_in(c->group_read, peer, groups, size / sizeof *groups))
		rights = RIGHTS_read;
	mem_free(groups);
	return rights;
}

/* --- clients --------------------------------------------------------------------------------- */

static void accept_next(struct control *c);
static void on_later(uv_timer_t *later);

static void handle_closed(struct control *c)
{
	if (--c->handles == 0)
		mem_free(c);
}

static void client_free(struct control_client *c)
{
	if (c->more_free)
		c->more_free(c);
	buf_wipe(&c->in);
	buf_free(&c->words);
	buf_free(&c->report);
	buf_free(&c->out);
	buf_free(&c->writing);
	mem_free(c);
}

static void on_client_closed(uv_handle_t *pipe)
{
	struct control_client *client = pipe->data;
	struct control *c = client->control;

	client_free(client);
	handle_closed(c);
}

static void client_leave(struct control_client *client)
{
	struct control *c = client->control;

	if (client->state == CLIENT_LEAVES)
		return;
	client->state = CLIENT_LEAVES;
	if (client->job)
		control_forget_job(client);
	*(client->previous ? &client->previous->next : &c->clients) = client->next;
	if (client->next)
		client->next->previous = client->previous;
	if (--c->count == 0 && !c->closed)
		uv_timer_stop(&c->tick);
	uv_close((uv_handle_t *)&client->pipe, on_client_closed);
	if (c->held && !c->closed)
		accept_next(c);
}

/* Writing is how we hear that one who only listens has gone. */
static void show_life(struct control_client *c)
{
	if (c->out.n == 0)
		buf_puts(&c->out, "#\n");
	house_touch(c->house);
}

static void on_tick(uv_timer_t *tick)
{
	struct control *c = tick->data;
	uint64_t now = uv_now(&c->house->loop);
	struct control_client *next;

	for (struct control_client *client = c->clients; client; client = next) {
		bool waits_for_us = client->state == CLIENT_WAITS ||
			client->state == CLIENT_WORKED_FOR;

		next = client->next;
		if (client->reload && now >= client->patience)
			control_reload_late(client);
		else if (client->state == CLIENT_FOLLOWS && !client->is_writing)
			show_life(client);
		else if (!waits_for_us && now >= client->deadline)
			client_leave(client);
	}
}

void control_each(struct control *c, void (*visit)(struct control_client *client, void *ctx),
	void *ctx)
{
	for (struct control_client *client = c->clients; client; client = client->next)
		visit(client, ctx);
}

/* --- answers --------------------------------------------------------------------------------- */

void control_end(struct control_client *c)
{
	report_end(&c->out);
	c->more = NULL;
}

void control_say(struct control_client *c, int status, const char *words)
{
	report_head(&c->out, status, status ? words : NULL);
	if (!status)
		report_words(&c->out, str_of(words));
	control_end(c);
}

void control_touch(struct control_client *c)
{
	c->deadline = uv_now(&c->house->loop) + ANSWER_MS;
	house_touch(c->house);
}

void control_none(struct control_client *c)
{
	control_say(c, 64, "this command is not for the running sm");
}

static void on_written(uv_write_t *write, int status)
{
	struct control_client *c = write->data;

	c->is_writing = false;
	if (c->state == CLIENT_LEAVES)
		return;
	if (status != 0 || (c->state != CLIENT_FOLLOWS && !c->more && c->out.n == 0))
		client_leave(c);
	else
		control_touch(c);
}

static void write_piece(struct control_client *c)
{
	uv_buf_t piece;

	if (c->out.n == 0 && c->more)
		c->more(c);
	if (c->out.n == 0 && c->more) /* it has looked at much, and found nothing yet */
		house_touch(c->house);
	if (c->out.n == 0 || c->is_writing)
		return;
	buf_take(&c->writing, &c->out);
	piece = uv_buf_init(c->writing.p, (unsigned)c->writing.n);
	c->write.data = c;
	c->is_writing = true;
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &piece, 1, on_written) != 0) {
		c->is_writing = false;
		client_leave(c);
	}
}

void control_flush(struct control *c)
{
	struct control_client *next;
	bool waits = false;

	for (struct control_client *client = c->clients; client; client = next) {
		next = client->next;
		waits = waits || client->state == CLIENT_WAITS;
		if ((client->state == CLIENT_ANSWERED || client->state == CLIENT_FOLLOWS) &&
			!client->is_writing)
			write_piece(client);
	}
	/* They may decide something, and this turn is over. */
	if (waits && !c->house->gathering && !uv_is_active((uv_handle_t *)&c->later))
		uv_timer_start(&c->later, on_later, 0, 0);
}

/* --- requests -------------------------------------------------------------------------------- */

/* `r` is what was asked; NULL: nothing was read. */
static void log_command(enum event event, const struct control_client *c, const struct request *r)
{
	struct buf words = {0};

	if (r)
		request_describe(&words, r);
	log_write(event,
		(const struct log_field[]){LOG_U64("uid", c->uid), LOG_U64("pid", c->pid),
			LOG_STR("words", buf_str(&words)), {0}});
	buf_free(&words);
}

static void serve(struct control_client *c)
{
	c->state = CLIENT_ANSWERED;
	handlers[c->request.command](c);
	control_touch(c);
}

static void serve_or_wait(struct control_client *c)
{
	if (c->house->gathering && handlers[c->request.command] != control_status)
		c->state = CLIENT_WAITS;
	else
		serve(c);
}

static void on_later(uv_timer_t *later)
{
	struct control *c = later->data;
	struct control_client *next;

	for (struct control_client *client = c->clients; client; client = next) {
		next = client->next;
		if (client->state == CLIENT_WAITS)
			serve_or_wait(client);
	}
}

/* The request is whole: two lines at most, of which only the first may ever be logged. */
static void judge(struct control_client *c)
{
	struct buf why = {0};
	struct str line, rest;
	enum rights wanted;

	str_cut(buf_str(&c->in), '\n', &line, &rest);
	str_cut(rest, '\n', &c->secret, &rest);
	c->state = CLIENT_ANSWERED;
	if (line.n > REQUEST_LINE_MOST || !request_parse(&c->request, line, &c->words, &why)) {
		control_say(c, 64, why.n ? buf_cstr(&why) : "the request is too long");
		control_touch(c);
		buf_free(&why);
		return;
	}
	wanted = commands[c->request.command].rights;
	if (wanted > c->rights) {
		log_command(EVENT_command_refused, c, &c->request);
		control_say(c, 77, "not permitted: you may only look");
		control_touch(c);
		return;
	}
	if (wanted == RIGHTS_change)
		log_command(EVENT_command, c, &c->request);
	serve_or_wait(c);
}

static void give_room(uv_handle_t *pipe, size_t suggested, uv_buf_t *out)
{
	struct control_client *c = pipe->data;

	(void)suggested;
	if (c->in.n < REQUEST_MOST && buf_try_room(&c->in, REQUEST_MOST - c->in.n))
		*out = uv_buf_init(c->in.p + c->in.n, (unsigned)(REQUEST_MOST - c->in.n));
	else
		*out = uv_buf_init(NULL, 0); /* comes back as UV_ENOBUFS */
}

static void on_read(uv_stream_t *pipe, ssize_t n, const uv_buf_t *b)
{
	struct control_client *c = pipe->data;

	(void)b;
	if (n > 0)
		buf_grew(&c->in, (size_t)n);
	if (n >= 0)
		return;
	uv_read_stop(pipe);
	if (n == UV_EOF) {
		judge(c);
	} else if (n == UV_ENOBUFS) {
		c->state = CLIENT_ANSWERED;
		control_say(c, 64, "the request is too long");
		control_touch(c);
	} else {
		client_leave(c);
	}
}

/* --- accepting ------------------------------------------------------------------------------- */

/* Whoever may nothing is told so before anything is read, and gone: slots are for those who may. */
static void turn_away(struct control_client *c)
{
	log_command(EVENT_command_refused, c, NULL);
	c->state = CLIENT_ANSWERED;
	control_say(c, 77,
		"not permitted: only root, sm's own user and members of admin-group and admin-group-read may ask");
	control_touch(c);
}

static void client_start(struct control_client *client)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&client->pipe, &fd) != 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
		client_leave(client);
		return;
	}
	client->uid = peer.uid;
	client->pid = (uint32_t)peer.pid;
	client->rights = rights_of(client->control, fd, &peer);
	client->deadline = uv_now(&client->house->loop) + REQUEST_MS;
	if (client->rights == RIGHTS_local)
		turn_away(client);
	else if (uv_read_start((uv_stream_t *)&client->pipe, give_room, on_read) != 0)
		client_leave(client);
}

static void accept_next(struct control *c)
{
	struct control_client *client = mem_new(sizeof *client);

	c->held = false;
	client->house = c->house;
	client->control = c;
	uv_pipe_init(&c->house->loop, &client->pipe, 0);
	client->pipe.data = client;
	c->handles++;
	client->next = c->clients;
	if (client->next)
		client->next->previous = client;
	c->clients = client;
	if (c->count++ == 0)
		uv_timer_start(&c->tick, on_tick, 1000, 1000);
	if (uv_accept((uv_stream_t *)&c->listener, (uv_stream_t *)&client->pipe) != 0)
		client_leave(client);
	else
		client_start(client);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct control *c = listener->data;

	if (status != 0)
		return;
	if (c->count >= CLIENTS_MOST)
		c->held = true; /* libuv asks no more until this one is accepted */
	else
		accept_next(c);
}

/* --- life ------------------------------------------------------------------------------------ */

static void on_own_closed(uv_handle_t *handle)
{
	handle_closed(handle->data);
}

static void start_handles(struct control *c)
{
	uv_loop_t *loop = &c->house->loop;

	uv_pipe_init(loop, &c->listener, 0);
	uv_timer_init(loop, &c->tick);
	uv_timer_init(loop, &c->later);
	c->listener.data = c->tick.data = c->later.data = c;
	c->handles = 3;
}

void control_conf(struct control *c)
{
	c->group = group_id(c->house->conf->admin_group);
	c->group_read = group_id(c->house->conf->admin_group_read);
}

struct control *control_new(struct house *h, int fd, struct buf *why)
{
	struct control *c = mem_new(sizeof *c);
	int failed;

	c->house = h;
	control_conf(c);
	start_handles(c);
	failed = uv_pipe_open(&c->listener, fd);
	if (!failed)
		failed = uv_listen((uv_stream_t *)&c->listener, SOMAXCONN, on_connection);
	if (!failed)
		return c;
	buf_printf(why, "control socket: %s", uv_strerror(failed));
	control_free(&c);
	return NULL;
}

void control_free(struct control **c)
{
	struct control *old = *c;

	if (!old)
		return;
	*c = NULL;
	old->closed = true;
	while (old->clients)
		client_leave(old->clients);
	uv_close((uv_handle_t *)&old->listener, on_own_closed);
	uv_close((uv_handle_t *)&old->tick, on_own_closed);
	uv_close((uv_handle_t *)&old->later, on_own_closed);
}

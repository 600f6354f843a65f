/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The floor's session manager: arrays for tables, five digits for an address; and the frames between it and the
 * workers. */
#include "t/bench/floor.h"

#include "common/crypt.h"
#include "common/rand.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TO_AT 14 /* <message to='u00000 */

struct worker {
	int fd;
	struct buf in, out, before;
	struct buf targets; /* of the fan-out at hand */
	unsigned *numbers;  /* account of each descriptor's connection, plus one */
};

static struct worker *workers;
static struct buf *accounts; /* the connections of each, as u64 */

void floor_frame_put(struct buf *out, enum floor_kind kind, uint64_t conn, struct str rest)
{
	buf_u32(out, (uint32_t)(rest.n + FLOOR_FRAME_HEAD - 4));
	buf_u8(out, (uint8_t)kind);
	buf_u64(out, conn);
	buf_put(out, rest);
}

bool floor_frame_take(struct str *in, struct floor_frame *f)
{
	struct str s = *in, body;
	uint32_t n;
	uint8_t kind;

	if (!str_take_u32(&s, &n) || !str_take_bytes(&s, n, &body) || !str_take_u8(&body, &kind) ||
		!str_take_u64(&body, &f->conn))
		return false;
	f->kind = (enum floor_kind)kind;
	f->rest = body;
	*in = s;
	return true;
}

bool floor_number(struct str s, size_t at, unsigned *number)
{
	unsigned n = 0;

	if (s.n < at + 5)
		return false;
	for (size_t i = 0; i < 5; i++) {
		if (s.p[at + i] < '0' || s.p[at + i] > '9')
			return false;
		n = n * 10 + (unsigned)(s.p[at + i] - '0');
	}
	*number = n;
	return true;
}

static struct worker *worker_of(uint64_t conn)
{
	return &workers[conn >> 56];
}

static unsigned *number_of(uint64_t conn)
{
	return &worker_of(conn)->numbers[conn & 0xffff];
}

/* What RFC 5802 makes the server compute. */
static void prove(struct str message, uint8_t out[20])
{
	uint8_t key[20] = {1}, signature[20];

	hmac_bytes(HASH_SHA1, str_at(key, sizeof key), message, signature);
	hash_bytes(HASH_SHA1, str_at(signature, sizeof signature), key);
	hmac_bytes(HASH_SHA1, str_at(key, sizeof key), message, out);
}

static void forget(uint64_t conn)
{
	unsigned number = *number_of(conn);
	struct buf *list;

	if (!number)
		return;
	list = &accounts[number - 1];
	*number_of(conn) = 0;
	for (size_t i = 0; i < list->n; i += sizeof conn) {
		if (memcmp(list->p + i, &conn, sizeof conn) != 0)
			continue;
		memmove(list->p + i, list->p + list->n - sizeof conn, sizeof conn);
		list->n -= sizeof conn;
		return;
	}
}

/* One frame for each worker: how many, which, what. */
static void deliver(size_t n, unsigned to, struct str before, struct str rest)
{
	struct str list = buf_str(&accounts[to]);
	uint64_t conn;

	while (str_take_u64(&list, &conn))
		buf_u64(&worker_of(conn)->targets, conn);
	for (size_t i = 0; i < n; i++) {
		struct worker *w = &workers[i];

		if (!w->targets.n)
			continue;
		buf_u32(&w->out, (uint32_t)(FLOOR_FRAME_HEAD - 4 + w->targets.n + before.n + rest.n));
		buf_u8(&w->out, FLOOR_DELIVER);
		buf_u64(&w->out, w->targets.n / 8);
		buf_put(&w->out, buf_str(&w->targets));
		buf_put(&w->out, before);
		buf_put(&w->out, rest);
		buf_clear(&w->targets);
	}
}

static void stanza(size_t n, const struct floor_frame *f)
{
	static const struct str element[] = {{"<message", 8}, {"<presence", 9}};
	size_t which = f->rest.p[1] == 'p';
	unsigned from = *number_of(f->conn), to = from - 1;
	struct buf *before = &worker_of(f->conn)->before;

	if (!from || (!which && !floor_number(f->rest, TO_AT, &to)) || to >= FLOOR_NUMBERS)
		return;
	buf_clear(before);
	buf_put(before, element[which]);
	buf_put(before, STR(" from='u00000@localhost/bench0'")); /* whose digits nobody reads */
	deliver(n, to, buf_str(before), str_skip(f->rest, element[which].n));
}

static void answer(size_t n, const struct floor_frame *f)
{
	struct buf *out = &worker_of(f->conn)->out;
	uint8_t bytes[64] = {0};
	unsigned number;

	switch (f->kind) {
	case FLOOR_SALT:
		rand_bytes(bytes, 18);
		floor_frame_put(out, FLOOR_SALTED, f->conn, str_at(bytes, 44));
		break;
	case FLOOR_PROVE:
		prove(f->rest, bytes);
		floor_frame_put(out, FLOOR_PROVEN, f->conn, str_at(bytes, 44));
		break;
	case FLOOR_OPEN:
		if (!floor_number(f->rest, 0, &number))
			break;
		*number_of(f->conn) = number + 1;
		buf_u64(&accounts[number], f->conn);
		floor_frame_put(out, FLOOR_OPENED, f->conn, str_at(bytes, 40));
		break;
	case FLOOR_STANZA:
		stanza(n, f);
		break;
	case FLOOR_CLOSED:
		forget(f->conn);
		break;
	default:
		break;
	}
}

static bool hear(size_t n, struct worker *w)
{
	ssize_t got = read(w->fd, buf_room(&w->in, FLOOR_LINK), FLOOR_LINK);
	struct floor_frame f;
	struct str in;

	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	buf_grew(&w->in, (size_t)got);
	in = buf_str(&w->in);
	while (floor_frame_take(&in, &f))
		answer(n, &f);
	if (in.n)
		buf_drop(&w->in, w->in.n - in.n);
	else
		buf_clear(&w->in);
	return true;
}

static void flush(struct worker *w)
{
	size_t done = 0;

	while (done < w->out.n) {
		ssize_t n = write(w->fd, w->out.p + done, w->out.n - done);

		if (n < 0)
			return;
		done += (size_t)n;
	}
	buf_clear(&w->out);
}

void floor_house(const int *fds, size_t n)
{
	struct epoll_event events[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	size_t living = n;

	workers = mem_new(n * sizeof *workers);
	accounts = mem_new(FLOOR_NUMBERS * sizeof *accounts);
	for (size_t i = 0; i < n; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = &workers[i]};

		workers[i].fd = fds[i];
		workers[i].numbers = mem_new(65536 * sizeof(unsigned));
		CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &e) == 0);
	}
	while (living) {
		int ready = epoll_wait(epoll, events, COUNT(events), -1);

		for (int i = 0; i < ready; i++) {
			struct worker *w = events[i].data.ptr;

			if (!hear(n, w) && living--)
				(void)epoll_ctl(epoll, EPOLL_CTL_DEL, w->fd, NULL);
		}
		for (size_t i = 0; i < n; i++)
			flush(&workers[i]);
	}
}

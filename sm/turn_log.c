/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Order of stores is all that matters here: a process that dies leaves the stores that it made, in
 * the order in which it made them. So every checksum is stored behind what it covers, and never
 * while it could still be true of something else. */
#include "sm/turn_log.h"

#include "common/rand.h"
#include "common/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "ghturn2\n"
#define MAGIC_1 "ghturn1\n" /* of an sm before this one, which may have to be taken over */
#define HEAD_COVERED 32     /* bytes of the head under its checksum, which follows them */

struct turn_file {
	int fd;
	char *map;
	size_t size;
};

struct turn_log {
	struct turn_file file[2];
	unsigned current;
	bool begun; /* the current file has a snapshot of ours */
	struct turn_log_place place;
	size_t bytes; /* what each file is to have */
};

static uint64_t load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* Everything stored before is there before `v` is. */
static void store_last(char *p, uint64_t v)
{
	atomic_thread_fence(memory_order_release);
	__atomic_store_n((uint64_t *)(void *)p, v, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_seq_cst);
}

static uint64_t checksum(const struct turn_log_place *place, struct str bytes)
{
	return place->is_old ? siphash_24(place->key, bytes) : siphash(place->key, bytes);
}

/* reading */

bool turn_log_head(struct str file, struct turn_log_place *place)
{
	if (file.n < TURN_LOG_HEAD)
		return false;
	place->is_old = memcmp(file.p, MAGIC_1, 8) == 0;
	if (!place->is_old && memcmp(file.p, MAGIC, 8) != 0)
		return false;
	place->generation = load(file.p + 8);
	memcpy(place->key, file.p + 16, sizeof place->key);
	place->at = TURN_LOG_HEAD;
	place->turn = 0;
	return load(file.p + HEAD_COVERED) == checksum(place, str_head(file, HEAD_COVERED));
}

static size_t record_bytes(size_t payload)
{
	return (TURN_LOG_RECORD + payload + 7) / 8 * 8;
}

bool turn_log_next(struct str file, struct turn_log_place *place, struct str *payload)
{
	struct str rest = str_skip(file, place->at);
	uint32_t n;
	uint64_t turn;

	if (rest.n < TURN_LOG_RECORD)
		return false;
	memcpy(&n, rest.p + 8, sizeof n);
	turn = load(rest.p + 16);
	if (n > rest.n - TURN_LOG_RECORD || (place->turn && turn != place->turn + 1))
		return false;
	if (load(rest.p) != checksum(place, str_at(rest.p + 8, TURN_LOG_RECORD - 8 + n)))
		return false;
	*payload = str_at(rest.p + TURN_LOG_RECORD, n);
	place->turn = turn;
	place->at += record_bytes(n);
	return true;
}

/* the files */

static bool map_file(struct turn_file *f, size_t size)
{
	f->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	if (f->map == MAP_FAILED) {
		f->map = NULL;
		f->size = 0;
		return false;
	}
	f->size = size;
	return true;
}

/* Gives the file its size, with real blocks behind it: a full disk must show here, not as a SIGBUS
 * at a store. It shows as false: then the file stays mapped as it was, if it was. */
static bool size_file(struct turn_file *f, size_t size)
{
	if (f->map && f->size == size)
		return true;
	errno = posix_fallocate(f->fd, 0, (off_t)size);
	if (errno != 0)
		return false;
	if (f->map)
		munmap(f->map, f->size);
	f->map = NULL;
	f->size = 0;
	return ftruncate(f->fd, (off_t)size) == 0 && map_file(f, size);
}

static bool open_file(struct turn_file *f, const char *directory, const char *name)
{
	struct buf path = {0};
	struct stat st;

	buf_printf(&path, "%s/%s", directory, name);
	f->fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	buf_free(&path);
	if (f->fd < 0 || fstat(f->fd, &st) != 0)
		return false;
	if (st.st_size < TURN_LOG_HEAD)
		return true;
	/* An old file of another size is read as it is. Holes in it become blocks, or it cannot be
	 * trusted to be mapped. */
	errno = posix_fallocate(f->fd, 0, st.st_size);
	return errno == 0 && map_file(f, (size_t)st.st_size);
}

static struct str file_bytes(const struct turn_file *f)
{
	return str_at(f->map, f->size);
}

/* A file counts when its snapshot is whole. */
static bool file_is_good(const struct turn_file *f, struct turn_log_place *place)
{
	struct turn_log_place probe;
	struct str snapshot;

	if (!f->map || !turn_log_head(file_bytes(f), place))
		return false;
	probe = *place;
	return turn_log_next(file_bytes(f), &probe, &snapshot);
}

static void choose_current(struct turn_log *l)
{
	struct turn_log_place place[2] = {0};
	bool good[2];

	for (unsigned i = 0; i < 2; i++)
		good[i] = file_is_good(&l->file[i], &place[i]);
	l->current = good[1] && (!good[0] || place[1].generation > place[0].generation);
	l->place = place[l->current];
	if (!good[l->current])
		l->place = (struct turn_log_place){0};
}

struct turn_log *turn_log_open(const char *directory, size_t bytes, struct buf *why)
{
	struct turn_log *l = mem_new(sizeof *l);

	l->bytes = bytes / 8 * 8;
	l->file[0].fd = l->file[1].fd = -1;
	if (!open_file(&l->file[0], directory, "turn.a") ||
		!open_file(&l->file[1], directory, "turn.b")) {
		buf_printf(why, "the turn log in %s cannot be opened: %s", directory,
			strerror(errno));
		turn_log_close(&l);
		return NULL;
	}
	choose_current(l);
	/* The other one is void. It is needed at once, so what it lacks is better said now. */
	if (!size_file(&l->file[!l->current], l->bytes)) {
		buf_printf(why, "the turn log in %s cannot have its %zu bytes: %s", directory,
			l->bytes, strerror(errno));
		turn_log_close(&l);
	}
	return l;
}

void turn_log_close(struct turn_log **l)
{
	if (!*l)
		return;
	for (unsigned i = 0; i < 2; i++) {
		if ((*l)->file[i].map)
			munmap((*l)->file[i].map, (*l)->file[i].size);
		if ((*l)->file[i].fd >= 0)
			close((*l)->file[i].fd);
	}
	mem_free(*l);
	*l = NULL;
}

void turn_log_each(const struct turn_log *l,
	bool (*record)(void *ctx, uint64_t turn, struct str payload), void *ctx)
{
	struct str file = file_bytes(&l->file[l->current]);
	struct turn_log_place place;
	struct str payload;

	if (!l->place.generation || !turn_log_head(file, &place))
		return;
	while (turn_log_next(file, &place, &payload)) {
		if (!record(ctx, place.turn, payload))
			return;
	}
}

/* writing */

static bool put_record(struct turn_file *f, struct turn_log_place *place, uint64_t turn,
	struct str payload)
{
	size_t need = record_bytes(payload.n);
	char *p = f->map + place->at;
	uint32_t n = (uint32_t)payload.n;

	if (payload.n > UINT32_MAX / 2 || need > f->size - place->at)
		return false;
	if (payload.n)
		memcpy(p + TURN_LOG_RECORD, payload.p, payload.n);
	memcpy(p + 8, &n, sizeof n);
	memset(p + 12, 0, 4);
	memcpy(p + 16, &turn, sizeof turn);
	fault_point("turn_before_checksum");
	store_last(p, checksum(place, str_at(p + 8, TURN_LOG_RECORD - 8 + payload.n)));
	place->turn = turn;
	place->at += need;
	return true;
}

static void put_head(struct turn_file *f, const struct turn_log_place *place)
{
	memcpy(f->map, MAGIC, 8);
	memcpy(f->map + 8, &place->generation, 8);
	memcpy(f->map + 16, place->key, sizeof place->key);
	store_last(f->map + HEAD_COVERED, checksum(place, str_at(f->map, HEAD_COVERED)));
}

bool turn_log_begin(struct turn_log *l, uint64_t turn, struct str snapshot)
{
	struct turn_file *f = &l->file[!l->current];
	struct turn_log_place place = {.generation = l->place.generation + 1, .at = TURN_LOG_HEAD};

	if (!size_file(f, l->bytes) && !f->map)
		return false;
	if (record_bytes(snapshot.n) > f->size - TURN_LOG_HEAD)
		return false;
	rand_bytes(place.key, sizeof place.key);
	store_last(f->map, 0); /* no magic: what this file said before is void */
	if (!put_record(f, &place, turn, snapshot))
		return false;
	fault_point("turn_before_head");
	put_head(f, &place);
	l->current = !l->current;
	l->place = place;
	l->begun = true;
	return true;
}

bool turn_log_append(struct turn_log *l, uint64_t turn, struct str payload)
{
	return l->begun && put_record(&l->file[l->current], &l->place, turn, payload);
}

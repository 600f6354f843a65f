/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a disk has when the power fails: of each sector that was written and not synced, what was there before is kept,
 * and is put back, or not. */
#include "t/fault/disk.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define BUCKETS 1024

struct sector {
	struct sector *next;
	int64_t number;
	bool stale; /* its sync has failed */
	unsigned char before[SECTOR];
};

struct disk_image {
	struct disk_image *next;
	int64_t size; /* as synced */
	struct sector *sectors[BUCKETS];
	char path[];
};

static struct disk_image *images; /* of this process */

static void *room(size_t n)
{
	void *p = calloc(1, n);

	if (!p)
		abort();
	return p;
}

static int64_t size_of(sqlite3_file *real)
{
	sqlite3_int64 n = 0;

	return real->pMethods->xFileSize(real, &n) == SQLITE_OK ? n : 0;
}

/* Frees those of one bucket that need no keeping. */
static void sweep(struct sector **at, bool stale_too)
{
	while (*at) {
		struct sector *s = *at;

		if (s->stale && !stale_too) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		free(s);
	}
}

static void forget(struct disk_image *i)
{
	for (unsigned b = 0; b < BUCKETS; b++)
		sweep(&i->sectors[b], true);
	i->size = 0;
}

/* After a fork: what the other one left is there. */
static void forget_others(void)
{
	static pid_t of;

	if (of != getpid()) {
		while (images) {
			struct disk_image *i = images;

			images = i->next;
			forget(i);
			free(i);
		}
	}
	of = getpid();
}

struct disk_image *disk_image_of(const char *path, sqlite3_file *real)
{
	struct disk_image *i;

	forget_others();
	i = images;
	while (i && strcmp(i->path, path) != 0)
		i = i->next;
	if (i)
		return i;
	i = room(sizeof *i + strlen(path) + 1);
	memcpy(i->path, path, strlen(path));
	i->size = size_of(real);
	i->next = images;
	images = i;
	return i;
}

static struct sector *find(struct disk_image *i, int64_t number)
{
	struct sector *s = i->sectors[number % BUCKETS];

	while (s && s->number != number)
		s = s->next;
	return s;
}

static struct sector *add(struct disk_image *i, int64_t number)
{
	struct sector *s = room(sizeof *s);

	s->number = number;
	s->next = i->sectors[number % BUCKETS];
	i->sectors[number % BUCKETS] = s;
	return s;
}

static void keep(struct disk_image *i, sqlite3_file *real, int64_t number)
{
	struct sector *s = find(i, number);

	if (s) {
		s->stale = false;
	} else if (number * SECTOR < i->size) {
		s = add(i, number);
		real->pMethods->xRead(real, s->before, SECTOR, number * SECTOR);
	}
}

void disk_image_write(struct disk_image *i, sqlite3_file *real, int64_t offset, int64_t n)
{
	for (int64_t number = offset / SECTOR; number * SECTOR < offset + n; number++)
		keep(i, real, number);
}

void disk_image_truncate(struct disk_image *i, sqlite3_file *real, int64_t size)
{
	if (size < i->size)
		disk_image_write(i, real, size, i->size - size);
}

/* The file has its size, but what was to be written is nowhere. */
static void spoil(struct disk_image *i, int64_t size)
{
	for (int64_t number = i->size / SECTOR; number * SECTOR < size; number++) {
		if (!find(i, number))
			add(i, number);
	}
	for (unsigned b = 0; b < BUCKETS; b++) {
		for (struct sector *s = i->sectors[b]; s; s = s->next)
			s->stale = true;
	}
}

void disk_image_synced(struct disk_image *i, sqlite3_file *real, bool failed)
{
	int64_t size = size_of(real);

	if (failed)
		spoil(i, size);
	for (unsigned b = 0; !failed && b < BUCKETS; b++)
		sweep(&i->sectors[b], false);
	i->size = size;
}

void disk_image_forget(const char *path)
{
	for (struct disk_image *i = images; i; i = i->next) {
		if (strcmp(i->path, path) == 0)
			forget(i);
	}
}

/* splitmix64; without a seed everything is lost */
static bool is_lost(uint64_t *seed)
{
	uint64_t z;

	if (*seed == 0)
		return true;
	z = *seed += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) & 1;
}

static void put(int fd, int64_t number, const unsigned char *bytes)
{
	if (pwrite(fd, bytes, SECTOR, number * SECTOR) != SECTOR)
		abort();
}

/* What was written behind the end as it was: each sector is there or is zeros, and so is the end. */
static void lose_behind(int fd, int64_t synced, int64_t size, uint64_t *seed)
{
	static const unsigned char zeros[SECTOR];

	for (int64_t number = (synced + SECTOR - 1) / SECTOR; (number + 1) * SECTOR <= size; number++) {
		if (!is_lost(seed))
			continue;
		put(fd, number, zeros);
		if (is_lost(seed))
			size = number * SECTOR;
	}
	if (ftruncate(fd, is_lost(seed) ? synced : size) != 0)
		abort();
}

static void lose(struct disk_image *i, uint64_t *seed)
{
	int fd = open(i->path, O_RDWR | O_CLOEXEC);
	bool cut_is_lost = is_lost(seed); /* it was made shorter: that came to pass or it did not */
	struct stat now;

	if (fd < 0)
		return;
	if (fstat(fd, &now) != 0)
		abort();
	for (unsigned b = 0; b < BUCKETS; b++) {
		for (struct sector *s = i->sectors[b]; s; s = s->next) {
			if (s->number * SECTOR >= now.st_size ? cut_is_lost : is_lost(seed))
				put(fd, s->number, s->before);
		}
	}
	if (now.st_size > i->size)
		lose_behind(fd, i->size, now.st_size, seed);
	else if (ftruncate(fd, cut_is_lost ? i->size : now.st_size) != 0)
		abort();
	close(fd);
}

void disk_lose(uint64_t seed)
{
	for (struct disk_image *i = images; i; i = i->next)
		lose(i, &seed);
}

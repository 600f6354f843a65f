/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See disk.h: the rules, and the VFS that keeps them. */
#include "t/fault/disk.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define RULES_MOST 8
#define HOLD_LOOK 2000000 /* ns between two looks at whether a hold is over */

enum fault { FULL, ERROR, SHORT, HOLD, DIE, CUT };
enum operation { READ, WRITE, SYNC, SYNCED };

static const char *const faults[] = {"full", "error", "short", "hold", "die", "cut"};
static const char *const operations[] = {"read", "write", "sync", "synced"};

struct rule {
	enum fault fault;
	enum operation operation;
	char file[64];
	uint64_t first, count, seed;
	uint64_t seen;
};

static struct {
	pthread_mutex_t lock;
	struct rule rules[RULES_MOST];
	size_t n;
	uint64_t generation;
	const char *path; /* of the rules; NULL: a test gives them */
	struct stat read; /* that file, when it was read */
	bool on;          /* else nothing is looked at */
	bool failed;      /* a rule was due since they were read */
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- rules ------------------------------------------------------------------------------------------------------ */

static unsigned place(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(word, words[i]) == 0)
			return (unsigned)i;
	}
	fprintf(stderr, "disk: no such word in a rule: %s\n", word);
	abort();
}

static void read_rule(const char *line)
{
	char fault[8], operation[8];
	unsigned long long first, count, seed = 0;
	struct rule *r = &disk.rules[disk.n++];

	*r = (struct rule){0};
	if (disk.n > RULES_MOST ||
		sscanf(line, "%7s %7s %63s %llu %llu %llu", fault, operation, r->file, &first, &count, &seed) < 5) {
		fprintf(stderr, "disk: not a rule: %s\n", line);
		abort();
	}
	r->fault = (enum fault)place(fault, faults, COUNT_OF(faults));
	r->operation = (enum operation)place(operation, operations, COUNT_OF(operations));
	r->first = first;
	r->count = count;
	r->seed = seed;
}

static void read_rules(const char *text)
{
	char line[160];

	disk.n = 0;
	disk.failed = false;
	disk.generation++;
	while (text && *text) {
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof line, "%.*s", (int)n, text);
		if (n)
			read_rule(line);
		text += n + (text[n] == '\n');
	}
}

static void look_at_file(void)
{
	struct stat now = {0};
	char text[1024] = "";
	int fd;

	if (!disk.path ||
		(stat(disk.path, &now) == 0 && now.st_ino == disk.read.st_ino &&
			now.st_mtim.tv_nsec == disk.read.st_mtim.tv_nsec))
		return;
	disk.read = now;
	fd = open(disk.path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t n = read(fd, text, sizeof text - 1);

		text[n > 0 ? n : 0] = '\0';
		close(fd);
	}
	read_rules(text);
}

void disk_rules(const char *text)
{
	pthread_mutex_lock(&disk.lock);
	disk.on = true;
	read_rules(text);
	pthread_mutex_unlock(&disk.lock);
}

bool disk_failed(void)
{
	bool failed;

	pthread_mutex_lock(&disk.lock);
	failed = disk.failed;
	pthread_mutex_unlock(&disk.lock);
	return failed;
}

static const struct rule *match(const char *path, enum operation o)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const struct rule *found = NULL;

	look_at_file();
	for (size_t i = 0; i < disk.n; i++) {
		struct rule *r = &disk.rules[i];

		if (r->operation != o || strncmp(name, r->file, strlen(r->file)) != 0)
			continue;
		r->seen++;
		if (!found && r->seen >= r->first && (r->count == 0 || r->seen < r->first + r->count))
			found = r;
	}
	disk.failed |= found != NULL;
	return found;
}

/* What is to happen to this operation; NULL: nothing. Called and left with the lock. */
static const struct rule *due(const char *path, enum operation o)
{
	const struct timespec while_held = {0, HOLD_LOOK};
	const struct rule *r = match(path, o);

	while (r && r->fault == HOLD) {
		uint64_t generation = disk.generation;

		while (generation == disk.generation) {
			pthread_mutex_unlock(&disk.lock);
			nanosleep(&while_held, NULL);
			pthread_mutex_lock(&disk.lock);
			look_at_file();
		}
		r = match(path, o);
	}
	if (r && r->fault == DIE)
		kill(getpid(), SIGKILL);
	if (r && r->fault == CUT) {
		disk_lose(r->seed);
		kill(0, SIGKILL);
	}
	return r;
}

/* --- files ------------------------------------------------------------------------------------------------------ */

struct file {
	sqlite3_file base;
	const char *path; /* SQLite's, lives as long as the file; NULL: nobody's */
	struct disk_image *image;
	sqlite3_file real; /* and what it needs behind that */
};

static sqlite3_file *real_of(sqlite3_file *f)
{
	return &((struct file *)f)->real;
}

static struct file *watched(sqlite3_file *f)
{
	return disk.on && ((struct file *)f)->path ? (struct file *)f : NULL;
}

static int on_close(sqlite3_file *f)
{
	sqlite3_file *real = real_of(f);

	return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int on_read(sqlite3_file *f, void *to, int n, sqlite3_int64 offset)
{
	struct file *w = watched(f);
	sqlite3_file *real = real_of(f);
	const struct rule *r;

	if (!w)
		return real->pMethods->xRead(real, to, n, offset);
	pthread_mutex_lock(&disk.lock);
	r = due(w->path, READ);
	pthread_mutex_unlock(&disk.lock);
	return r ? SQLITE_IOERR_READ : real->pMethods->xRead(real, to, n, offset);
}

static int write_some(struct file *w, const void *from, int n, sqlite3_int64 offset)
{
	disk_image_write(w->image, &w->real, offset, n);
	return w->real.pMethods->xWrite(&w->real, from, n, offset);
}

static int on_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 offset)
{
	struct file *w = watched(f);
	sqlite3_file *real = real_of(f);
	const struct rule *r;
	int code = SQLITE_FULL;

	if (!w)
		return real->pMethods->xWrite(real, from, n, offset);
	pthread_mutex_lock(&disk.lock);
	r = due(w->path, WRITE);
	if (!r)
		code = write_some(w, from, n, offset);
	else if (r->fault == ERROR)
		code = SQLITE_IOERR_WRITE;
	else if (r->fault == SHORT)
		(void)write_some(w, from, n / 2, offset);
	pthread_mutex_unlock(&disk.lock);
	return code;
}

static int on_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct file *w = watched(f);
	sqlite3_file *real = real_of(f);
	int code = SQLITE_IOERR_TRUNCATE;

	if (!w)
		return real->pMethods->xTruncate(real, size);
	pthread_mutex_lock(&disk.lock);
	if (!due(w->path, WRITE)) {
		disk_image_truncate(w->image, real, size);
		code = real->pMethods->xTruncate(real, size);
	}
	pthread_mutex_unlock(&disk.lock);
	return code;
}

static int on_sync(sqlite3_file *f, int flags)
{
	struct file *w = watched(f);
	sqlite3_file *real = real_of(f);
	int code = SQLITE_IOERR_FSYNC;

	if (!w)
		return real->pMethods->xSync(real, flags);
	pthread_mutex_lock(&disk.lock);
	if (!due(w->path, SYNC)) /* a loss is played: this machine's own power is not meant */
		code = SQLITE_OK;
	disk_image_synced(w->image, real, code != SQLITE_OK);
	if (due(w->path, SYNCED))
		code = SQLITE_IOERR_FSYNC;
	pthread_mutex_unlock(&disk.lock);
	return code;
}

static int on_size(sqlite3_file *f, sqlite3_int64 *n)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), n);
}

static int on_lock(sqlite3_file *f, int how)
{
	return real_of(f)->pMethods->xLock(real_of(f), how);
}

static int on_unlock(sqlite3_file *f, int how)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), how);
}

static int on_check_lock(sqlite3_file *f, int *is)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), is);
}

static int on_control(sqlite3_file *f, int what, void *with)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), what, with);
}

static int on_sector_size(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int on_characteristics(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int on_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **to)
{
	struct file *w = extend ? watched(f) : NULL;
	sqlite3_file *real = real_of(f);
	const struct rule *r = NULL;
	char path[512];

	if (w) {
		snprintf(path, sizeof path, "%s-shm", w->path);
		pthread_mutex_lock(&disk.lock);
		r = due(path, WRITE);
		pthread_mutex_unlock(&disk.lock);
	}
	return r ? SQLITE_IOERR_SHMSIZE : real->pMethods->xShmMap(real, region, size, extend, to);
}

static int on_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
}

static void on_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int on_shm_unmap(sqlite3_file *f, int remove)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

/* Version 2: what would map the database itself is left out, so that all reading and writing comes by. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = on_close,
	.xRead = on_read,
	.xWrite = on_write,
	.xTruncate = on_truncate,
	.xSync = on_sync,
	.xFileSize = on_size,
	.xLock = on_lock,
	.xUnlock = on_unlock,
	.xCheckReservedLock = on_check_lock,
	.xFileControl = on_control,
	.xSectorSize = on_sector_size,
	.xDeviceCharacteristics = on_characteristics,
	.xShmMap = on_shm_map,
	.xShmLock = on_shm_lock,
	.xShmBarrier = on_shm_barrier,
	.xShmUnmap = on_shm_unmap,
};

/* --- the VFS ---------------------------------------------------------------------------------------------------- */

#define KEPT_FILES (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL)

static int on_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *got)
{
	sqlite3_vfs *under = vfs->pAppData;
	struct file *file = (struct file *)f;
	int code;

	*file = (struct file){0};
	code = under->xOpen(under, path, &file->real, flags, got);
	if (file->real.pMethods)
		f->pMethods = &methods;
	if (code == SQLITE_OK && path && (flags & KEPT_FILES) && disk.on) {
		pthread_mutex_lock(&disk.lock);
		file->path = path;
		file->image = disk_image_of(path, &file->real);
		pthread_mutex_unlock(&disk.lock);
	}
	return code;
}

static int on_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	sqlite3_vfs *under = vfs->pAppData;

	pthread_mutex_lock(&disk.lock);
	disk_image_forget(path);
	pthread_mutex_unlock(&disk.lock);
	return under->xDelete(under, path, sync);
}

/* Everything else is the one's beneath; its functions do not look at their first argument. */
__attribute__((constructor)) static void start(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *under = sqlite3_vfs_find(NULL);

	vfs = *under;
	vfs.szOsFile = under->szOsFile + (int)sizeof(struct file);
	vfs.zName = "disk";
	vfs.pNext = NULL;
	vfs.pAppData = under;
	vfs.xOpen = on_open;
	vfs.xDelete = on_delete;
	disk.path = getenv("GATEHOUSE_DISK");
	disk.on = disk.path != NULL;
	sqlite3_vfs_register(&vfs, 1);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Database files: making them, copying them, and putting one in the place of another. */
#include "sm/db_work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_with(struct buf *out, const char *path, const char *suffix)
{
	buf_printf(out, "%s%s", path, suffix);
	buf_cstr(out);
}

size_t db_wal_bytes(const char *path)
{
	struct buf name = {0};
	struct stat s;
	size_t n = 0;

	path_with(&name, path, "-wal");
	if (stat(name.p, &s) == 0)
		n = (size_t)s.st_size;
	buf_free(&name);
	return n;
}

/* SQLite would create files with the mode 0644 less the umask; its WAL and index take over the mode
 * that they find here. */
bool db_file_create(const char *path, struct buf *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);

	if (fd < 0 && errno == EEXIST)
		return true;
	if (fd < 0 || fchmod(fd, 0640) != 0) {
		buf_printf(why, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(fd);
	return true;
}

bool db_file_finish(const char *path, struct buf *why)
{
	static const char *const old[] = {"-wal", "-shm"};
	struct buf next = {0}, name = {0};
	bool done;

	path_with(&next, path, ".next");
	if (access(next.p, F_OK) != 0) {
		buf_free(&next);
		return true;
	}
	for (size_t i = 0; i < COUNT(old); i++) {
		buf_clear(&name);
		path_with(&name, path, old[i]);
		unlink(name.p);
	}
	done = rename(next.p, path) == 0;
	if (!done)
		buf_printf(why, "%s: %s", path, strerror(errno));
	buf_free(&next);
	buf_free(&name);
	return done;
}

static bool copy_into(struct db *d, const char *to)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(d->handle, "VACUUM INTO ?1", -1, &s, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_bind_text(s, 1, to, -1, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	sqlite3_finalize(s);
	return db_note(d, code) == DB_OK;
}

static bool sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	bool done = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return done;
}

static bool sync_folder_of(const char *path)
{
	struct buf folder = {0};
	const char *slash = strrchr(path, '/');
	bool done;

	if (slash)
		buf_add(&folder, path, (size_t)(slash - path) + 1);
	else
		buf_puts(&folder, ".");
	done = sync_path(buf_cstr(&folder), O_RDONLY | O_DIRECTORY);
	buf_free(&folder);
	return done;
}

bool db_copy(struct db *d, const char *to, struct buf *why)
{
	struct buf part = {0};
	bool done = false;

	path_with(&part, to, ".part");
	unlink(part.p);
	if (!db_file_create(part.p, why)) {
		buf_free(&part);
		return false;
	}
	if (!copy_into(d, part.p))
		buf_printf(why, "%s: %s", to, db_why(d));
	else if (!sync_path(part.p, O_RDWR) || rename(part.p, to) != 0 || !sync_folder_of(to))
		buf_printf(why, "%s: %s", to, strerror(errno));
	else
		done = true;
	if (!done)
		unlink(part.p);
	buf_free(&part);
	return done;
}

bool db_remake(struct db *d, struct buf *why)
{
	static const char *const files[] = {"-wal", "-shm", ""};
	struct buf name = {0};

	CHECK(d->mode == DB_VOLATILE);
	db_handle_drop(d);
	for (size_t i = 0; i < COUNT(files); i++) {
		buf_clear(&name);
		path_with(&name, d->path, files[i]);
		unlink(name.p);
	}
	buf_free(&name);
	return db_file_create(d->path, why) && db_handle_open(d, why);
}

bool db_replace(struct db *d, struct buf *why)
{
	struct buf next = {0};
	bool done;

	CHECK(d->mode == DB_VOLATILE);
	path_with(&next, d->path, ".next");
	done = db_copy(d, next.p, why);
	buf_free(&next);
	if (!done)
		return false;
	db_handle_drop(d);
	return db_file_finish(d->path, why) && db_handle_open(d, why);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Directories, the lock, the sockets, the user. The lock is on the open pid file and dies with its
 * holders, so what a killed sm left behind is never mistaken for a living one. */
#include "sm/run_directory.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES \
	40 /* a child that was just killed with its parent may hold the lock for a moment */
#define LOCK_WAIT_NS 50000000
#define NAMES_BYTES 16384

/* the user */

static bool become(const char *user, const struct conf *conf, struct buf *why)
{
	char names[NAMES_BYTES];
	struct passwd entry, *found = NULL;

	if (user[0] == '\0' || geteuid() != 0)
		return true;
	if (getpwnam_r(user, &entry, names, sizeof names, &found) != 0 || !found) {
		buf_printf(why, "there is no user %s", user);
		return false;
	}
	if (chown(conf->run_directory, entry.pw_uid, entry.pw_gid) != 0 ||
		chown(conf->state_directory, entry.pw_uid, entry.pw_gid) != 0 ||
		initgroups(user, entry.pw_gid) != 0 || setgid(entry.pw_gid) != 0 ||
		setuid(entry.pw_uid) != 0) {
		buf_printf(why, "cannot become the user %s: %s", user, strerror(errno));
		return false;
	}
	return true;
}

static bool make_directory(const char *path, mode_t mode, struct buf *why)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return true;
	buf_printf(why, "cannot make the directory %s: %s", path, strerror(errno));
	return false;
}

/* the lock */

static bool lock(int fd)
{
	const struct timespec moment = {0, LOCK_WAIT_NS};

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return false;
		nanosleep(&moment, NULL);
	}
	return false;
}

static bool take_pid_file(struct run_directory *r, struct buf *why)
{
	struct buf path = {0};
	char text[24];
	int n;

	buf_printf(&path, "%s/sm.pid", r->path);
	r->pid_fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (r->pid_fd < 0)
		buf_printf(why, "cannot open %s: %s", buf_cstr(&path), strerror(errno));
	else if (!lock(r->pid_fd))
		buf_printf(why, "another sm is running: %s is locked", buf_cstr(&path));
	buf_free(&path);
	if (why->n)
		return false;
	n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	if (ftruncate(r->pid_fd, 0) != 0 || pwrite(r->pid_fd, text, (size_t)n, 0) != n)
		buf_printf(why, "cannot write the pid file: %s", strerror(errno));
	return why->n == 0;
}

/* the sockets */

static bool give_to_group(const char *path, const char *group)
{
	char names[NAMES_BYTES];
	struct group entry, *found = NULL;

	return getgrnam_r(group, &entry, names, sizeof names, &found) == 0 && found &&
		chown(path, (uid_t)-1, entry.gr_gid) == 0;
}

/* The mode keeps out whom nobody named; who may do what is judged by the credentials of each peer.
 * A file has one group only, so with two the mode lets everybody knock. */
static mode_t control_mode(const struct conf *conf, const char *path)
{
	const char *some = conf->admin_group, *read = conf->admin_group_read;

	if (some[0] == '\0' && read[0] == '\0')
		return 0600;
	if (some[0] && read[0] && strcmp(some, read) != 0)
		return 0666;
	return give_to_group(path, some[0] ? some : read) ? 0660 : 0666;
}

void run_directory_admit(const struct conf *conf)
{
	struct buf path = {0};

	buf_printf(&path, "%s/control.sock", conf->run_directory);
	if (chmod(buf_cstr(&path), control_mode(conf, buf_cstr(&path))) != 0)
		log_event(internal, LOG_TEXT("what", "control.sock keeps its mode"),
			LOG_TEXT("why", strerror(errno)));
	buf_free(&path);
}

/* The lock is ours, so a socket of that name belongs to nobody. */
static int listen_on(const char *directory, const char *name, const struct conf *groups,
	struct buf *why)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", directory, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (n < 0 || (size_t)n >= sizeof a.sun_path) {
		buf_printf(why, "the path of %s/%s is too long for a socket", directory, name);
	} else if (fd < 0 || (unlink(a.sun_path) != 0 && errno != ENOENT) ||
		bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
		chmod(a.sun_path, groups ? control_mode(groups, a.sun_path) : 0600) != 0 ||
		listen(fd, 128) != 0) {
		buf_printf(why, "cannot listen on %s: %s", a.sun_path, strerror(errno));
	}
	if (why->n && fd >= 0)
		close(fd);
	return why->n ? -1 : fd;
}

static void remove_named(const char *directory, const char *name)
{
	struct buf path = {0};

	buf_printf(&path, "%s/%s", directory, name);
	(void)!unlink(buf_cstr(&path));
	buf_free(&path);
}

static bool open_all(struct run_directory *r, const struct conf *conf, struct buf *why)
{
	mode_t before;

	if (!make_directory(conf->run_directory, 0755, why) ||
		!make_directory(conf->state_directory, 0750, why) ||
		!become(conf->user, conf, why) || !take_pid_file(r, why))
		return false;
	before = umask(0177); /* until chmod nobody else may connect */
	r->c2s_fd = listen_on(r->path, "c2s.sock", NULL, why);
	if (!why->n)
		r->control_fd = listen_on(r->path, "control.sock", conf, why);
	umask(before);
	return why->n == 0;
}

bool run_directory_open(struct run_directory *r, const struct conf *conf, struct buf *why)
{
	*r = (struct run_directory){
		.pid_fd = -1, .c2s_fd = -1, .control_fd = -1, .path = conf->run_directory};
	if (open_all(r, conf, why))
		return true;
	if (r->pid_fd >= 0)
		close(r->pid_fd);
	if (r->c2s_fd >= 0)
		close(r->c2s_fd);
	return false;
}

void run_directory_close(struct run_directory *r)
{
	remove_named(r->path, "c2s.sock");
	remove_named(r->path, "control.sock");
	remove_named(r->path, "sm.pid");
	close(r->c2s_fd);
	close(r->control_fd);
	close(r->pid_fd); /* and with it the lock */
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The few things that the c2s parent does once with the machine around it. */
#include "c2s/service.h"
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_NAME "c2s.lock"

unsigned service_cores(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;

	if (n < 1)
		return 1;
	return n < SERVICE_WORKERS_MOST ? (unsigned)n : SERVICE_WORKERS_MOST;
}

void service_raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	if (files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &files) != 0)
			getrlimit(RLIMIT_NOFILE, &files);
	}
	log_event(limits, LOG_U64("descriptors", files.rlim_cur));
}

/* The user that we shall be; NULL: stay who we are. *wrong: there is no such user. */
static const struct passwd *user_to_be(const struct conf *conf, bool *wrong)
{
	const struct passwd *user = NULL;

	*wrong = false;
	if (!*conf->user || geteuid() != 0)
		return NULL;
	user = getpwnam(conf->user);
	*wrong = user == NULL;
	return user;
}

static bool no_user(const struct conf *conf, struct buf *why)
{
	buf_printf(why, "%s:%d: user: there is no user \"%s\"", conf->path, conf->line.user,
		conf->user);
	return false;
}

static bool make_run_directory(const struct conf *conf, struct buf *why)
{
	bool wrong;
	const struct passwd *user = user_to_be(conf, &wrong);

	if (wrong)
		return no_user(conf, why);
	if (mkdir(conf->run_directory, 0750) == 0) {
		if (!user || chown(conf->run_directory, user->pw_uid, user->pw_gid) == 0)
			return true;
	} else if (errno == EEXIST) {
		return true;
	}
	buf_printf(why, "%s:%d: run-directory: %s: %s", conf->path, conf->line.run_directory,
		conf->run_directory, strerror(errno));
	return false;
}

/* Made by root, it is the service user's afterwards, who may be started without root next time. */
static void give_to_user(int fd, const struct conf *conf)
{
	bool wrong;
	const struct passwd *user = user_to_be(conf, &wrong);

	if (user && fchown(fd, user->pw_uid, user->pw_gid) != 0)
		log_event(internal, LOG_TEXT("cause", strerror(errno)),
			LOG_TEXT("file", LOCK_NAME));
}

static void read_last(struct service *s)
{
	char text[16] = "";
	ssize_t n = pread(s->lock, text, sizeof text - 1, 0);
	uint64_t last;

	if (n > 0 && str_u64(str_at(text, strcspn(text, "\n")), &last) && last < UINT32_MAX)
		s->last = (uint32_t)last;
}

bool service_start(struct service *s, const struct conf *conf, struct buf *why)
{
	struct buf path = {0};

	*s = (struct service){.lock = -1};
	if (!make_run_directory(conf, why))
		return false;
	buf_printf(&path, "%s/" LOCK_NAME, conf->run_directory);
	s->lock = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		buf_printf(why, "%s: %s", buf_cstr(&path), strerror(errno));
	else if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		buf_printf(why, "%s: another c2s works with this run-directory", buf_cstr(&path));
	buf_free(&path);
	if (why->n)
		return false;
	give_to_user(s->lock, conf);
	read_last(s);
	return true;
}

bool service_resume(struct service *s, int lock, const struct conf *conf, struct buf *why)
{
	struct buf path = {0};
	struct stat held, named;

	*s = (struct service){.lock = lock};
	buf_printf(&path, "%s/" LOCK_NAME, conf->run_directory);
	if (fstat(lock, &held) != 0 || stat(buf_cstr(&path), &named) != 0 ||
		held.st_dev != named.st_dev || held.st_ino != named.st_ino ||
		flock(lock, LOCK_EX | LOCK_NB) != 0)
		buf_printf(why, "%s: what was inherited is not its lock", buf_cstr(&path));
	buf_free(&path);
	if (why->n)
		return false;
	read_last(s);
	return true;
}

void service_end(struct service *s)
{
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
}

bool service_drop_root(const struct conf *conf, struct buf *why)
{
	bool wrong;
	const struct passwd *user = user_to_be(conf, &wrong);

	if (wrong)
		return no_user(conf, why);
	if (!user)
		return true;
	if (initgroups(user->pw_name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 &&
		setuid(user->pw_uid) == 0 && (user->pw_uid == 0 || setuid(0) != 0))
		return true;
	buf_printf(why, "%s:%d: user: cannot become \"%s\": %s", conf->path, conf->line.user,
		conf->user, strerror(errno));
	return false;
}

uint32_t service_incarnation(struct service *s)
{
	time_t clock = time(NULL);
	char text[16];
	int n;

	s->last++;
	if (clock > (time_t)s->last && clock < (time_t)UINT32_MAX)
		s->last = (uint32_t)clock;
	n = snprintf(text, sizeof text, "%lu\n", (unsigned long)s->last);
	if (pwrite(s->lock, text, (size_t)n, 0) != n)
		log_event(internal,
			LOG_TEXT("cause", "the last incarnation could not be noted in " LOCK_NAME));
	return s->last;
}

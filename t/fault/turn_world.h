/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The world of t/fault/turn.c: a folder, a configuration, two accounts, listening sockets, and the
 * serving child, which is started again when it died. */
#ifndef T_FAULT_TURN_WORLD_H
#define T_FAULT_TURN_WORLD_H

#include "sm/house.h"

#include "common/log.h"
#include "sm/store_account.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define MESSAGES 16
#define PADDING 200000
#define WORKERS 2
#define HANG_SECONDS 60 /* a guard against waiting for ever; nothing is measured */
#define ITERATIONS 4096

enum step { STEP_PROVE, STEP_OPEN, STEP_TALK };

struct world;

struct worker {
	struct world *world;
	int fd; /* -1: no link */
	struct channel channel;
	uint32_t incarnation;
	uint64_t conn;
	enum step step;
	bool welcome;
	struct buf jid;
	unsigned told, got; /* messages sent, and received */
	bool ended;         /* an `end` came */
};

struct world {
	char folder[32];
	struct conf *conf;
	int c2s_fd, control_fd;
	pid_t child;
	unsigned deaths;
	const char *point;
	unsigned nth;
	bool again; /* every child gets the fault, not only the first */
	int parent_fd;
	struct channel parent;
	struct worker worker[WORKERS];
};

/* the house */

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static uint8_t client_key[HASH_MAX]; /* of both accounts */

static void make_accounts(const char *path)
{
	struct buf why = {0};
	struct db *d = db_open(path, DB_DURABLE, &why);
	struct verifier v;
	struct buf list = {0};
	uint8_t salted[HASH_MAX];

	assert_non_null(d);
	assert_true(store_migrate(d, path, &why));
	verifier_make(&v, HASH_SHA256, STR("pw"), ITERATIONS);
	pbkdf2(HASH_SHA256, STR("pw"), str_at(v.salt, sizeof v.salt), ITERATIONS, salted);
	hmac_bytes(HASH_SHA256, str_at(salted, hash_size(HASH_SHA256)), STR("Client Key"), client_key);
	credential_put_verifier(&list, &v);
	assert_int_equal(db_exec(d, "BEGIN IMMEDIATE"), DB_OK);
	assert_int_equal(store_account_add(d, STR("u0@localhost"), buf_str(&list)), DB_OK);
	assert_int_equal(store_account_add(d, STR("u1@localhost"), buf_str(&list)), DB_OK);
	assert_int_equal(db_exec(d, "COMMIT"), DB_OK);
	db_close(&d);
	buf_free(&list);
	buf_free(&why);
}

static int listen_in(const char *folder, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", folder, name);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static void start_child(struct world *w)
{
	char fault[64];

	snprintf(fault, sizeof fault, "%s:%u", w->point, w->nth);
	w->child = fork();
	if (w->child)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (w->point && (w->again || w->deaths == 0))
		setenv("GATEHOUSE_FAULT", fault, 1);
	_exit(house_run(w->conf, w->c2s_fd, w->control_fd, NULL, NULL));
}

static void world_start(struct world *w)
{
	struct buf path = {0}, why = {0};

	snprintf(w->folder, sizeof w->folder, "/tmp/gatehouse-turn-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	buf_printf(&path, "%s/c", w->folder);
	write_file(buf_cstr(&path),
		"run-directory = \".\"\nstate-directory = \".\"\n"
		"connections-per-worker = 100000\nturn-log-bytes = 4194304\ndomain \"localhost\" { }\n");
	w->conf = conf_load(buf_cstr(&path), &why);
	assert_non_null(w->conf);
	buf_clear(&path);
	buf_printf(&path, "%s/store.db", w->folder);
	make_accounts(buf_cstr(&path));
	w->c2s_fd = listen_in(w->folder, "c2s.sock");
	w->control_fd = listen_in(w->folder, "control.sock");
	w->parent_fd = -1;
	for (unsigned i = 0; i < WORKERS; i++) {
		w->worker[i] = (struct worker){
			.world = w, .fd = -1, .incarnation = 100 + i, .conn = (uint64_t)(100 + i) << 32 | 1};
		channel_start(&w->worker[i].channel, ROLE_C2S, ROLE_SM, CHANNEL_MAX_TO_C2S);
	}
	start_child(w);
	buf_free(&path);
	buf_free(&why);
}

static void remove_folder(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	char path[400];

	while ((e = readdir(d)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(folder);
}

static void world_end(struct world *w)
{
	int status;

	kill(w->child, SIGTERM);
	waitpid(w->child, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		channel_end(&w->worker[i].channel);
		buf_free(&w->worker[i].jid);
		close(w->worker[i].fd);
	}
	channel_end(&w->parent);
	close(w->parent_fd);
	close(w->c2s_fd);
	close(w->control_fd);
	conf_free(&w->conf);
	remove_folder(w->folder);
}

#endif

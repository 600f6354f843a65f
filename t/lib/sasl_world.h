/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * c2s's login and sm's judgement in one process: a client of t/lib/c2s_world.h whose questions a real verify answers,
 * from a real store in a folder of its own. No socket, no TLS, no thread but the desk's. Include it once in a program,
 * and a header of c2s/ and of sm/ beside it, which is how the Makefile knows what to link.
 *
 * Accounts of localhost, all with the password WORLD_PASSWORD: alice; dora1, who is disabled; older, of before the
 * domain listed more than what every account has; bare1, who has no credentials at all. Nobody else is there. localhost
 * offers every mechanism that is built, none.test offers none. */
#ifndef T_LIB_SASL_WORLD_H
#define T_LIB_SASL_WORLD_H

#include "c2s/derive.h"
#include "sm/store_account.h"
#include "sm/verify.h"
#include "t/lib/c2s_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORLD_PASSWORD "pencil-\xc3\xa9"
#define WORLD_SECRET "s3cr3tKy" /* of JIVE-SHAREDSECRET */
#define SALTED_MOST 200 /* passwords that are remembered as PBKDF2 makes them */

static struct {
	uv_loop_t loop;
	struct desk *writer, *reader;
	struct conf *conf;
	struct verify *verify;
	char folder[40];
	uint64_t conn;
	struct world *asking; /* whose question is with verify */
} house;

/* --- PBKDF2, once for each password and salt --------------------------------------------------------------------- */

static struct salted {
	struct salted *next;
	struct buf key;
	uint8_t bytes[HASH_MAX];
} * salted_known;
static size_t salted_count;

static void salted_forget(void)
{
	while (salted_known) {
		struct salted *gone = salted_known;

		salted_known = gone->next;
		buf_free(&gone->key);
		mem_free(gone);
	}
	salted_count = 0;
}

/* SaltedPassword of RFC 5802 3; it stays until the next call. */
static const uint8_t *salted_password(enum hash hash, struct str password, struct str salt, uint32_t rounds)
{
	struct buf key = {0};
	struct salted *s;

	buf_u8(&key, (uint8_t)hash);
	buf_u32(&key, rounds);
	buf_u32(&key, (uint32_t)salt.n);
	buf_put(&key, salt);
	buf_put(&key, password);
	for (s = salted_known; s && !str_eq(buf_str(&s->key), buf_str(&key)); s = s->next)
		;
	if (!s) {
		if (salted_count++ == SALTED_MOST)
			salted_forget();
		s = mem_new(sizeof *s);
		*s = (struct salted){.next = salted_known};
		buf_put(&s->key, buf_str(&key));
		pbkdf2(hash, password, salt, rounds, s->bytes);
		salted_known = s;
	}
	buf_free(&key);
	return s->bytes;
}

/* --- sm's side --------------------------------------------------------------------------------------------------- */

static void house_on_salt(void *ctx, const struct msg_sasl_salt *answer)
{
	struct message m = {.code = MSG_sasl_salt, .as.sasl_salt = *answer};
	struct world *w = house.asking;

	(void)ctx;
	house.asking = NULL;
	CHECK(w && answer->conn == w->client.id);
	world_answer(w, m);
}

static void house_on_verdict(void *ctx, const struct msg_sasl_verdict *answer)
{
	struct message m = {.code = MSG_sasl_verdict, .as.sasl_verdict = *answer};
	struct world *w = house.asking;

	(void)ctx;
	house.asking = NULL;
	CHECK(w && answer->conn == w->client.id);
	/* as sm/answer_login.c does: nobody's account is bound to a full JID, and named without it */
	m.as.sasl_verdict.who.text = jid_bare(answer->who);
	m.as.sasl_verdict.who.resource_n = 0;
	world_answer(w, m);
}

static const char *house_path(const char *name)
{
	static char path[80];

	snprintf(path, sizeof path, "%s/%s", house.folder, name);
	return path;
}

/* With these of the credentials that the domain wants. */
static void house_account(struct db *d, const char *who, uint32_t kinds)
{
	struct credential_rules rules;
	struct buf list = {0};

	credential_rules(&rules, house.conf, conf_domain(house.conf, STR("localhost")));
	rules.kinds &= kinds;
	credential_make(&list, &rules, str_of(who), STR(WORLD_PASSWORD));
	CHECK(store_account_add(d, str_of(who), buf_str(&list)) == DB_OK);
	buf_free(&list);
}

static void house_fill(void)
{
	struct buf why = {0};
	struct db *d = db_open(house_path("store.db"), DB_DURABLE, &why);

	CHECK(d && store_migrate(d, house_path("store.db"), &why) && db_exec(d, "BEGIN") == DB_OK);
	house_account(d, "alice@localhost", UINT32_MAX);
	house_account(d, "dora1@localhost", UINT32_MAX);
	house_account(d, "bare1@localhost", 0);
	house_account(d, "older@localhost", credential_always());
	CHECK(db_exec(d, "UPDATE account SET disabled = 1 WHERE jid = 'dora1@localhost'") == DB_OK);
	CHECK(db_exec(d, "COMMIT") == DB_OK);
	db_close(&d);
}

static void house_configure(void)
{
	struct buf text = {0}, why = {0};

	buf_puts(&text, "auth-attempts = 20\nlog-level = error\nshared-secret = " WORLD_SECRET "\ndomain \"localhost\" {\nmechanisms = {");
	for (size_t i = 0; sasl_list[i]; i++)
		buf_printf(&text, "%s\"%s\"", i ? ", " : "", sasl_list[i]->name);
	buf_puts(&text, "}\n}\ndomain \"none.test\" {\nmechanisms = {\"NONE\"}\n}\n");
	house.conf = conf_parse("a test", str_of(house.folder), buf_str(&text), &why);
	if (!house.conf)
		fprintf(stderr, "%s\n", buf_cstr(&why));
	CHECK(house.conf);
	buf_free(&text);
	buf_free(&why);
}

static inline void house_start(void)
{
	const struct verify_out out = {.salt = house_on_salt, .verdict = house_on_verdict};
	struct buf why = {0};

	log_level_set(LOG_ERROR);
	snprintf(house.folder, sizeof house.folder, "/tmp/gatehouse-sasl-XXXXXX");
	CHECK(mkdtemp(house.folder) && !uv_loop_init(&house.loop));
	house.conn = UINT64_C(1) << 32;
	house_configure();
	house_fill();
	house.reader = desk_new(&house.loop, house_path("store.db"), DB_READ, NULL, &why);
	CHECK(house.reader);
	house.verify = verify_new(house.conf, house.reader, house_path("store.db"), &out, &why);
	CHECK(house.verify);
}

static inline void house_end(void)
{
	static const char *const files[] = {"store.db", "store.db-wal", "store.db-shm"};

	verify_free(&house.verify);
	desk_free(&house.reader);
	uv_run(&house.loop, UV_RUN_DEFAULT);
	CHECK(!uv_loop_close(&house.loop));
	conf_free(&house.conf);
	for (size_t i = 0; i < COUNT(files); i++)
		unlink(house_path(files[i]));
	rmdir(house.folder);
	salted_forget();
}

/* --- a client ---------------------------------------------------------------------------------------------------- */

static void world_derived(struct world *w)
{
	size_t n = hash_size(w->work.hash);
	uint8_t key[HASH_MAX];
	struct cue cue = {.key = str_at(key, n)};
	struct buf more = {0};

	credential_make(&more, &w->work.rules, w->work.account, buf_str(&w->password));
	cue.more = buf_str(&more);
	hmac_bytes(w->work.hash,
		str_at(salted_password(w->work.hash, buf_str(&w->password), buf_str(&w->salt), w->work.iterations), n),
		STR("Client Key"), key);
	client_event(&w->client, ON_key, &cue);
	buf_wipe(&more);
}

static void world_ask_sm(struct world *w)
{
	struct message m = world_question(w);

	house.asking = w;
	if (m.code == MSG_sasl_start)
		verify_start(house.verify, &m.as.sasl_start);
	else
		verify_prove(house.verify, &m.as.sasl_prove);
	while (house.asking)
		uv_run(&house.loop, UV_RUN_ONCE);
}

/* Until the client's word is next. */
static void world_settle(struct world *w)
{
	for (;;) {
		if (w->client.state == LOGIN_wait_for_key)
			world_derived(w);
		else if (w->client.state == LOGIN_wait_for_salt || w->client.state == LOGIN_wait_for_proof)
			world_ask_sm(w);
		else
			return;
	}
}

static void world_send(struct world *w, struct str bytes)
{
	client_bytes(&w->client, bytes);
	world_settle(w);
}

/* Over the sham of TLS, with the features heard: authentication is next. */
static inline struct world *world_connect(const char *domain)
{
	struct world *w = world_new(false);
	struct buf header = {0};

	w->client.set.conf = house.conf;
	w->client.id = ++house.conn;
	buf_printf(&header,
		"<stream:stream to='%s' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
		domain);
	world_send(w, buf_str(&header));
	world_bytes(w, WORLD_STARTTLS);
	world_bytes(w, "handshake\n");
	world_send(w, buf_str(&header));
	CHECK(w->client.state == LOGIN_wait_for_feature_request);
	world_forget(w);
	buf_free(&header);
	return w;
}

#endif

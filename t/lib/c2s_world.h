/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A world for one client of c2s without sockets, loop, sm or TLS, for tests and fuzz targets:
 * include it once in a program. What the client says is collected; what it asks and tells sm is
 * remembered, and answered when the test says so. TLS is a sham: a handshake is one line, 0xff
 * breaks it, records out begin with 0x17, 0x15 is close_notify. */
#ifndef T_LIB_C2S_WORLD_H
#define T_LIB_C2S_WORLD_H

#include "c2s/client.h"
#include "common/log.h"
#include <string.h>

static bool sham_takes_all; /* records may be any bytes, and have no marks */

struct tls {
	struct buf *wire;
	bool ready;
};

struct tls *tls_new(struct tls_ctx *ctx, bool alpn, struct buf *wire)
{
	struct tls *t = mem_new(sizeof *t);
	(void)ctx;
	(void)alpn;
	t->wire = wire;
	return t;
}

struct tls_ctx *tls_ctx_for(struct tls_ctx *ctx, struct str name)
{
	(void)name;
	return ctx;
}

void tls_free(struct tls **t)
{
	mem_free(*t);
	*t = NULL;
}

static enum tls_result sham_records(struct str bytes, struct buf *plain)
{
	size_t closing = sham_takes_all ? bytes.n : str_find(bytes, 0x15);
	if (!sham_takes_all && str_find(bytes, (char)0xff) < bytes.n)
		return TLS_FAILED;
	buf_put(plain, str_head(bytes, closing));
	return closing < bytes.n ? TLS_CLOSED : TLS_MORE;
}

static enum tls_result sham_handshake(struct tls *t, struct str bytes, struct buf *plain)
{
	size_t end = str_find(bytes, '\n');
	enum tls_result r;
	if (str_find(bytes, (char)0xff) < bytes.n)
		return TLS_FAILED;
	if (end == bytes.n)
		return TLS_MORE;
	t->ready = true;
	r = sham_records(str_skip(bytes, end + 1), plain);
	return r == TLS_MORE ? TLS_READY : r;
}

enum tls_result tls_read(struct tls *t, struct str bytes, struct buf *plain)
{
	return t->ready ? sham_records(bytes, plain) : sham_handshake(t, bytes, plain);
}

bool tls_write(struct tls *t, struct str plain)
{
	if (!t->ready)
		return false;
	buf_putc(t->wire, 0x17);
	buf_put(t->wire, plain);
	return true;
}

void tls_shutdown(struct tls *t)
{
	if (t->ready)
		buf_putc(t->wire, 0x15);
}

bool tls_ready(const struct tls *t)
{
	return t->ready;
}

bool tls_resumed(const struct tls *t)
{
	return t && false;
}

const char *tls_version(const struct tls *t)
{
	return t ? "TLSv1.3" : "";
}

const char *tls_cipher(const struct tls *t)
{
	return t ? "SHAM" : "";
}

bool tls_binds(const struct tls *t, enum tls_binding kind)
{
	return t->ready && kind == TLS_exporter;
}

bool tls_binding(const struct tls *t, enum tls_binding kind, struct buf *out)
{
	if (!tls_binds(t, kind))
		return false;
	buf_puts(out, "a sham of thirty-two bytes      ");
	return true;
}

/* What the client's certificate says; NULL: it showed none. */
static const char *world_certificate;

bool tls_has_peer(const struct tls *t, struct str domain)
{
	return t && domain.n && world_certificate;
}

size_t tls_peer_names(const struct tls *t, struct str domain, struct str names[TLS_PEER_NAMES])
{
	(void)domain;
	names[0] = str_of(world_certificate);
	return t->ready && world_certificate ? 1 : 0;
}

void tls_settle(struct tls *t)
{
	(void)t;
}

const char *tls_why(const struct tls *t)
{
	return t ? "a broken sham" : "";
}

struct world {
	struct client client; /* first: the client is the world */
	struct conf conf;
	struct scan_limits login_limits, session_limits;
	struct sm_terms sm; /* version 0: the current one */
	struct buf said;     /* everything, in order */
	unsigned asked;      /* questions so far */
	struct buf question; /* the last one, encoded */
	enum msg_code question_code;
	unsigned told[256]; /* numbered messages, by code */
	uint8_t closed;     /* why, in the last of MSG_closed */
	struct buf relayed; /* stanzas, in order */
	unsigned derives, remembered, enrols;
	struct buf sought, known, known_key;
	struct sasl_work work;
	struct buf password, salt; /* of the last derivation */
	bool no_threads, no_credit;
	unsigned opened, left, parts;
	bool flushes;
};

static inline struct world *world_of(struct client *c)
{
	return (struct world *)c;
}

/* Moves what was said to `said`, without the marks of the sham; returns all of it so far. */
static inline struct str world_hear(struct world *w)
{
	struct pipe *p = &w->client.pipe;
	do {
		if (!pipe_flush(p))
			break;
		for (size_t i = 0; i < p->wire.n; i++) {
			if (p->wire.p[i] != 0x17 && p->wire.p[i] != 0x15)
				buf_putc(&w->said, p->wire.p[i]);
		}
		buf_clear(&p->wire);
	} while (p->out.n);
	return buf_str(&w->said);
}

static inline void world_ask(struct client *c)
{
	struct world *w = world_of(c);
	struct message m;
	w->asked++;
	w->question_code = c->talks->asking;
	buf_clear(&w->question);
	buf_put(&w->question, buf_str(&c->talks->question));
	CHECK(msg_decode(w->question_code, buf_str(&w->question), &m));
}

static inline void world_tell(struct client *c, const struct message *m)
{
	struct world *w = world_of(c);
	CHECK(msg_delivery(m->code) == NUMBERED && (msg_from(m->code) & ROLE_C2S));
	w->told[m->code]++;
	if (m->code == MSG_stanza)
		buf_put(&w->relayed, m->as.stanza.xml);
	if (m->code == MSG_closed)
		w->closed = m->as.closed.cond;
}

/* As a worker's cache would, with one entry. */
static inline struct str world_recall(struct client *c, const struct sasl_work *work)
{
	struct world *w = world_of(c);
	buf_clear(&w->sought);
	buf_put(&w->sought, work->password);
	buf_put(&w->sought, work->salt);
	return str_eq(buf_str(&w->sought), buf_str(&w->known)) ? buf_str(&w->known_key) : STR_NONE;
}

static inline void world_remember(struct client *c, struct str client_key)
{
	struct world *w = world_of(c);
	w->remembered++;
	buf_clear(&w->known);
	buf_put(&w->known, buf_str(&w->sought));
	if (client_key.p != w->known_key.p) {
		buf_clear(&w->known_key);
		buf_put(&w->known_key, client_key);
	}
}

static inline bool world_derive(struct client *c, const struct sasl_work *work)
{
	struct world *w = world_of(c);
	if (w->no_threads)
		return false;
	w->derives++;
	w->work = *work;
	buf_clear(&w->password);
	buf_put(&w->password, work->password);
	buf_clear(&w->salt);
	buf_put(&w->salt, work->salt);
	return true;
}

static inline bool world_credit(struct client *c)
{
	return !world_of(c)->no_credit;
}

static inline void world_opened(struct client *c)
{
	world_of(c)->opened++;
}

static inline void world_leave(struct client *c, bool flush)
{
	world_of(c)->left++;
	world_of(c)->flushes = flush;
}

static inline void world_part(struct client *c)
{
	world_of(c)->parts++;
}

static inline bool world_enrol(struct client *c, struct str account, struct str password)
{
	struct world *w = world_of(c);
	if (w->no_threads)
		return false;
	w->enrols++;
	buf_clear(&w->sought);
	buf_put(&w->sought, account);
	buf_clear(&w->password);
	buf_put(&w->password, password);
	return true;
}

static const struct client_way world_way = {
	world_ask, world_tell, world_recall, world_remember, world_derive, world_credit,
	world_opened, world_leave, world_part, world_enrol};

static inline struct client_setting world_setting(struct world *w)
{
	static const char *mechanisms[] = {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"};
	static struct conf_domain domains[] = {{.name = "localhost"}, {.name = "example.test"}};
	static const char *tokens[] = {"HT-SHA-256-NONE"};
	domains[0].fast_mechanisms = domains[1].fast_mechanisms = (struct conf_list){tokens, 1};
	domains[0].registration = REGISTRATION_OPEN;
	domains[0].iq_auth = true;
	domains[0].mechanisms = domains[1].mechanisms = (struct conf_list){mechanisms, 3};
	w->conf = (struct conf){
		.allow_plaintext = PLAINTEXT_NO, .auth_attempts = 3, .domains = domains, .domain_count = 2};
	w->login_limits = (struct scan_limits){8192, 32, 16, 32, 256};
	w->session_limits = (struct scan_limits){262144, 10000, 64, 64, 256};
	return (struct client_setting){&world_way, &w->conf, (struct tls_ctx *)w, &w->login_limits, &w->session_limits,
		&w->sm};
}

/* A client that has just been accepted. */
static inline struct world *world_new(bool direct_tls)
{
	struct world *w = mem_new(sizeof *w);
	struct client_setting set = world_setting(w);
	log_level_set(LOG_ERROR);
	CHECK(client_start(&w->client, 0x100000001, &set, "192.0.2.1", false, direct_tls));
	return w;
}

static inline void world_free(struct world *w)
{
	client_end(&w->client);
	buf_free(&w->said);
	buf_free(&w->question);
	buf_free(&w->relayed);
	buf_free(&w->password);
	buf_free(&w->salt);
	buf_free(&w->sought);
	buf_free(&w->known);
	buf_free(&w->known_key);
	mem_free(w);
}

static inline void world_bytes(struct world *w, const char *text)
{
	client_bytes(&w->client, str_of(text));
}

/* sm's answers, to the question that is open. */

static inline struct message world_question(struct world *w)
{
	struct message m = {0};
	if (w->question_code && !msg_decode(w->question_code, buf_str(&w->question), &m))
		m = (struct message){0};
	m.code = w->question_code;
	return m;
}

static inline struct message world_salt(struct world *w)
{
	struct message m = {.code = MSG_sasl_salt};
	m.as.sasl_salt.conn = w->client.id;
	m.as.sasl_salt.attempt = w->client.talks ? w->client.talks->attempt : 0;
	m.as.sasl_salt.iterations = 4096;
	m.as.sasl_salt.salt = STR("saltsaltsaltsalt");
	m.as.sasl_salt.nonce = STR("OFSM");
	return m;
}

static inline struct message world_verdict(struct world *w, enum cond cond)
{
	struct message m = {.code = MSG_sasl_verdict};
	m.as.sasl_verdict.conn = w->client.id;
	m.as.sasl_verdict.attempt = w->client.talks ? w->client.talks->attempt : 0;
	m.as.sasl_verdict.cond = (uint8_t)cond;
	if (!jid_split(client_account(&w->client), &m.as.sasl_verdict.who))
		m.as.sasl_verdict.who = (struct jid){0};
	m.as.sasl_verdict.signature = STR("signature");
	return m;
}

static inline struct message world_upgrade(struct world *w, enum hash hash)
{
	struct message m = {.code = MSG_upgrade};
	m.as.upgrade = (struct msg_upgrade){w->client.id, 0, (uint8_t)hash, 10000, STR("saltsaltsaltsalt")};
	return m;
}

static inline struct message world_token(struct world *w)
{
	struct message m = {.code = MSG_token};
	m.as.token = (struct msg_token){w->client.id, STR("t0ken"), STR("2027-01-01T00:00:00Z")};
	return m;
}

static inline struct message world_opening(struct world *w)
{
	struct message m = {.code = MSG_opened};
	m.as.opened.conn = w->client.id;
	m.as.opened.sid = 7;
	CHECK(jid_split(STR("alice@localhost/here"), &m.as.opened.who));
	return m;
}

/* To a goodbye. */
static inline struct message world_end(struct world *w)
{
	struct message m = {.code = MSG_end};
	m.as.end.conn = w->client.id;
	return m;
}

static inline void world_answer(struct world *w, struct message m)
{
	client_message(&w->client, &m);
}

static inline void world_key(struct world *w)
{
	struct cue cue = {.key = STR("twenty bytes of a key")};
	cue.key.n = 20;
	client_event(&w->client, ON_key, &cue);
}

static inline struct message world_ruling(struct world *w, enum cond cond)
{
	struct message m = {.code = MSG_enrol_ruling};
	m.as.enrol_ruling.conn = w->client.id;
	m.as.enrol_ruling.attempt = w->client.enrolments;
	m.as.enrol_ruling.cond = (uint8_t)cond;
	return m;
}

static inline struct message world_enrolled(struct world *w, enum cond cond)
{
	struct message m = {.code = MSG_enrolled};
	m.as.enrolled.conn = w->client.id;
	m.as.enrolled.attempt = w->client.enrolments;
	m.as.enrolled.cond = (uint8_t)cond;
	return m;
}

static inline void world_made(struct world *w)
{
	struct cue cue = {.key = STR("credentials")};
	client_event(&w->client, ON_made, &cue);
}

/* What a well-behaved client says. */

#define WORLD_HEADER \
	"<stream:stream to='localhost' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'" \
	" version='1.0'>"
#define WORLD_STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define WORLD_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define WORLD_ASKS "<auth xmlns='" WORLD_SASL "' mechanism='PLAIN'/>"
#define WORLD_PLAIN \
	"<auth xmlns='" WORLD_SASL "' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>" /* NUL alice NUL secret */
#define WORLD_SASL2 "urn:xmpp:sasl:2"
#define WORLD_ASKS2 "<authenticate xmlns='" WORLD_SASL2 "' mechanism='PLAIN'/>"
#define WORLD_PLAIN2(more) \
	"<authenticate xmlns='" WORLD_SASL2 "' mechanism='PLAIN'>" \
	"<initial-response>AGFsaWNlAHNlY3JldA==</initial-response>" more "</authenticate>"
#define WORLD_AGENT2 "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>"
#define WORLD_WANTS "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>"
#define WORLD_UPGRADE "<upgrade xmlns='urn:xmpp:sasl:upgrade:0'>UPGR-SCRAM-SHA-256</upgrade>"
#define WORLD_NEXT "<next xmlns='" WORLD_SASL2 "' task='UPGR-SCRAM-SHA-256'/>"
#define WORLD_HASH \
	"<task-data xmlns='" WORLD_SASL2 "'><hash xmlns='urn:xmpp:scram-upgrade:0'>" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</hash></task-data>"
#define WORLD_BIND2 "<bind xmlns='urn:xmpp:bind:0'><tag>Scene</tag></bind>"
#define WORLD_BIND \
	"<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>here</resource></bind></iq>"
#define WORLD_SESSION "<iq type='set' id='s1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"
#define WORLD_ACCOUNT \
	"<iq type='set' id='r1'><query xmlns='jabber:iq:register'><username>alice</username>" \
	"<password>secret</password></query></iq>"
#define WORLD_OLD_LOGIN \
	"<iq type='set' id='o1'><query xmlns='jabber:iq:auth'><username>alice</username>" \
	"<password>secret</password><resource>here</resource></query></iq>"
#define WORLD_MESSAGE "<message to='bob@localhost' id='m1'><body>hi</body></message>"

static inline bool world_is_task(enum login_state s)
{
	return s == LOGIN_wait_for_upgrade || s == LOGIN_wait_for_sasl2_next || s == LOGIN_wait_for_sasl2_task_data;
}

/* Brings a world that is fresh to a state, by the way of a real login; returns it. */
static inline struct world *world_log_in(struct world *w, enum login_state s)
{
	if (s == LOGIN_wait_for_stream)
		return w;
	world_bytes(w, WORLD_HEADER);
	world_bytes(w, WORLD_STARTTLS);
	if (s == LOGIN_wait_for_tls)
		return w;
	world_bytes(w, "handshake\n");
	world_bytes(w, WORLD_HEADER);
	if (s == LOGIN_wait_for_feature_request)
		return w;
	if (s == LOGIN_wait_for_enrolment) {
		world_bytes(w, WORLD_ACCOUNT);
		return w;
	}
	world_bytes(w,
		s == LOGIN_wait_for_sasl_response            ? WORLD_ASKS
			: s == LOGIN_wait_for_sasl2_response ? WORLD_ASKS2
			: s == LOGIN_wait_for_sasl2_open     ? WORLD_PLAIN2(WORLD_BIND2)
			: s == LOGIN_wait_for_token          ? WORLD_PLAIN2(WORLD_AGENT2 WORLD_BIND2 WORLD_WANTS)
			: world_is_task(s)                   ? WORLD_PLAIN2(WORLD_UPGRADE)
			: s == LOGIN_wait_for_iq_auth_open   ? WORLD_OLD_LOGIN
							     : WORLD_PLAIN);
	if (s == LOGIN_wait_for_sasl_response || s == LOGIN_wait_for_sasl2_response || s == LOGIN_wait_for_salt)
		return w;
	world_answer(w, world_salt(w));
	if (s == LOGIN_wait_for_key)
		return w;
	world_key(w);
	if (s == LOGIN_wait_for_proof)
		return w;
	world_answer(w, world_verdict(w, COND_none));
	if (s == LOGIN_wait_for_sasl2_open || s == LOGIN_wait_for_iq_auth_open || s == LOGIN_wait_for_token ||
		s == LOGIN_wait_for_upgrade)
		return w;
	if (world_is_task(s)) {
		world_answer(w, world_upgrade(w, HASH_SHA256));
		if (s == LOGIN_wait_for_sasl2_task_data)
			world_bytes(w, WORLD_NEXT);
		return w;
	}
	world_bytes(w, WORLD_HEADER);
	if (s == LOGIN_wait_for_bind)
		return w;
	world_bytes(w, WORLD_BIND);
	if (s == LOGIN_wait_for_open)
		return w;
	world_answer(w, world_opening(w));
	if (s == LOGIN_wait_for_session)
		return w;
	world_bytes(w, s == LOGIN_wait_for_change ? WORLD_ACCOUNT : WORLD_MESSAGE);
	if (s == LOGIN_wait_for_end || s == LOGIN_closing)
		world_bytes(w, "</stream:stream>");
	if (s == LOGIN_closing)
		world_answer(w, world_end(w));
	return w;
}

static inline struct world *world_at(enum login_state s)
{
	return world_log_in(world_new(false), s);
}

static inline void world_forget(struct world *w)
{
	world_hear(w);
	buf_clear(&w->said);
	buf_clear(&w->relayed);
	memset(w->told, 0, sizeof w->told);
	w->asked = w->left = w->parts = 0;
}

static inline bool world_said(struct world *w, const char *words)
{
	struct str said = world_hear(w);
	return memmem(said.p, said.n, words, strlen(words));
}

#endif

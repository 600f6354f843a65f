/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verbs: accounts in the hands of their users (XEP-0077). sm says whether, and what is to be
 * derived from the password; a thread derives it; sm stores it. The password stays here. */
#include "c2s/features.h"
#include "c2s/request.h"
#include "c2s/verb.h"
#include "common/log.h"
#include "common/prep.h"

#define FIELD_MOST 255 /* bytes of name and password: PLAIN takes no more (RFC 4616 2) */
#define ASKS_MOST 10   /* times that one stream may want something of accounts */
#define FORM_TYPE "jabber:iq:register"

static void log_refusal(const struct client *c, uint8_t what, struct str user, enum cond why)
{
	static const char *const words[] = {"", "register", "password", "remove"};
	log_event(register_refused, LOG_HEX("conn", c->id), LOG_TEXT("ip", c->address),
		LOG_STR("user", user), LOG_TEXT("what", words[what]),
		LOG_STR("cond", cond_element(why)));
}

/* Before anything was asked. */
static void refuse(struct client *c, const struct cue *cue, uint8_t what, enum cond why,
	const char *text)
{
	struct buf id = {0};
	stanza_value(&id, cue->stanza->id.value);
	c->enrolments++;
	log_refusal(c, what, client_account(c), why);
	request_say_error(c, buf_str(&id), why, text);
	buf_free(&id);
}

/* --- what is asked for ---------------------------------------------------------------------- */

static void form_field(struct emit *e, const char *var, const char *type, const char *label)
{
	emit_start(e, "field");
	emit_attr(e, "var", str_of(var));
	emit_attr(e, "type", str_of(type));
	emit_attr(e, "label", str_of(label));
	emit_leaf(e, "required", STR_NONE);
	emit_end(e);
}

static void form(struct emit *e)
{
	emit_start_ns(e, "x", NS_data_form);
	emit_attr(e, "type", STR("form"));
	emit_leaf(e, "title", STR("An account here"));
	emit_leaf(e, "instructions", STR("Choose a user name and a password."));
	emit_start(e, "field");
	emit_attr(e, "var", STR("FORM_TYPE"));
	emit_attr(e, "type", STR("hidden"));
	emit_leaf(e, "value", STR(FORM_TYPE));
	emit_end(e);
	form_field(e, "username", "text-single", "User name");
	form_field(e, "password", "text-private", "Password");
	emit_end(e);
}

/* The fields; to somebody who has an account, what is on file. */
static void say_fields(struct client *c, const struct cue *cue)
{
	struct buf out = {0}, id = {0};
	struct emit e = emit_to(&out);
	struct jid who = {0};
	bool known = client_is_proven(c) && jid_split(buf_str(&c->jid), &who);
	stanza_value(&id, cue->stanza->id.value);
	request_start_result(&e, buf_str(&id));
	emit_start_ns(&e, "query", NS_register);
	if (known)
		emit_leaf(&e, "registered", STR_NONE);
	else
		emit_leaf(&e, "instructions", STR("Choose a user name and a password."));
	emit_leaf(&e, "username", known ? jid_local(who) : STR_NONE);
	emit_leaf(&e, "password", STR_NONE);
	if (!known)
		form(&e);
	emit_end(&e);
	emit_end(&e);
	buf_free(&id);
	client_say_buf(c, &out);
}

/* Name and password, from the form or from the fields. False: they are not both there. */
static bool read_wish(const struct stanza *query, struct buf *user, struct buf *password)
{
	struct stanza form;
	bool fault;
	if (request_form(query, FORM_TYPE, &form, &fault))
		return request_form_field(&form, "username", user) &&
			request_form_field(&form, "password", password) && user->n && password->n;
	return !fault && request_field(query, "username", user) &&
		request_field(query, "password", password) && user->n && password->n;
}

/* --- asking --------------------------------------------------------------------------------- */

static struct enrolment *begin(struct client *c, const struct cue *cue, uint8_t what)
{
	if (!c->talks)
		c->talks = mem_new(sizeof *c->talks);
	struct enrolment *x = &c->talks->enrolment;
	buf_clear(&x->id);
	buf_clear(&x->who);
	buf_wipe(&x->password);
	stanza_value(&x->id, cue->stanza->id.value);
	x->what = what;
	return x;
}

static struct jid who_of(const struct enrolment *x)
{
	struct jid who = {0};
	if (x->who.n && !jid_split(buf_str(&x->who), &who))
		who = (struct jid){0};
	return who;
}

static void ask_ruling(struct client *c)
{
	const struct enrolment *x = &c->talks->enrolment;
	struct message m = {.code = MSG_enrol_ask};
	m.as.enrol_ask.conn = c->id;
	m.as.enrol_ask.attempt = ++c->enrolments;
	m.as.enrol_ask.what = x->what;
	m.as.enrol_ask.who = who_of(x);
	m.as.enrol_ask.address = str_of(c->address);
	client_ask(c, &m);
}

static void ask_store(struct client *c, struct str credentials)
{
	const struct enrolment *x = &c->talks->enrolment;
	struct message m = {.code = MSG_enrol};
	m.as.enrol.conn = c->id;
	m.as.enrol.attempt = c->enrolments;
	m.as.enrol.what = x->what;
	m.as.enrol.who = who_of(x);
	m.as.enrol.address = str_of(c->address);
	m.as.enrol.credentials = credentials;
	client_ask(c, &m);
}

/* Sets x->who. False: there can be no such name (protocol.md 4, case 33: what is prepared alike is
 * one). */
static bool set_name(struct client *c, struct enrolment *x, struct str user)
{
	struct buf local = {0};
	bool good = user.n <= FIELD_MOST && prep_local(&local, user) && local.n <= FIELD_MOST;
	if (good)
		jid_join(&x->who, buf_str(&local), client_domain(c), STR_NONE);
	buf_free(&local);
	return good;
}

static bool set_password(struct enrolment *x, struct str password)
{
	return password.n <= FIELD_MOST && prep_password(&x->password, password);
}

static void register_with(struct client *c, const struct cue *cue, struct str user,
	struct str password)
{
	struct enrolment *x = begin(c, cue, ENROL_NEW);
	if (!set_name(c, x, user)) {
		refuse(c, cue, ENROL_NEW, STANZA_not_acceptable, "this cannot be a user name");
	} else if (!set_password(x, password)) {
		refuse(c, cue, ENROL_NEW, STANZA_not_acceptable, "this cannot be a password");
	} else {
		login_goto(c, LOGIN_wait_for_enrolment);
		ask_ruling(c);
	}
}

static void make_account(struct client *c, const struct cue *cue)
{
	struct stanza query;
	struct buf user = {0}, password = {0};
	if (!request_query(cue->stanza, NS_register, &query))
		refuse(c, cue, ENROL_NEW, STANZA_bad_request, NULL);
	else if (request_has(&query, "remove"))
		refuse(c, cue, ENROL_REMOVE, STANZA_unexpected_request, "log in first");
	else if (!read_wish(&query, &user, &password))
		refuse(c, cue, ENROL_NEW, STANZA_not_acceptable,
			"a username and a password are required");
	else
		register_with(c, cue, buf_str(&user), buf_str(&password));
	buf_free(&user);
	buf_wipe(&password);
}

void verb_enrol(struct client *c, const struct cue *cue)
{
	if (!features_has_registration(c))
		verb_stranger(c, cue);
	else if (cue->stanza->type == TYPE_GET)
		say_fields(c, cue);
	else if (c->enrolments >= ASKS_MOST)
		client_fault(c, STREAM_policy_violation, "too many registrations");
	else
		make_account(c, cue);
}

/* The account's own name is all that may be named: alone, or as its bare JID. */
static bool is_own_name(const struct client *c, struct str user)
{
	struct buf store = {0};
	struct jid own, named;
	bool is_own = jid_split(buf_str(&c->jid), &own) && prep_local(&store, user) &&
		str_eq(buf_str(&store), jid_local(own));
	buf_clear(&store);
	if (!is_own && jid_parse(user, &store, &named))
		is_own = str_eq(named.text, jid_bare(own));
	buf_free(&store);
	return is_own;
}

static void change_to(struct client *c, const struct cue *cue, struct str user, struct str password)
{
	struct buf prepared = {0};
	if (!is_own_name(c, user)) {
		refuse(c, cue, ENROL_PASSWORD, STANZA_not_allowed, "this is not your account");
	} else if (password.n > FIELD_MOST || !prep_password(&prepared, password)) {
		refuse(c, cue, ENROL_PASSWORD, STANZA_not_acceptable, "this cannot be a password");
	} else {
		buf_take(&begin(c, cue, ENROL_PASSWORD)->password, &prepared);
		login_goto(c, LOGIN_wait_for_change);
		ask_ruling(c);
	}
	buf_wipe(&prepared);
}

/* Who could make the account may remove it. */
static void remove_own(struct client *c, const struct cue *cue, const struct stanza *query)
{
	if (query->child_count != 1) {
		refuse(c, cue, ENROL_REMOVE, STANZA_bad_request, NULL);
	} else if (!c->domain || c->domain->registration != REGISTRATION_OPEN) {
		refuse(c, cue, ENROL_REMOVE, STANZA_not_allowed, NULL);
	} else {
		begin(c, cue, ENROL_REMOVE);
		login_goto(c, LOGIN_wait_for_change);
		c->enrolments++;
		ask_store(c, STR_NONE);
	}
}

static void change_account(struct client *c, const struct cue *cue)
{
	struct stanza query;
	struct buf user = {0}, password = {0};
	if (!request_query(cue->stanza, NS_register, &query))
		refuse(c, cue, ENROL_PASSWORD, STANZA_bad_request, NULL);
	else if (request_has(&query, "remove"))
		remove_own(c, cue, &query);
	else if (!read_wish(&query, &user, &password))
		refuse(c, cue, ENROL_PASSWORD, STANZA_bad_request,
			"a username and a password are required");
	else
		change_to(c, cue, buf_str(&user), buf_str(&password));
	buf_free(&user);
	buf_wipe(&password);
}

/* Each costs a thread's time, or a line in the log. */
static void say_enough(struct client *c, const struct cue *cue)
{
	struct buf id = {0};
	stanza_value(&id, cue->stanza->id.value);
	request_say_error(c, buf_str(&id), STANZA_resource_constraint,
		"log in again to change more");
	buf_free(&id);
}

void verb_amend(struct client *c, const struct cue *cue)
{
	if (!request_is_own(c, cue->stanza))
		client_fault(c, STREAM_invalid_from, NULL);
	else if (cue->stanza->type == TYPE_GET)
		say_fields(c, cue);
	else if (c->enrolments >= ASKS_MOST)
		say_enough(c, cue);
	else
		change_account(c, cue);
}

/* In the midst of a login, or a login after it. */
void verb_misplaced(struct client *c, const struct cue *cue)
{
	struct buf id = {0};
	stanza_value(&id, cue->stanza->id.value);
	request_say_error(c, buf_str(&id),
		client_has_session(c) ? STANZA_not_allowed : STANZA_not_authorized, NULL);
	buf_free(&id);
}

/* --- what becomes of it --------------------------------------------------------------------- */

static const char *text_of(enum cond why)
{
	switch (why) {
	case STANZA_conflict:
		return "this name is taken";
	case STANZA_resource_constraint:
		return "not now; try again later";
	default:
		return NULL;
	}
}

static void end(struct client *c, enum cond why)
{
	struct enrolment *x = &c->talks->enrolment;
	bool fresh = x->what == ENROL_NEW;
	buf_wipe(&x->password);
	if (why && cond_group(why) != COND_OF_STANZA)
		why = STANZA_internal_server_error;
	if (why)
		log_refusal(c, x->what, fresh ? buf_str(&x->who) : buf_str(&c->jid), why);
	if (why)
		request_say_error(c, buf_str(&x->id), why, text_of(why));
	else
		request_say_done(c, buf_str(&x->id));
	login_goto(c, fresh ? LOGIN_wait_for_feature_request : LOGIN_session_established);
}

static struct str account_of(const struct client *c)
{
	struct jid who;
	if (c->talks->enrolment.what == ENROL_NEW)
		return buf_str(&c->talks->enrolment.who);
	return jid_split(buf_str(&c->jid), &who) ? jid_bare(who) : STR_NONE;
}

void verb_prepare(struct client *c, const struct cue *cue)
{
	struct msg_enrol_ruling m = cue->message->as.enrol_ruling;
	struct enrolment *x = &c->talks->enrolment;
	client_answered(c);
	if (m.cond)
		end(c, m.cond);
	else if (!c->set.way->enrol(c, account_of(c), buf_str(&x->password)))
		end(c, STANZA_resource_constraint);
}

void verb_submit(struct client *c, const struct cue *cue)
{
	buf_wipe(&c->talks->enrolment.password);
	if (cue->key.n)
		ask_store(c, cue->key);
	else
		end(c, STANZA_internal_server_error);
}

void verb_enrolled(struct client *c, const struct cue *cue)
{
	enum cond why = cue->message->as.enrolled.cond;
	client_answered(c);
	end(c, why);
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What verbs do to a client (client.h): saying, asking, ending. */
#include "c2s/client.h"
#include "c2s/trace.h"
#include "common/emit.h"
#include "common/log.h"
#include "common/rand.h"

#define STREAM_ID_BYTES 16

struct str client_domain(const struct client *c)
{
	return str_of(c->domain ? c->domain->name : c->set.conf->domains[0].name);
}

struct str client_account(const struct client *c)
{
	if (c->jid.n || !c->talks || !c->talks->sasl)
		return buf_str(&c->jid);
	return c->talks->sasl->who.text;
}

bool client_is_bound(const struct client *c)
{
	return client_is_proven(c) || (c->talks && c->talks->sasl && c->talks->sasl->accepted);
}

bool client_is_proven(const struct client *c)
{
	return c->jid.n;
}

bool client_may_log_in(const struct client *c)
{
	int allowed = c->set.conf->allow_plaintext;
	return pipe_is_secure(&c->pipe) || c->carried_tls || allowed == PLAINTEXT_YES ||
		(allowed == PLAINTEXT_LOOPBACK && c->loopback);
}

/* Far enough below the ceiling of the queue that what waits never keeps the client from being read,
 * nor the store from handing out (sm/mailbox_hand.c). */
static size_t rest_most(const struct client *c)
{
	size_t most = (size_t)c->set.conf->inactive_bytes;
	size_t part = (size_t)c->set.conf->client_queue_bytes / 8;
	return most < part ? most : part;
}

void client_rest(struct client *c)
{
	if (!c->csi && rest_most(c))
		c->csi = csi_new();
}

bool client_catch_up(struct client *c)
{
	struct str xml;
	bool good = true;
	while (c->csi && csi_take(c->csi, &xml))
		good = good && pipe_try_say(&c->pipe, xml);
	return good;
}

bool client_keeps(struct client *c, struct str xml)
{
	if (!c->csi || xml.n > rest_most(c) || !csi_keep(c->csi, xml))
		return false;
	if (csi_count(c->csi) > CSI_MOST || csi_bytes(c->csi) > rest_most(c))
		(void)client_catch_up(c);
	return true;
}

/* What waits comes first: nothing is said out of its turn. */
void client_say(struct client *c, struct str words)
{
	(void)client_catch_up(c);
	pipe_say(&c->pipe, words);
}

void client_say_buf(struct client *c, struct buf *words)
{
	client_say(c, buf_str(words));
	buf_free(words);
}

/* The client's own idea of who it is, sent back as `to` where it is a JID at all (RFC 6120
 * 4.7.2). */
static void header_to(struct buf *out, struct str from)
{
	struct buf store = {0};
	struct jid who;
	if (from.n && jid_parse(from, &store, &who)) {
		buf_puts(out, "\" to=\"");
		emit_escape_value(out, who.text);
	}
	buf_free(&store);
}

void client_say_header(struct client *c, const struct scan_header *theirs)
{
	char id[2 * STREAM_ID_BYTES + 1];
	struct buf out = {0};
	rand_hex(id, STREAM_ID_BYTES);
	buf_puts(&out,
		"<?xml version='1.0'?><stream:stream xmlns='jabber:client'"
		" xmlns:stream='http://etherx.jabber.org/streams'");
	if (!theirs || theirs->has_version) /* RFC 6120 4.7.5 */
		buf_puts(&out, " version='1.0' xml:lang='en'");
	buf_puts(&out, " id=\"");
	buf_puts(&out, id);
	buf_puts(&out, "\" from=\"");
	emit_escape_value(&out, client_domain(c));
	header_to(&out, theirs ? theirs->from : STR_NONE);
	buf_puts(&out, "\">");
	client_say_buf(c, &out);
}

void client_say_bare(struct client *c, const char *name, enum ns ns, enum cond why)
{
	struct buf out = {0};
	if (trace_on)
		trace_said(name, why);
	buf_printf(&out, "<%s xmlns='%.*s'", name, STR_ARG(ns_uri(ns)));
	if (why)
		buf_printf(&out, "><%.*s/></%s>", STR_ARG(cond_element(why)), name);
	else
		buf_puts(&out, "/>");
	client_say_buf(c, &out);
}

void client_refuse_stanza(struct client *c, const struct stanza *s, enum cond why, const char *text)
{
	struct buf out = {0};
	stanza_error(&out, s, STR_NONE, STR_NONE, why, str_of(text));
	client_say_buf(c, &out);
}

void client_ask(struct client *c, const struct message *m)
{
	CHECK(!c->talks->asking);
	if (trace_on)
		trace_said(msg_name(m->code), COND_none);
	c->talks->asking = m->code;
	msg_encode(&c->talks->question, m);
	c->set.way->ask(c);
}

void client_answered(struct client *c)
{
	c->talks->asking = 0;
	buf_wipe(&c->talks->question);
}

/* sm is told about the end of whatever it keeps for this connection; of one that has parted, that
 * nothing of what it is sent gets there any more. */
static void tell_end(struct client *c, enum cond why)
{
	struct message m = {.code = MSG_closed};
	bool parted = c->state == LOGIN_wait_for_end;
	if (client_has_session(c) || parted) {
		m.as.closed.conn = c->id;
		m.as.closed.cond = c->hung_up || (parted && !why) ? PROTO_CLOSED_HUNG_UP : why;
	} else if (client_is_bound(c)) {
		m.code = MSG_forget;
		m.as.forget.conn = c->id;
	} else {
		return;
	}
	c->set.way->tell(c, &m);
}

static void go(struct client *c, enum cond why, bool flush)
{
	if (c->talks)
		client_answered(c); /* nobody waits for it any more */
	c->why = why;
	csi_free(&c->csi);
	login_goto(c, LOGIN_closing);
	if (flush)
		pipe_finish(&c->pipe);
	c->set.way->leave(c, flush);
}

static void leave(struct client *c, enum cond why, bool flush)
{
	tell_end(c, why);
	go(c, why, flush);
}

static void say_error(struct client *c, enum cond why, const char *text)
{
	struct buf out = {0};
	struct emit e = emit_to(&out);
	emit_start(&e, "stream:error");
	emit_start_ns(&e, cond_element(why).p, NS_stream_errors);
	emit_end(&e);
	if (text && *text) {
		emit_start_ns(&e, "text", NS_stream_errors);
		emit_attr(&e, "xml:lang", STR("en"));
		emit_text(&e, str_of(text));
		emit_end(&e);
	}
	emit_end(&e);
	buf_puts(&out, "</stream:stream>");
	client_say_buf(c, &out);
}

void client_fault(struct client *c, enum cond why, const char *text)
{
	if (c->state == LOGIN_closing)
		return;
	if (trace_on)
		trace_said("stream-error", why);
	log_event(stream_error, LOG_HEX("conn", c->id), LOG_STR("user", client_account(c)),
		LOG_TEXT("ip", c->address), LOG_TEXT("state", login_state_name(c->state)),
		LOG_STR("cond", cond_element(why)), LOG_TEXT("text", text));
	if (c->state == LOGIN_wait_for_stream)
		client_say_header(c, NULL);
	if (c->state != LOGIN_wait_for_tls) /* no words get through in the midst of a handshake */
		say_error(c, why, text);
	leave(c, why, true);
}

void client_part(struct client *c)
{
	tell_end(c, COND_none);
	(void)client_catch_up(c);
	csi_free(&c->csi);
	login_goto(c, LOGIN_wait_for_end);
	c->set.way->part(c);
}

void client_farewell(struct client *c, enum cond why)
{
	/* before our header there is no stream to close */
	if (c->state != LOGIN_wait_for_tls && c->state != LOGIN_wait_for_stream)
		client_say(c, STR("</stream:stream>"));
	leave(c, why, true);
}

void client_release(struct client *c)
{
	client_say(c, STR("</stream:stream>"));
	go(c, COND_none, true);
}

void client_cut(struct client *c, enum cond why)
{
	if (c->state != LOGIN_closing)
		leave(c, why, false);
}

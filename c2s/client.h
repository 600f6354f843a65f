/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One client as the login table and its verbs see it: the layers, the state, who it is. It has
 * no socket and no loop: bytes and answers are given to it, and what it wants of the world goes
 * through struct client_way, which conn.c implements for real, and the tests and fuzz targets in
 * their own way. */
#ifndef C2S_CLIENT_H
#define C2S_CLIENT_H

#include "c2s/csi.h"
#include "c2s/key_cache.h"
#include "c2s/login.h"
#include "c2s/pipe.h"
#include "c2s/sasl.h"
#include "c2s/sasl2.h"
#include "c2s/sasl_xml.h"
#include "c2s/sm_terms.h"
#include "common/conf.h"

struct client_way {
	/* A question waits in c->talks: sm is to be asked, again after each welcome, until
	 * client_answered. */
	void (*ask)(struct client *c);
	/* A numbered message to sm. */
	void (*tell)(struct client *c, const struct message *m);
	/* The ClientKey of the work, if it was accepted lately; borrowed until the next call.
	 * Empty: it is to be derived. */
	struct str (*recall)(struct client *c, const struct sasl_work *work);
	/* sm has accepted this key, of the work that was asked for last. */
	void (*remember)(struct client *c, struct str client_key);
	/* PBKDF2 on a thread, then ON_key; `work` is borrowed for the call. False: the queue is
	 * full. */
	MUST_CHECK bool (*derive)(struct client *c, const struct sasl_work *work);
	/* May another stanza go to sm? False: the client is held, until client_go_on is called. */
	bool (*credit)(struct client *c);
	/* The session is open: the negotiation's deadline and the door's count are over. */
	void (*opened)(struct client *c);
	/* The stream is over and all is said: flush, then close. `flush` false: try once to
	 * write what is on the wire already (an alert, say), and close. */
	void (*leave)(struct client *c, bool flush);
	/* It has said goodbye: sm is given a while to say the last words, then ON_deadline. */
	void (*part)(struct client *c);
	/* What is kept of a new password (common/credential.h) is derived on a thread, then
	 * ON_made. False: the queue is full. */
	MUST_CHECK bool (*enrol)(struct client *c, struct str account, struct str password);
};

/* An account that is being made, changed or removed by its user (verb_enrol.c). */
struct enrolment {
	uint8_t what;        /* enum proto_enrol */
	struct buf id;       /* of the request, unescaped */
	struct buf who;      /* the account, bare, of ENROL_NEW */
	struct buf password; /* prepared; empty once its credentials are on their way */
};

/* What is needed until the session is open, and given back then; and for a
 * change of the account, later. */
struct talks {
	struct sasl *sasl;            /* NULL: no exchange is going on */
	const struct sasl_xml *xml;   /* of that exchange, or of what was said to none */
	struct sasl2 *sasl2;          /* what goes with the exchange; NULL: it is not SASL2's */
	struct buf from;              /* the header's, if it is a bare JID */
	const struct sasl_mech *mech; /* of that exchange, or of the one that succeeded */
	struct key_tag derived;       /* of the last password that was looked for (way->recall) */
	uint32_t attempt;             /* number of the last question about an account */
	enum msg_code asking;         /* 0: no question is open */
	struct buf question;          /* its payload, encoded */
	struct buf bind_id;           /* id of the request to bind, or of iq-auth, unescaped */
	struct buf resource;          /* that iq-auth asks for, prepared */
	struct enrolment enrolment;
};

/* What the clients of a worker have in common; borrowed. */
struct client_setting {
	const struct client_way *way;
	const struct conf *conf;
	struct tls_ctx *tls; /* NULL: no certificate */
	const struct scan_limits *login_limits, *session_limits;
	const struct sm_terms *sm;
};

#define CLIENT_ADDRESS 46 /* bytes of an address as text, NUL included */

struct trace_log;

struct client {
	uint64_t id;
	uint64_t since;          /* monotonic ms when it connected; 0: unknown */
	struct trace_log *trace; /* NULL: nothing is kept (trace.h) */
	struct client_setting set;
	struct pipe pipe;
	enum login_state state;
	enum cond why; /* why the stream ended; COND_none: somebody said goodbye */
	bool hung_up;  /* it ended without a word of anybody; `why` is what sm is told */
	const struct conf_domain
		*domain;     /* NULL: not said yet; the same for the connection's life */
	struct talks *talks; /* NULL once the session is open */
	struct buf
		jid; /* the proven account; the full JID once the session is open; empty before */
	struct csi *csi;           /* what waits for an inactive one; NULL: it is active */
	const char *mechanism;     /* that proved it; static */
	unsigned failures;         /* of authentication */
	unsigned misfits;          /* of channel bindings (sasl.h) */
	uint32_t enrolments;       /* number of the last question about an enrolment */
	bool direct_tls, loopback; /* how and whence it came */
	bool carried_tls;          /* over TLS up to a proxy, which is trusted */
	char address[CLIENT_ADDRESS];
};

/* `address` is the client's, as text. False: no memory, or no TLS for direct TLS; client_end is
 * due all the same. */
MUST_CHECK bool client_start(struct client *c, uint64_t id, const struct client_setting *set,
	const char *address, bool loopback, bool direct_tls);
void client_end(struct client *c); /* frees what it owns, not itself */

void client_bytes(struct client *c, struct str bytes); /* from the network, at most 64 KiB a call */
void client_event(struct client *c, enum login_event event,
	const struct cue *cue); /* NULL: nothing comes with it */
/* A message from sm that names this client. Answers to what was not asked are dropped. */
void client_message(struct client *c, const struct message *m);
void client_go_on(struct client *c); /* scans what was kept while it was held */
/* Should bytes be read from the network? */
bool client_reads(struct client *c);
bool client_has_session(const struct client *c); /* open, in sm's eyes too */

/* For verbs. */
struct str client_domain(const struct client *c);  /* before the header: the first of ours */
struct str client_account(const struct client *c); /* the proven one, or the one that is claimed */
bool client_is_proven(const struct client *c);
/* Has sm bound an account to it, and it has no session? It may not have heard of it yet. */
bool client_is_bound(const struct client *c);
bool client_may_log_in(const struct client
		*c); /* TLS is on, or the operator does without it here */
void client_say(struct client *c, struct str words);
void client_say_buf(struct client *c, struct buf *words); /* and frees it */
/* It is inactive from now on (XEP-0352), if anything may wait for such a client. */
void client_rest(struct client *c);
/* What waits for it is said, in order; it stays inactive. False: no memory, and the rest is
 * lost. */
bool client_catch_up(struct client *c);
/* Does this wait for it, within its ceilings? Then it is kept. */
MUST_CHECK bool client_keeps(struct client *c, struct str xml);
void client_say_header(struct client *c,
	const struct scan_header *theirs); /* NULL: theirs did not come */
void client_say_bare(struct client *c, const char *name, enum ns ns,
	enum cond why); /* <name xmlns=..><why/></name>; COND_none: <name/> */
void client_refuse_stanza(struct client *c, const struct stanza *s, enum cond why,
	const char *text);
/* Asks sm; the question is kept. */
void client_ask(struct client *c, const struct message *m);
void client_answered(struct client *c);
/* Ends the stream with an error, behind our header always (RFC 6120 4.9.1.2). */
void client_fault(struct client *c, enum cond why, const char *text);
/* Ends its session, at its own wish, and waits for what sm still has for it, and for sm's end. */
void client_part(struct client *c);
/* Ends it without one: </stream:stream>; `why` is for the log and for sm. */
void client_farewell(struct client *c, enum cond why);
void client_release(struct client *c); /* the same for one that has parted, at sm's own word */
/* The connection is of no use any more. */
void client_cut(struct client *c, enum cond why);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The load generator: one thread, one epoll, many well-behaved XMPP clients on loopback, and scenes that tell them what
 * to do. It counts every message; what is lost, doubled or out of order makes the run fail. */
#ifndef T_BENCH_LOAD_H
#define T_BENCH_LOAD_H

#include "t/bench/meter.h"
#include "t/bench/wire.h"

#include <sys/types.h>

#define LOAD_DOMAIN "localhost"
#define LOAD_RESOURCE "bench"
#define LOAD_CLIENTS_MOST 18000

enum load_tls { TLS_NONE, TLS_STARTTLS, TLS_DIRECT };

struct options {
	const char *scene, *mechanism, *password;
	const char *certificate, *key; /* of the clients, for EXTERNAL; NULL: none */
	uint64_t port, tls_port;
	uint64_t clients;  /* idle, storm, presence: connections; chat: pairs; login: at the same time */
	uint64_t accounts; /* u00000 ... that there are */
	uint64_t window;   /* chat: messages in flight in each pair */
	uint64_t messages; /* offline: that are to wait */
	uint64_t seconds;  /* of measuring */
	uint64_t once;     /* login: each account once, and no warming up */
	uint64_t resume;   /* TLS sessions are resumed */
	uint64_t sasl2;    /* with Bind 2 (XEP-0388, XEP-0386) */
	uint64_t pipeline; /* and in one flight with the header, once the server is known (XEP-0509) */
	uint64_t session;  /* the session of RFC 3921 is asked for */
	uint64_t iq_auth;  /* XEP-0078 instead of SASL */
	uint64_t lenient;  /* the server is the floor: its proofs are canned */
	uint64_t kicks;    /* who is sent away once online is no failure */
	enum load_tls tls;
	pid_t servers[16]; /* and all their descendants */
	size_t server_count;
};

struct mechanism;

/* A part of a scene, measured by itself. */
struct load_phase {
	const char *name;
	uint64_t operations, began, ended;
	struct meter before, after;
	uint64_t peak; /* bytes: the most that a process of the server had of its own */
	struct histogram others; /* what those wait who only happen to be there */
};
#define LOAD_PHASES 4

struct load {
	struct options o;
	const struct mechanism *mechanism; /* of o.mechanism */
	struct {
		unsigned least, most;
	} trips; /* that a login took until the first stanza might be sent; of those that were measured */
	int epoll;
	uint64_t now;      /* ns, monotonic; of this turn */
	uint64_t deadline; /* the scene is given up */
	struct histogram latency;
	struct meter before, after;
	uint64_t began, ended; /* of the measured interval */
	bool measuring;
	uint64_t operations; /* in it */
	uint64_t done;       /* in all, for the progress line */
	uint64_t lost, doubled, disordered, failed;
	char why[320]; /* of the first failure */
	double connection_bytes;
	struct load_phase phases[LOAD_PHASES];
	size_t phase_count;
};
extern struct load load;

uint64_t load_clock(void);
/* Waits at most `milliseconds`, lets clients hear what came. */
void load_turn(int milliseconds);
void load_begin(void); /* measuring, from now on */
void load_end(void);
/* One more operation is done, that began at `since` (ns). */
void load_count(uint64_t since);
void load_trips(unsigned n); /* a client may say its first stanza, after n round trips */
void load_fail(const char *why);
bool load_late(void); /* the scene's deadline is over */

void scene_login(void);
void scene_idle(void);
void scene_storm(void);
void scene_presence(void);
void scene_chat(void);
void scene_offline(void);

#endif

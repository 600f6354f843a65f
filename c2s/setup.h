/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What c2s works with, read in one go: the configuration, and the certificates and keys that it
 * names. The parent reads it, at its start and at each reload; a worker has it by fork, or packed
 * in sealed memory, since it may open nothing itself. */
#ifndef C2S_SETUP_H
#define C2S_SETUP_H

#include "common/conf_change.h"

/* A certificate with its chain, and its key: PEM bytes. */
struct identity {
	const char *domain; /* whose it is; NULL: the one at the top level */
	struct buf certificate, key;
	struct buf client_ca; /* empty: nobody is asked for one of theirs */
	int64_t expires;      /* seconds since 1970; 0: not known, or in a worker */
};

struct setup {
	struct conf *conf;
	struct identity *identities; /* in the order of the domains, the top level's first */
	size_t count;
};

/* NULL: unusable, and `why` says so in one line, with file and line. Each pair is tried in a child
 * process: the parent must not touch the TLS library (libraries.md 1.4). */
MUST_CHECK struct setup *setup_load(const char *path, struct buf *why);
void setup_free(struct setup **s); /* wipes the keys */
/* Adds to `c` the identities that are not what they were. */
void setup_compare(struct conf_change *c, const struct setup *now, const struct setup *next);
/* Lines of "SECONDS NAME": when which certificate ends. */
void setup_expiries(const struct setup *s, struct buf *out);

/* As sealed memory to be passed on; -1: errno says why not. */
int setup_seal(const struct setup *s);
/* From such memory; `fd` stays open. NULL: `why`. */
MUST_CHECK struct setup *setup_unseal(int fd, struct buf *why);

#endif

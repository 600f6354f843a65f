/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the c2s parent and a worker say to each other, over a SOCK_SEQPACKET pair: single words, one
 * of which brings a descriptor. The end of the pair says that the other side is gone. Nothing here
 * waits. */
#ifndef C2S_PARENT_H
#define C2S_PARENT_H

#include "common/base.h"

enum parent_word {
	PARENT_READY = 'R',     /* worker: warmed up, it serves */
	PARENT_WANT_LINK = 'W', /* worker: a link to sm, please; the last one, if any, is gone */
	PARENT_LINK = 'L',      /* parent: here it is, introduced; brings the descriptor */
	PARENT_LOG = 'G',       /* parent: the log goes on in this file; brings the descriptor */
	/* parent: work with this from now on; brings sealed memory (setup.h) */
	PARENT_SETUP = 'C',
	PARENT_TICKETS = 'K',   /* parent: the keys of tickets; brings sealed memory (tickets.h) */
	PARENT_TAKEN = 'T',     /* worker: so I do */
	PARENT_NOT_TAKEN = 'N', /* worker: I could not, and go on as before */
	PARENT_DRAIN = 'D',     /* parent: take no new clients, and leave when yours have gone */
	PARENT_STOP = 'S'       /* parent: end your streams and leave */
};

enum parent_heard {
	PARENT_NOTHING, /* no word waits */
	PARENT_WORD,
	PARENT_GONE /* the other side is no more, or talks nonsense */
};

/* Both ends are non-blocking and closed on exec; fd[0] is the parent's. False: no descriptors. */
MUST_CHECK bool parent_pair(int fd[2]);
/* `passed`: a descriptor to go with the word, which the caller keeps and closes; -1: none. False:
 * it did not go out (the other side is gone, or has not read for so long that the socket is
 * full). */
MUST_CHECK bool parent_say(int fd, enum parent_word word, int passed);
/* Takes a word. *passed: its descriptor, the caller's now, or -1; NULL: none is taken, whatever the
 * other side sends. */
enum parent_heard parent_hear(int fd, enum parent_word *word, int *passed);

#endif

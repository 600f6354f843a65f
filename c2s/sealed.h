/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Memory that is filled once and passed on as a descriptor: nobody can change it any more. Its
 * first bytes say how long it is, since a confined worker may not ask (fstat(2) is another call in
 * each C library). */
#ifndef C2S_SEALED_H
#define C2S_SEALED_H

#include "common/str.h"

/* -1: errno says why not. `name` is for who looks at /proc. */
int sealed_make(const char *name, struct str bytes);
/* Maps it; `fd` stays open. False: errno says why not. */
MUST_CHECK bool sealed_open(int fd, struct str *bytes);
void sealed_close(struct str *bytes);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The c2s parent: it owns the listeners, keeps a worker alive in each slot, and is the workers'
 * broker to sm. It serves no client, and touches no TLS library before it forks (libraries.md
 * 1.4). */
#ifndef C2S_PREFORK_H
#define C2S_PREFORK_H

#include "c2s/setup.h"

/* Until SIGTERM or SIGINT; returns the exit status. Takes the setup over. SIGHUP reads it again. In
 * a worker it does not return. */
int prefork_run(struct setup **setup);

#endif

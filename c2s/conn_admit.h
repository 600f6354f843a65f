/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The TLS handshakes of a worker take turns: a few in each turn of its loop. */
#ifndef C2S_CONN_ADMIT_H
#define C2S_CONN_ADMIT_H

struct worker;

void conn_admit_start(struct worker *w); /* with the worker's loop */
void conn_admit_stop(struct worker *w);  /* closes its handles */
void conn_admit_end(struct worker *w);   /* frees, when the loop has ended */

#endif

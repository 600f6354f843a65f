/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pipeline.def as prototypes and as the functions that run a stage. */
#ifndef SM_PIPELINE_H
#define SM_PIPELINE_H

#include "sm/module.h"

enum verdict pipeline_from_client(struct traffic *t); /* a DENY is answered already */
void pipeline_routed(struct traffic *t);
void pipeline_session_ended(struct house *h, struct session *s);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The prototypes of every module's parts, from pipeline.def and iq.def: a missing one does not
 * link. */
#ifndef SM_PARTS_H
#define SM_PARTS_H

#include "sm/module.h"

#define STAGE_from_client(module) enum verdict module##_from_client(struct traffic *t);
#define STAGE_session_ended(module) void module##_session_ended(struct house *h, struct session *s);
#define AT(stage, module) STAGE_##stage(module)
#include "sm/pipeline.def"
#undef AT
#undef STAGE_from_client
#undef STAGE_session_ended

#define IQ(ns, element, type, target, handler) \
	enum cond handler(const struct iq *q, struct emit *e);
#include "sm/iq.def"
#undef IQ

#endif

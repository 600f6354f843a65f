/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs the parts of a stage, in the order of pipeline.def. */
#include "sm/pipeline.h"

#include "sm/parts.h"

/* A stage picks its own rows: those of the others expand to nothing. */
#define AT(stage, module) STAGE_##stage(module)

static enum verdict run_from_client(struct traffic *t)
{
	enum verdict v = PASS;

#define STAGE_from_client(module) \
	if (v == PASS) \
		v = module##_from_client(t);
#define STAGE_routed(module)
#define STAGE_session_shown(module)
#define STAGE_session_hidden(module)
#define STAGE_session_ended(module)
#include "sm/pipeline.def"
#undef STAGE_from_client
	return v;
}

enum verdict pipeline_from_client(struct traffic *t)
{
	enum verdict v = run_from_client(t);

	if (v == DENY)
		traffic_bounce(t, t->why);
	return v;
}

#define STAGE_from_client(module)

void pipeline_routed(struct traffic *t)
{
#undef STAGE_routed
#define STAGE_routed(module) module##_routed(t);
#include "sm/pipeline.def"
#undef STAGE_routed
#define STAGE_routed(module)
}

void pipeline_session_shown(struct house *h, struct session *s)
{
#undef STAGE_session_shown
#define STAGE_session_shown(module) module##_session_shown(h, s);
#include "sm/pipeline.def"
#undef STAGE_session_shown
#define STAGE_session_shown(module)
}

void pipeline_session_hidden(struct house *h, struct session *s)
{
#undef STAGE_session_hidden
#define STAGE_session_hidden(module) module##_session_hidden(h, s);
#include "sm/pipeline.def"
#undef STAGE_session_hidden
#define STAGE_session_hidden(module)
}

void pipeline_session_ended(struct house *h, struct session *s)
{
#undef STAGE_session_ended
#define STAGE_session_ended(module) module##_session_ended(h, s);
#include "sm/pipeline.def"
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs the parts of a stage, in the order of pipeline.def. */
#include "sm/pipeline.h"

#include "sm/parts.h"

/* A stage picks its own rows: those of the others expand to nothing. */
static enum verdict run_from_client(struct traffic *t)
{
	enum verdict v = PASS;

#define STAGE_from_client(module) \
	if (v == PASS) \
		v = module##_from_client(t);
#define STAGE_session_ended(module)
#define AT(stage, module) STAGE_##stage(module)
#include "sm/pipeline.def"
#undef AT
#undef STAGE_from_client
#undef STAGE_session_ended
	return v;
}

enum verdict pipeline_from_client(struct traffic *t)
{
	enum verdict v = run_from_client(t);

	if (v == DENY)
		traffic_bounce(t, t->why);
	return v;
}

void pipeline_session_ended(struct house *h, struct session *s)
{
#define STAGE_from_client(module)
#define STAGE_session_ended(module) module##_session_ended(h, s);
#define AT(stage, module) STAGE_##stage(module)
#include "sm/pipeline.def"
#undef AT
}

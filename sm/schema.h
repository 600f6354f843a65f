/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Databases that outlive a program: a schema is a row of numbered steps (user_version counts those
 * that were taken), each one transaction, each after a copy of what was there. A schema with more
 * steps than the program knows is refused. */
#ifndef SM_SCHEMA_H
#define SM_SCHEMA_H

#include "sm/db.h"

#define SCHEMA_APPLICATION 0x67617465 /* "gate", in the header of our databases */

struct schema_step {
	const char *what; /* for the log */
	const char *sql;
};

/* Takes the steps that are missing. Before one that finds data, PATH.before-N is written (N: the
 * step, from 1). Safe against another process that does the same at the same time. False: `why`,
 * and nothing of the step is done. */
MUST_CHECK bool schema_apply(struct db *d, const char *path, const struct schema_step *steps,
	size_t n, struct buf *why);

#endif

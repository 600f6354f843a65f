/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For tests of sm's databases: a folder of their own, and what cmocka wants included. */
#ifndef T_LIB_SM_TRY_H
#define T_LIB_SM_TRY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/buf.h"

#define TITLED(words, function) {words, function, NULL, NULL, NULL}

static char try_folder[] = "/tmp/gatehouse-unit-XXXXXX";

static inline void try_start(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!mkdtemp(try_folder))
		abort();
}

static inline const char *try_path(const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % COUNT(paths)];

	snprintf(path, sizeof paths[0], "%s/%s", try_folder, name);
	return path;
}

/* A database's files, whichever of them there are. */
static inline void try_remove(const char *name)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", ".next"};
	char path[160];

	for (size_t i = 0; i < COUNT(suffixes); i++) {
		snprintf(path, sizeof path, "%s/%s%s", try_folder, name, suffixes[i]);
		unlink(path);
	}
}

static inline void try_end(void)
{
	rmdir(try_folder);
}

static inline void try_write(const char *name, const char *content)
{
	FILE *f = fopen(try_path(name), "w");

	if (!f || fputs(content, f) < 0 || fclose(f) != 0)
		abort();
}

#endif

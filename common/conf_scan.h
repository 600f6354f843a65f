/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A first look at the file, before libconfuse reads it; private to conf*.c. libconfuse drops
 * characters that it does not know in silence, expands ${ENVIRONMENT}, lets a later setting replace
 * an earlier one and a string run over lines; here each of these is an error with its line. And it
 * does not tell where a setting stood, which is noted here. */
#ifndef COMMON_CONF_SCAN_H
#define COMMON_CONF_SCAN_H

#include "common/setting.h"

struct conf_lines {
	int global[SETTING_GLOBAL_COUNT + 1]; /* by row; 0: not in the file */
	struct conf_domain_lines {
		int title;
		int row[SETTING_DOMAIN_COUNT + 1];
	} * domains; /* in the order of the file; in `memory` */
	size_t domain_count;
};

/* False: `line` and `why` say where and what. */
MUST_CHECK bool conf_scan(struct str text, struct arena *memory, struct conf_lines *out, int *line,
	struct buf *why);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Memory for a long answer, until the command ends: the kernel gives it by the 2 MiB, not by the
 * page, which is a tenth of the time of a listing. {0} has none. */
#ifndef SM_CLI_SPACE_H
#define SM_CLI_SPACE_H

#include "common/base.h"

struct space {
	struct region *newest;
};

/* n bytes, aligned for any type, not zeroed; dies without memory. */
void *space_new(struct space *s, size_t n);
void space_end(struct space *s);

#endif

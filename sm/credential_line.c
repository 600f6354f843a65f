/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The line of credentials. */
#include "sm/credential_line.h"

#include "common/b64.h"

void credential_line_write(struct buf *out, struct str list)
{
	b64_encode(out, list);
	buf_putc(out, '\n');
}

bool credential_line_read(struct str line, struct buf *list)
{
	return b64_decode(list, line) && credential_list_ok(buf_str(list), credential_always());
}

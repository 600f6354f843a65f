/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A list of credentials (common/credential.h) on its way from the CLI to the running sm, as a line
 * of base64: the password itself never leaves the process that was told it. */
#ifndef SM_CREDENTIAL_LINE_H
#define SM_CREDENTIAL_LINE_H

#include "common/credential.h"

/* with its newline */
void credential_line_write(struct buf *out, struct str list);
/* Appends the list of a new account. False: it is none, or lacks what every account has. */
MUST_CHECK bool credential_line_read(struct str line, struct buf *list);

#endif

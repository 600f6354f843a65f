/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What SCRAM's messages are made of (RFC 5802 7), read alike by the worker, which runs the
 * exchange, and by sm, which checks what it said: attributes, "KEY=value", with commas between. */
#ifndef COMMON_SCRAM_TEXT_H
#define COMMON_SCRAM_TEXT_H

#include "common/str.h"

/* Takes "KEY=value" and the comma behind it off the front. False: something else is there, or a
 * value of no length; *s is undefined. */
MUST_CHECK bool scram_take(struct str *s, char key, struct str *value);
/* Takes off optional extensions, each a letter and a value, until an attribute `until` or the end
 * ('\0'). False: m=, which is mandatory and none that we know; a letter that has its own place; no
 * attribute at all. */
MUST_CHECK bool scram_skip_extensions(struct str *s, char until);

#endif

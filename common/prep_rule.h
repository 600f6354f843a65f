/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * PRECIS (RFC 8264) for code points and for whole strings of them; private to prep*.c. Built on
 * libunistring, whose tables are Unicode 14. */
#ifndef COMMON_PREP_RULE_H
#define COMMON_PREP_RULE_H

#include "common/base.h"

enum prep_class { PREP_IDENTIFIER, PREP_FREEFORM };

/* Is the code point in the string class, rules of context left aside (RFC 8264 8, "Code Point
 * Categories")? */
bool prep_rule_in_class(enum prep_class class, uint32_t c);
/* Are all of them, and do those that have a rule of context keep it (RFC 5892 appendix A)? */
bool prep_rule_allows(enum prep_class class, const uint32_t *s, size_t n);
/* The Bidi Rule (RFC 5893 2), which binds strings with at least one right-to-left code point. */
bool prep_rule_bidi(const uint32_t *s, size_t n);

#endif

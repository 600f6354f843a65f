/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Error conditions of streams, stanzas and SASL as one enum; rows in condition.def. */
#ifndef COMMON_CONDITION_H
#define COMMON_CONDITION_H

#include "common/str.h"

enum cond {
	COND_none = 0, /* an end without an error */
#define STREAM_CONDITION(name, element) STREAM_##name,
#define STANZA_CONDITION(name, element, type)
#define SASL_CONDITION(name, element)
#include "common/condition.def"
#undef STREAM_CONDITION
#undef STANZA_CONDITION
#undef SASL_CONDITION
	STANZA_CONDITION_FIRST = 64,
	STANZA_CONDITION_BEFORE = STANZA_CONDITION_FIRST - 1,
#define STREAM_CONDITION(name, element)
#define STANZA_CONDITION(name, element, type) STANZA_##name,
#define SASL_CONDITION(name, element)
#include "common/condition.def"
#undef STREAM_CONDITION
#undef STANZA_CONDITION
#undef SASL_CONDITION
	SASL_CONDITION_FIRST = 128,
	SASL_CONDITION_BEFORE = SASL_CONDITION_FIRST - 1,
#define STREAM_CONDITION(name, element)
#define STANZA_CONDITION(name, element, type)
#define SASL_CONDITION(name, element) SASL_##name,
#include "common/condition.def"
#undef STREAM_CONDITION
#undef STANZA_CONDITION
#undef SASL_CONDITION
	COND_later = 255 /* nothing yet: the answer comes by itself */
};

enum cond_group { COND_NO_GROUP, COND_OF_STREAM, COND_OF_STANZA, COND_OF_SASL };

struct str cond_element(enum cond c);    /* "not-authorized"; empty when unknown */
struct str cond_error_type(enum cond c); /* of a stanza condition: "cancel"; else empty */
enum cond_group cond_group(enum cond c);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The alphabet of XML 1.0 (5th edition): what each byte may be, UTF-8 (RFC 3629) byte by byte,
 * and the productions Char, NameStartChar and NameChar (the latter without the colon, as in
 * Namespaces in XML). */
#ifndef COMMON_SCAN_CHARS_H
#define COMMON_SCAN_CHARS_H

#include "common/base.h"

/* What an ASCII byte may be, as bits; a byte of 0x80 and more has none of them. */
enum chars_class {
	CHARS_BLANK = 1,      /* S: blank, TAB, LF, CR */
	CHARS_NAME_START = 2, /* of an NCName: without the colon */
	CHARS_NAME = 4,
	CHARS_TEXT = 8,   /* stands in canonical text as it is, wherever it comes: not & < > ] CR */
	CHARS_VALUE = 16, /* the same for an attribute value: not & < > " ' TAB LF CR */
	CHARS_PRINT = 32  /* a Char of ASCII at all */
};

extern const uint8_t chars_class[256];

/* A character whose bytes are still arriving. {0}: none. */
struct chars_partial {
	uint8_t have; /* bytes taken */
	uint8_t need; /* bytes that it has in all */
	char bytes[4];
};

enum chars_step { CHARS_MORE, CHARS_DONE, CHARS_NOT_UTF8 };

/* Takes the next byte of a character of two to four bytes. Wrong UTF-8 shows at the first byte
 * that cannot be. After CHARS_DONE bytes[0..need) is the character; set have = 0 to begin
 * another. */
enum chars_step chars_take(struct chars_partial *c, char byte);
uint32_t chars_code_point(const char *bytes,
	unsigned n);                                     /* of a well-formed character of n bytes */
unsigned chars_encode(uint32_t code_point, char out[4]); /* bytes written */

bool chars_is_char(uint32_t code_point);
bool chars_is_name_start(uint32_t code_point);
bool chars_is_name(uint32_t code_point);

/* The end of the run of whole well-formed characters beyond ASCII, that are Char, at p. */
const char *chars_beyond(const char *p, const char *end);
/* The same, with bytes of the class among them. */
const char *chars_run(const char *p, const char *end, uint8_t class);
/* chars_run with CHARS_TEXT and CHARS_VALUE, for long runs. */
const char *chars_text(const char *p, const char *end);
const char *chars_value(const char *p, const char *end);

#endif

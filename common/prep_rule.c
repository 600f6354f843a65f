/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which code points a name or password may have, by the derivation of RFC 8264 section 8, whose
 * order the functions below keep. */
#include "common/prep_rule.h"

#include <uninorm.h>
#include <unictype.h>

#define ZWNJ 0x200c
#define ZWJ 0x200d
#define VIRAMA 9 /* canonical combining class */

enum verdict { NO_EXCEPTION, VALID, CONTEXTUAL, DISALLOWED };

static bool within(uint32_t c, uint32_t first, uint32_t last)
{
	return c >= first && c <= last;
}

/* RFC 5892 2.6, taken over by RFC 8264 9.6. */
static enum verdict exception(uint32_t c)
{
	switch (c) {
	case 0xdf:
	case 0x3c2:
	case 0x6fd:
	case 0x6fe:
	case 0xf0b:
	case 0x3007:
		return VALID;
	case 0xb7:
	case 0x375:
	case 0x5f3:
	case 0x5f4:
	case 0x30fb:
		return CONTEXTUAL;
	case 0x640:
	case 0x7fa:
	case 0x302e:
	case 0x302f:
	case 0x303b:
		return DISALLOWED;
	}
	if (within(c, 0x660, 0x669) || within(c, 0x6f0, 0x6f9))
		return CONTEXTUAL;
	return within(c, 0x3031, 0x3035) ? DISALLOWED : NO_EXCEPTION;
}

static bool is_old_hangul(uint32_t c)
{
	return within(c, 0x1100, 0x11ff) || within(c, 0xa960, 0xa97c) ||
		within(c, 0xd7b0, 0xd7c6) || within(c, 0xd7cb, 0xd7fb);
}

static bool has_compatibility_form(uint32_t c)
{
	uint32_t room[32]; /* the longest has 18 */
	size_t n = COUNT(room);
	uint32_t *form = u32_normalize(UNINORM_NFKC, &c, 1, room, &n);

	CHECK(form == room);
	return n != 1 || form[0] != c;
}

static bool in_categories(uint32_t c, uint32_t mask)
{
	return uc_is_general_category_withtable(c, mask);
}

/* RFC 8264 9.1, LetterDigits. */
#define LETTERS_DIGITS \
	(UC_CATEGORY_MASK_Ll | UC_CATEGORY_MASK_Lu | UC_CATEGORY_MASK_Lo | UC_CATEGORY_MASK_Nd | \
		UC_CATEGORY_MASK_Lm | UC_CATEGORY_MASK_Mn | UC_CATEGORY_MASK_Mc)
/* RFC 8264 9.18, 9.14, 9.15, 9.16: OtherLetterDigits, Spaces, Symbols, Punctuation. */
#define FREEFORM_ONLY \
	(UC_CATEGORY_MASK_Lt | UC_CATEGORY_MASK_Nl | UC_CATEGORY_MASK_No | UC_CATEGORY_MASK_Me | \
		UC_CATEGORY_MASK_Zs | UC_CATEGORY_MASK_S | UC_CATEGORY_MASK_P)

bool prep_rule_in_class(enum prep_class class, uint32_t c)
{
	enum verdict verdict = exception(c);

	if (verdict != NO_EXCEPTION)
		return verdict != DISALLOWED;
	if (in_categories(c, UC_CATEGORY_MASK_Cn))
		return false;
	if (within(c, 0x21, 0x7e) || c == ZWNJ || c == ZWJ)
		return true;
	if (is_old_hangul(c) || uc_is_property_default_ignorable_code_point(c))
		return false;
	if (in_categories(c, UC_CATEGORY_MASK_Cc))
		return false;
	if (has_compatibility_form(c))
		return class == PREP_FREEFORM;
	if (in_categories(c, LETTERS_DIGITS))
		return true;
	return class == PREP_FREEFORM && in_categories(c, FREEFORM_ONLY);
}

/* RFC 5892 A.1: between letters that join across the mark, transparent ones skipped. */
static bool joins_around(const uint32_t *s, size_t n, size_t at)
{
	size_t left = at, right = at + 1;
	int before, after;

	while (left > 0 && uc_joining_type(s[left - 1]) == UC_JOINING_TYPE_T)
		left--;
	while (right < n && uc_joining_type(s[right]) == UC_JOINING_TYPE_T)
		right++;
	if (left == 0 || right == n)
		return false;
	before = uc_joining_type(s[left - 1]);
	after = uc_joining_type(s[right]);
	return (before == UC_JOINING_TYPE_L || before == UC_JOINING_TYPE_D) &&
		(after == UC_JOINING_TYPE_R || after == UC_JOINING_TYPE_D);
}

static bool has_between(const uint32_t *s, size_t n, uint32_t first, uint32_t last)
{
	for (size_t i = 0; i < n; i++) {
		if (within(s[i], first, last))
			return true;
	}
	return false;
}

static bool is_script(uint32_t c, const char *name)
{
	return uc_is_script(c, uc_script_byname(name));
}

static bool has_japanese(const uint32_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_script(s[i], "Hiragana") || is_script(s[i], "Katakana") ||
			is_script(s[i], "Han"))
			return true;
	}
	return false;
}

/* RFC 5892 appendix A, for the code point at s[at]. */
static bool context_allows(const uint32_t *s, size_t n, size_t at)
{
	uint32_t c = s[at];

	switch (c) {
	case ZWNJ:
		return (at > 0 && uc_combining_class(s[at - 1]) == VIRAMA) ||
			joins_around(s, n, at);
	case ZWJ:
		return at > 0 && uc_combining_class(s[at - 1]) == VIRAMA;
	case 0xb7: /* middle dot: Catalan */
		return at > 0 && at + 1 < n && s[at - 1] == 'l' && s[at + 1] == 'l';
	case 0x375: /* Greek lower numeral sign */
		return at + 1 < n && is_script(s[at + 1], "Greek");
	case 0x5f3:
	case 0x5f4: /* Hebrew geresh, gershayim */
		return at > 0 && is_script(s[at - 1], "Hebrew");
	case 0x30fb: /* katakana middle dot */
		return has_japanese(s, n);
	}
	if (within(c, 0x660, 0x669)) /* the two sets of Arabic digits do not mix */
		return !has_between(s, n, 0x6f0, 0x6f9);
	if (within(c, 0x6f0, 0x6f9))
		return !has_between(s, n, 0x660, 0x669);
	return true;
}

bool prep_rule_allows(enum prep_class class, const uint32_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!prep_rule_in_class(class, s[i]) || !context_allows(s, n, i))
			return false;
	}
	return true;
}

#define BIDI(name) (UINT32_C(1) << UC_BIDI_##name)
#define BIDI_ANYWHERE (BIDI(ES) | BIDI(CS) | BIDI(ET) | BIDI(ON) | BIDI(BN) | BIDI(NSM) | BIDI(EN))

static uint32_t bidi(uint32_t c)
{
	return UINT32_C(1) << uc_bidi_class(c);
}

bool prep_rule_bidi(const uint32_t *s, size_t n)
{
	uint32_t seen = 0, ending, allowed;
	bool rtl;

	for (size_t i = 0; i < n; i++)
		seen |= bidi(s[i]);
	if (!(seen & (BIDI(R) | BIDI(AL) | BIDI(AN))))
		return true;
	rtl = bidi(s[0]) & (BIDI(R) | BIDI(AL));
	if (!rtl && !(bidi(s[0]) & BIDI(L)))
		return false; /* condition 1 */
	while (n > 1 && bidi(s[n - 1]) == BIDI(NSM))
		n--;
	ending = bidi(s[n - 1]);
	if (!rtl) /* conditions 5 and 6 */
		return !(seen & ~(BIDI(L) | BIDI_ANYWHERE)) && (ending & (BIDI(L) | BIDI(EN)));
	allowed = BIDI(R) | BIDI(AL) | BIDI(AN) | BIDI_ANYWHERE;
	if ((seen & ~allowed) || ((seen & BIDI(EN)) && (seen & BIDI(AN))))
		return false;                                       /* conditions 2 and 4 */
	return ending & (BIDI(R) | BIDI(AL) | BIDI(EN) | BIDI(AN)); /* condition 3 */
}

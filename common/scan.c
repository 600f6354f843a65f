/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate: its life, and the machine that hands bytes to the steps (scan_tag.c, scan_text.c).
 * Between elements it works here, without a work area. */
#include "common/scan_work.h"

#define LIMIT_MOST \
	((size_t)1 << 30) /* offsets are 32 bits wide, and one byte becomes six at most */

static void check_limits(const struct scan_limits *limits)
{
	CHECK(limits->bytes > 0 && limits->bytes <= LIMIT_MOST);
	CHECK(limits->depth > 0 && limits->elements > 0 && limits->name_bytes > 0);
}

struct scan *scan_new(const struct scan_limits *limits)
{
	struct scan *s = mem_new(sizeof *s);

	check_limits(limits);
	s->limits = s->limits_next = limits;
	return s;
}

void scan_reset(struct scan *s)
{
	scan_work_drop(&s->work);
	mem_free(s->root);
	*s = (struct scan){.limits = s->limits_next, .limits_next = s->limits_next};
}

void scan_free(struct scan **s)
{
	if (!*s)
		return;
	scan_reset(*s);
	mem_free(*s);
	*s = NULL;
}

void scan_limit(struct scan *s, const struct scan_limits *limits)
{
	check_limits(limits);
	s->limits_next = limits;
}

const struct scan_header *scan_header(const struct scan *s)
{
	CHECK(s->work && s->event == SCAN_STREAM);
	return &s->work->header;
}

const struct scan_element *scan_element(const struct scan *s)
{
	CHECK(s->work && s->event == SCAN_ELEMENT);
	return &s->work->element;
}

enum cond scan_why(const struct scan *s)
{
	return (enum cond)s->why;
}

const char *scan_why_text(const struct scan *s)
{
	return s->why_text ? s->why_text : "";
}

bool scan_idle(const struct scan *s)
{
	return s->state == SCAN_AT_START || s->state == SCAN_AT_PROLOG ||
		s->state == SCAN_AT_BETWEEN;
}

const char *scan_fault(struct scan *s, enum cond why, const char *text)
{
	s->state = SCAN_AT_FAULT;
	s->event = SCAN_ERROR;
	s->why = (uint8_t)why;
	s->why_text = text;
	return NULL;
}

/* What the byte itself forbids comes first, so that the answer does not depend on how the bytes
 * were cut. */
const char *scan_bad_byte(struct scan *s, char byte, enum cond why, const char *text)
{
	uint8_t b = (uint8_t)byte;

	if (b < 0x80)
		return chars_class[b] & CHARS_PRINT
			? scan_fault(s, why, text)
			: scan_fault(s, STREAM_not_well_formed,
				  "a control character that XML does not have");
	if (b < 0xC2 || b > 0xF4)
		return scan_fault(s, STREAM_bad_format, "not UTF-8");
	return scan_fault(s, why, text);
}

/* A '<' outside of any element. */
static bool begin(struct scan *s)
{
	struct scan_work *w = s->work = scan_work_take();

	if (!w) {
		scan_fault(s, STREAM_resource_constraint, "there is no memory for the element");
		return false;
	}
	s->limits = s->limits_next;
	w->in_header = s->state < SCAN_AT_BETWEEN;
	w->first_byte = s->state == SCAN_AT_START;
	w->taken = 1;
	w->out_most = w->out.cap < s->limits->bytes ? w->out.cap : s->limits->bytes;
	s->state = SCAN_AT_LESS;
	return true;
}

/* A byte outside of any element that is neither blank nor '<'. U+FEFF is not let off: it is no
 * byte order mark in XMPP, wherever it stands (RFC 6120 11.6), so it is text before the root. */
static const char *outside_fault(struct scan *s, char byte)
{
	if (s->state == SCAN_AT_START && (byte == '\xFE' || byte == '\xFF' || byte == '\0'))
		return scan_fault(s, STREAM_unsupported_encoding,
			"UTF-16 or UTF-32, where XMPP is UTF-8");
	if (s->state == SCAN_AT_BETWEEN)
		return scan_bad_byte(s, byte, STREAM_bad_format,
			"text between the elements of the stream");
	return scan_bad_byte(s, byte, STREAM_not_well_formed,
		s->state == SCAN_AT_CLOSED ? "more bytes behind the end of the stream"
					   : "text before the stream header");
}

/* Takes blanks; stops behind the '<' that begins something, or behind all that it has begun. */
static const char *outside(struct scan *s, const char *p, const char *end)
{
	const char *from = p, *behind;

	while (p < end && chars_class[(uint8_t)*p] & CHARS_BLANK)
		p++;
	if (p > from && s->state == SCAN_AT_START)
		s->state = SCAN_AT_PROLOG;
	if (p == end)
		return p;
	if (*p != '<' || s->state == SCAN_AT_CLOSED)
		return outside_fault(s, *p);
	if (!begin(s))
		return NULL;
	behind = scan_quick(s, p, end);
	return behind ? behind : p + 1;
}

/* Runs the steps until something is complete, the bytes end, or the element has had all the
 * bytes that it may have. */
static const char *inside(struct scan *s, const char *p, const char *end)
{
	static scan_step *const steps[SCAN_STATES] = {
		[SCAN_AT_DECLARATION] = scan_declaration,
		[SCAN_AT_LESS] = scan_less,
		[SCAN_AT_BANG] = scan_bang,
		[SCAN_AT_TAG_NAME] = scan_tag_name,
		[SCAN_AT_GAP] = scan_gap,
		[SCAN_AT_ATTR_NAME] = scan_attr_name,
		[SCAN_AT_EQUALS] = scan_equals,
		[SCAN_AT_QUOTE] = scan_quote,
		[SCAN_AT_VALUE] = scan_value,
		[SCAN_AT_VALUE_END] = scan_value_end,
		[SCAN_AT_EMPTY_TAG] = scan_empty_tag,
		[SCAN_AT_END_NAME] = scan_end_name,
		[SCAN_AT_END_GAP] = scan_end_gap,
		[SCAN_AT_TEXT] = scan_text,
		[SCAN_AT_CDATA] = scan_cdata,
		[SCAN_AT_REFERENCE] = scan_reference,
	};
	struct scan_work *w = s->work;
	size_t left = s->limits->bytes - w->taken;
	const char *from = p;
	const char *stop = (size_t)(end - p) > left ? p + left : end;

	while (p < stop && s->state > SCAN_AT_CLOSED) {
		p = steps[s->state](s, p, stop);
		if (!p)
			return NULL;
	}
	w->taken += (size_t)(p - from);
	if (p == stop && stop < end && s->state > SCAN_AT_CLOSED)
		return scan_fault(s, STREAM_policy_violation, "the element is too long");
	return p;
}

enum scan_event scan_feed(struct scan *s, struct str bytes, size_t *used)
{
	const char *p = bytes.p;
	const char *end = bytes.n ? bytes.p + bytes.n : bytes.p;

	*used = bytes.n;
	if (s->state == SCAN_AT_FAULT)
		return SCAN_ERROR;
	s->event = SCAN_MORE;
	if (s->state <= SCAN_AT_CLOSED)
		scan_work_drop(&s->work); /* of what was handed out last time */
	while (p < end && s->event == SCAN_MORE) {
		if (s->state <= SCAN_AT_CLOSED)
			scan_work_drop(&s->work); /* of an XML declaration */
		p = s->state <= SCAN_AT_CLOSED ? outside(s, p, end) : inside(s, p, end);
		if (!p) {
			scan_work_drop(&s->work);
			return SCAN_ERROR;
		}
	}
	*used = bytes.n - (size_t)(end - p);
	return (enum scan_event)s->event;
}

void scan_rest(struct scan *s)
{
	if (s->state <= SCAN_AT_CLOSED) {
		scan_work_drop(&s->work);
		s->event = SCAN_MORE;
	}
}

bool scan_canonical_full(struct str bytes, const struct scan_limits *limits)
{
	struct scan s = {.limits = limits, .limits_next = limits, .state = SCAN_AT_BETWEEN};
	size_t used;
	bool same;

	same = scan_feed(&s, bytes, &used) == SCAN_ELEMENT && used == bytes.n &&
		str_eq(s.work->element.bytes, bytes);
	scan_work_drop(&s.work);
	return same;
}

bool scan_is_canonical(struct str bytes, const struct scan_limits *limits)
{
	return scan_canonical_quick(bytes, limits) || scan_canonical_full(bytes, limits);
}

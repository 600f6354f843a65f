/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the children of a message say of it, as bits: mark.def at work. */
#ifndef COMMON_MARK_H
#define COMMON_MARK_H

#include "common/stanza.h"

enum mark {
	MARK_other = 1 << 0,
	MARK_body = 1 << 1,
	MARK_thread = 1 << 2,
	MARK_chat_state = 1 << 3,
	MARK_private = 1 << 4,
	MARK_carbon = 1 << 5,
	MARK_no_copy = 1 << 6,
	MARK_no_store = 1 << 7,
	MARK_store = 1 << 8,
	MARK_hint = 1 << 9,
	MARK_stanza_id = 1 << 10,
	MARK_origin_id = 1 << 11,
	MARK_delay = 1 << 12,
	MARK_receipt = 1 << 13,
	MARK_marker = 1 << 14,
	MARK_invitation = 1 << 15,
	MARK_room = 1 << 16
};

/* What only goes along with what a message says. */
#define MARK_ASIDE \
	((unsigned)(MARK_thread | MARK_private | MARK_no_copy | MARK_no_store | MARK_store | \
		MARK_hint | MARK_stanza_id | MARK_origin_id | MARK_delay))

unsigned mark_child(const struct stanza_child *c); /* one bit */
unsigned mark_message(const struct stanza *s);     /* of all its children, however many */

#endif

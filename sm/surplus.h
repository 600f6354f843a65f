/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Long names, probes, questions with long answers and the like make us say much more than the
 * client says itself. That is well as long as the workers take it; once a link is choked, whoever
 * makes most of it for little must end, not the worker with everybody on it. */
#ifndef SM_SURPLUS_H
#define SM_SURPLUS_H

#include "sm/session.h"

/* The client said so much, and so much was made of it (house.made). Its session ends if that is too
 * much now. */
void surplus_note(struct house *h, struct session *s, uint64_t said, uint64_t made);

#endif

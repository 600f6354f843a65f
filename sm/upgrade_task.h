/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Verifiers that an account lacks, made by its client (XEP-0480): one that has logged in by its
 * password, and would do so in a better way the next time. A connection has one question at a time;
 * when too many wait in all, who has not begun hears that nothing is missing. */
#ifndef SM_UPGRADE_TASK_H
#define SM_UPGRADE_TASK_H

#include "proto/types.h"
#include "sm/house.h"

/* Stores what came, if it can be and is still missing, and answers with what is next. */
void upgrade_make(struct house *h, const struct msg_want_upgrade *m);

#endif

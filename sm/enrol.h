/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accounts in the hands of their users (XEP-0077), as `sm account` has them in those of the
 * operator: made, given another password, removed. What is asked twice is done once. */
#ifndef SM_ENROL_H
#define SM_ENROL_H

#include "common/base.h"

struct enrols;

struct enrols *enrols_new(void);
void enrols_free(struct enrols **e); /* after the desks */

#endif

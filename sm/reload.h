/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading the configuration again in the serving child: for SIGHUP, and for `sm reload`, which asks
 * the c2s parent for the same. What is in effect is told to our parent, whose next child begins
 * with it. */
#ifndef SM_RELOAD_H
#define SM_RELOAD_H

#include "sm/house.h"

/* Appends the report, in lines for people. False: nothing is changed, and the report says why, with
 * file and line. */
bool house_reload(struct house *h, struct buf *report);
/* The c2s parent is gone: whoever waits for its report has what we have. */
void reload_parent_gone(struct house *h);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * XMPP Ping (XEP-0199): an empty result. */
#include "sm/module.h"

enum cond ping_get(const struct iq *q, struct emit *e)
{
	(void)q;
	(void)e;
	return COND_none;
}

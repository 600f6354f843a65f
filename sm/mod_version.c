/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Software Version (XEP-0092). The operating system is nobody's business. */
#include "sm/module.h"

enum cond version_get(const struct iq *q, struct emit *e)
{
	(void)q;
	emit_start_ns(e, "query", NS_version);
	emit_leaf(e, "name", STR("gatehouse"));
	emit_leaf(e, "version", STR(GATEHOUSE_VERSION));
	emit_end(e);
	return COND_none;
}

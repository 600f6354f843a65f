/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Entity Time (XEP-0202): the server's, in UTC. Where it stands is nobody's business. */
#include "sm/module.h"

#include <time.h>

#include "common/log.h"

enum cond time_get(const struct iq *q, struct emit *e)
{
	struct timespec now;
	char stamp[LOG_STAMP];

	(void)q;
	clock_gettime(CLOCK_REALTIME, &now);
	log_stamp(stamp, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	emit_start_ns(e, "time", NS_time);
	emit_leaf(e, "tzo", STR("+00:00"));
	emit_leaf(e, "utc", str_of(stamp));
	emit_end(e);
	return COND_none;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a reload changes: two configurations compared by the rows of settings.def, and the parts
 * that only a restart changes carried over from the one to the next. */
#ifndef COMMON_CONF_CHANGE_H
#define COMMON_CONF_CHANGE_H

#include "common/conf.h"

/* Keys as in the file, with ", " between them, by when the change takes effect; a domain's setting
 * stands behind `domain "NAME": `. */
struct conf_change {
	struct buf live, fresh, restart;
};

/* `now` is what is in effect, `next` what the file says. A domain that comes or goes is `fresh`.
 * Add to it with conf_change_add what is not a setting. */
void conf_change_find(struct conf_change *c, const struct conf *now, const struct conf *next);
void conf_change_add(struct buf *list, const char *what);
void conf_change_end(struct conf_change *c);
/* For people, in lines that begin with `whose`. */
void conf_change_report(const struct conf_change *c, const char *whose, struct buf *out);
/* The same as a line of the log: event=reload. */
void conf_change_log(const struct conf_change *c);

/* Gives `next` the values of `now` for whatever waits for a restart, so that it can be in effect in
 * its place. */
void conf_inherit(struct conf *next, const struct conf *now);

#endif

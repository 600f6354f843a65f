/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Client State Indication (XEP-0352): while a client says that nobody looks at it, presence and
 * chat states wait here, the last of each sender only, until something comes that may not wait, or
 * they are more than they may be. For sm, and for the ceilings of the worker, they are in the
 * client's queue. */
#ifndef C2S_CSI_H
#define C2S_CSI_H

#include "common/buf.h"

#define CSI_MOST 256 /* stanzas that wait */

struct csi; /* of an inactive client; NULL: it is active */

struct csi *csi_new(void);
void csi_free(struct csi **s); /* and what waits; harmless for NULL */
/* May this canonical stanza wait? Then it is kept, in place of an older one that it makes
 * worthless. False: it may not, or there is no memory. */
MUST_CHECK bool csi_keep(struct csi *s, struct str xml);
size_t csi_count(const struct csi *s); /* stanzas that wait; 0 for NULL */
size_t csi_bytes(const struct csi *s); /* their bytes; 0 for NULL */
/* Takes the oldest; it is borrowed until the next call. False: none waits. */
MUST_CHECK bool csi_take(struct csi *s, struct str *xml);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A client's first bytes of TLS, looked at before the library sees them: is there enough to begin?
 * White space in front of them is passed over. */
#ifndef C2S_FLIGHT_H
#define C2S_FLIGHT_H

#include "common/str.h"

/* Is the ClientHello there, in however many records (RFC 8446 4.1.2)? What can be none, or is too
 * long for one, is there, too: whoever reads it next will say so. */
bool flight_is_whole(struct str flight);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to tls*.c: does a key belong to its certificate? */
#ifndef C2S_TLS_TRIAL_H
#define C2S_TLS_TRIAL_H

#include "common/base.h"

struct WOLFSSL_CTX;

/* Shakes hands with ourselves to know: Debian's wolfSSL_CTX_check_private_key says yes to any key
 * on the right curve. `device`: where the library's randomness comes from. */
bool tls_trial(struct WOLFSSL_CTX *server_ctx, int device);

#endif

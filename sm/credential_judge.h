/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a worker has made of a password, before it is stored. A worker may be taken over: what it
 * says must not cost others, who derive passwords with the rounds that are stored, nor be worth
 * less than what an honest one makes. */
#ifndef SM_CREDENTIAL_JUDGE_H
#define SM_CREDENTIAL_JUDGE_H

#include "common/conf.h"
#include "common/credential.h"

/* credential_list_ok, and each verifier has at least the fewest rounds there are, and not many
 * times what the configuration says (a worker may have an older one, for a moment). */
MUST_CHECK bool credential_judge(const struct conf *conf, struct str list, uint32_t needed);

#endif

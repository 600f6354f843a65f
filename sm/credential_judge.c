/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See credential_judge.h. */
#include "sm/credential_judge.h"

#define ROUNDS_LEAST 4096
#define TIMES_MOST 16

static uint64_t rounds_of(const struct conf *conf, enum hash hash)
{
	switch (hash) {
#define ROW(value, setting) \
	case value: \
		return (uint64_t)conf->setting;
		VERIFIER_HASHES(ROW)
#undef ROW
	default:
		return 0;
	}
}

bool credential_judge(const struct conf *conf, struct str list, uint32_t needed)
{
	struct credential one;
	struct verifier v = {0};
	bool good = credential_list_ok(list, needed);

	while (good && credential_next(&list, &one)) {
		if (credential_verifier(&one, &v))
			good = v.iterations >= ROUNDS_LEAST &&
				v.iterations <= TIMES_MOST * rounds_of(conf, v.hash);
	}
	mem_wipe(&v, sizeof v);
	return good;
}

/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Agreeing on a version. */
#include "proto/channel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void versions(void **state)
{
	(void)state;
	assert_int_equal(hello_agree(1, 1, 1, 1), 1);
	assert_int_equal(hello_agree(1, 2, 2, 3), 2);
	assert_int_equal(hello_agree(2, 3, 1, 2), 2);
	assert_int_equal(hello_agree(1, 5, 2, 4), 4);
	assert_int_equal(hello_agree(2, 3, 4, 5), 0);
	assert_int_equal(hello_agree(4, 5, 2, 3), 0);
	assert_int_equal(hello_agree(1, 2, 2, 1), 0); /* nonsense */
	assert_int_equal(hello_agree(1, 2, 0, 0), 0);
	assert_int_equal(hello_agree(1, 2, 0, 65535), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"hello: the highest version that both speak", versions, NULL, NULL, NULL},
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

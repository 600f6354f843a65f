/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sm, the house and its command line. */
#include "sm/cli.h"

int main(int count, char **words)
{
	return cli_main(count, words);
}

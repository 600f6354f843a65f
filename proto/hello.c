/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which version a link speaks: c2s names the oldest and the newest that it knows (introduce, join),
 * sm says which it will be (welcome). */
#include "proto/channel.h"

unsigned hello_agree(unsigned our_low, unsigned our_high, unsigned their_low, unsigned their_high)
{
	unsigned low = our_low > their_low ? our_low : their_low;
	unsigned high = our_high < their_high ? our_high : their_high;

	return low <= high ? high : 0;
}

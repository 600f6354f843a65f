/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Included before all of wolfSSL's sources, which take their random bytes from here
 * (CUSTOM_RAND_GENERATE_BLOCK). */
#ifndef GATEHOUSE_WOLFSSL_RANDOM_H
#define GATEHOUSE_WOLFSSL_RANDOM_H

#ifndef __ASSEMBLER__ /* some sources are */

/* 0, or not a byte of it is to be used. */
int gatehouse_random(unsigned char *out, unsigned n);

#endif

#endif

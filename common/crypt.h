/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one wolfCrypt user: hashes, HMAC, PBKDF2, constant-time compare. Plain functions, safe on any
 * thread. */
#ifndef COMMON_CRYPT_H
#define COMMON_CRYPT_H

#include "common/str.h"

enum hash {
	HASH_SHA1 = 1,
	HASH_SHA256 = 2,
	HASH_SHA512 = 3,
	HASH_MD5 = 4
};                  /* values go to disk and over the wire */
#define HASH_MAX 64 /* bytes of the longest digest */

size_t hash_size(enum hash h); /* bytes */
void hash_bytes(enum hash h, struct str in, uint8_t *out /* hash_size */);
void hmac_bytes(enum hash h, struct str key, struct str in, uint8_t *out /* hash_size */);
/* HMAC-MD5 with its key taken in: the two chaining values behind the padded key, which RFC 2195 3
 * would have kept instead of the key. */
#define HMAC_MD5_STATE 32 /* bytes */
void hmac_md5_state(struct str key, uint8_t state[HMAC_MD5_STATE]);
void hmac_md5_resume(const uint8_t state[HMAC_MD5_STATE], struct str in, uint8_t out[16]);
/* RFC 2898 PBKDF2-HMAC for one block (dk length = hash_size): keyed states are kept and copied,
 * half the time of wolfCrypt's own (libraries.md 1.6). Takes milliseconds: never on a loop. */
void pbkdf2(enum hash h, struct str password, struct str salt, uint32_t iterations,
	uint8_t *out /* hash_size */);
/* Equal? In a time that depends on n only. */
bool same_bytes(const void *a, const void *b, size_t n);

#endif
